"""Steps to a loss, their fit, and time to a loss: against curves and times that are planted."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.errors import UserError
from minibatch.sgd.curves import GROUPS
from minibatch.summaries import answer, critical, draws, stepcost, steps, steptime, time_to_target
from minibatch.summaries.intervals import of_resamples

GOAL = {"0.25": 0.25}
TARGETS = [{"loss": 0.25, "lowest": 0.01}]
PROBLEM = pd.DataFrame({"floor": [0.2], "examples": [1500]})
RATES = [0.1, 0.2, 0.3]
SIZES = (1, 30, 60, 75, 100, 150, 300, 1500)


def curves(losses, points, rates=RATES, size=10):
    """Losses that broadcast to (points, rates, groups); those with replacement have no groups."""
    shape = len(points), len(rates), len(GROUPS)
    cells = np.stack([np.broadcast_to(losses, shape), np.full(shape, np.nan)])
    found = pd.DataFrame(cells.reshape(-1, len(GROUPS)).astype(np.float32), columns=GROUPS)
    found["variant"] = np.repeat(["plain", "replacement"], len(found) // 2)
    found["batch_size"], found["learning_rate"] = size, np.tile(rates, 2 * len(points))
    return found.assign(step=np.tile(np.repeat(points, len(rates)), 2))


def stairs(first, second=None, last=50):
    """Losses of 1 before the step that is given for each rate, and 0 from it on: in each half."""
    points = np.arange(last + 1)
    halves = [points[:, None] >= np.array(half) for half in (first, second or first)]
    return 1.0 - np.repeat(np.stack(halves, axis=2), len(GROUPS) // 2, axis=2), points


def planted(counts):
    """Curves that are at the target from so many steps on, by the batch size; of inf never."""
    parts = []
    for size, count in counts.items():
        points = np.array([0, count - 1, count, 2 * count] if np.isfinite(count) else [0, 1, 2])
        parts.append(curves((points < count)[:, None, None], points, [0.1], size))
    return pd.concat(parts, ignore_index=True)


def chosen(table, resamples=100):
    """The only row of the summary."""
    tables = {"curves": table, "problem": PROBLEM}
    return steps.summarise(tables, targets=TARGETS, resamples=resamples).squeeze()


def test_a_target_is_a_loss_or_a_share_above_the_floor():
    found = steps.losses([*TARGETS, {"excess": 0.01}, {"excess": 0.002}], PROBLEM)
    assert list(found) == ["0.25", "floor + 1 %", "floor + 0.2 %"]
    assert list(found.values()) == pytest.approx([0.25, 0.202, 0.2004])


def test_a_target_below_what_the_sweep_reaches_is_refused():
    with pytest.raises(UserError, match=r"answer.targets: 0.201 is below 0.202000"):
        steps.losses([{"loss": 0.201, "lowest": 0.01}], PROBLEM)
    assert steps.losses([{"loss": 0.2, "lowest": 0.01}], PROBLEM) == {"0.2": 0.2}  # is not reached


@pytest.mark.parametrize(
    ("point", "rate", "best", "count"),
    [(0, 1, 0.2, 10), (15, 1, 0.2, 16), (25, 1, 0.3, 20), (50, slice(3), None, np.inf)],
)
def test_the_rate_that_is_soonest_below_the_target_for_good_is_best(point, rate, best, count):
    """All are above it at first; a loss that rises again later counts from after that."""
    losses, points = stairs([30, 10, 20])
    losses[point, rate] = 1.0
    row = chosen(curves(losses, points))
    assert row["learning_rate"] == best or (best is None and np.isnan(row["learning_rate"]))
    assert row["steps_low"] == row["steps"] == row["steps_high"] == count


@pytest.mark.parametrize(("last", "count"), [(21, np.inf), (22, 20)])
def test_a_loss_counts_where_it_is_seen_to_be_kept_for_a_tenth_longer(last, count):
    assert chosen(curves(*stairs([30, 40, 20], last=last)))["steps"] == count


def test_a_run_that_begins_below_the_target_takes_a_step():
    assert chosen(curves(*stairs([0, 10, 20])))[["learning_rate", "steps"]].tolist() == [0.1, 1]


@pytest.mark.parametrize(
    ("first", "second", "rate", "count"),
    [([20, 40, 50], [10, 5, 50], 0.1, 10), ([10, 20, 50], [30, 5, 50], 0.1, 30)],
)
def test_one_half_of_the_seeds_chooses_and_the_other_is_scored(first, second, rate, count):
    row = chosen(curves(*stairs(first, second)))
    assert (row["learning_rate"], row["steps"]) == (rate, count)


@pytest.mark.parametrize(
    ("soonest", "middle"), [([1, 2, 3], 2), ([0, 2, 4], 2), ([0, 1, 4], 1), ([3], 3)]
)
def test_of_tied_rates_the_middle_one_is_taken(soonest, middle):
    rates = [0.1, 0.2, 0.3, 0.4, 0.5]
    counts = [10 if index in soonest else 20 for index in range(5)]
    assert chosen(curves(*stairs(counts), rates))["learning_rate"] == rates[middle]


def test_a_group_that_diverged_weighs_only_where_it_is_drawn():
    """One of 20 is left out by (19/20)²⁰ = 36 % of the resamples of its half."""
    losses, points = stairs([30, 10, 20])
    losses[5:, 0] = losses[5:, 1, 0] = losses[5:, 2, 20] = np.inf
    [(_, found)] = steps.bootstrap(curves(losses, points), GOAL, 2000)
    rates, counts = found["0.25"]
    assert (rates[0], counts[0]) == (0.3, np.inf)  # the other half has one that diverged
    best = rates == 0.2
    assert (set(rates), set(counts[best]), set(counts[~best])) == ({0.2, 0.3}, {10}, {20, np.inf})
    for share in (best[1:], np.isfinite(counts[1:][~best[1:]])):
        assert share.mean() == pytest.approx(0.95**20, abs=0.045)
    row = chosen(curves(losses, points))
    assert (row["steps_low"], row["steps"], row["steps_high"]) == (10, np.inf, np.inf)


def decaying(random, rates, points, deviation=0.5):
    """Losses exp(−rate · step), times a factor of each group that is 1 in the mean."""
    factor = 1 + deviation * random.standard_normal(len(GROUPS))
    return np.exp(-np.multiply.outer(points, rates))[..., None] * factor


def test_resamples_are_of_the_same_seeds_at_all_batch_sizes():
    rates, points = np.array([0.01, 0.015, 0.02]), np.arange(400)
    losses = decaying(np.random.default_rng(0), rates, points)
    both = pd.concat([curves(losses, points), curves(losses, 2 * points, size=7)])
    (small, few), (large, many) = steps.bootstrap(both, GOAL, 200)
    assert (small, large) == (7, 10)
    assert len(set(many["0.25"][1])) > 5
    np.testing.assert_array_equal(few["0.25"][1], 2 * many["0.25"][1])


def test_intervals_of_steps_hold_the_truth():
    """In simulations that are told apart by the batch size."""
    rates, points = np.array([0.01, 0.018, 0.02]), np.arange(0, 180, 2)
    truth = points[np.argmax(np.exp(-rates[-1] * points) <= GOAL["0.25"])]
    random = np.random.default_rng(1)
    many = [curves(decaying(random, rates, points), points, rates, size) for size in range(200)]
    tables = {"curves": pd.concat(many), "problem": PROBLEM}
    found = steps.summarise(tables, targets=TARGETS, resamples=300)
    assert (found.learning_rate == 0.02).all()
    inside = (found.steps_low <= truth) & (truth <= found.steps_high)
    assert 0.9 <= inside.mean() <= 0.98


def test_a_rate_that_only_just_keeps_the_target_is_not_chosen():
    """It is soonest at the target, but comes back to a standard error below it, as after epochs.

    So it would be chosen by the mean alone, of half of the seeds, and the others often do not keep
    the target.
    """
    losses, points = stairs([12, 10, 20])
    error = 0.001
    noise = np.random.default_rng(2).standard_normal((100, 3, len(GROUPS)))
    backs = GOAL["0.25"] - error + np.sqrt(len(GROUPS) / 2) * error * noise
    parts = []
    for size, back in enumerate(backs):
        again = losses.copy()
        again[[20, 30, 40], 1] = back
        parts.append(curves(again, points, size=size))
    tables = {"curves": pd.concat(parts), "problem": PROBLEM}
    found = steps.summarise(tables, targets=TARGETS, resamples=100)
    assert (found.learning_rate == 0.1).all()
    assert (found.steps == 12).all()
    assert (found.steps_high == 12).mean() > 0.9


def law(*sizes):
    """S_min + E_min·(N − b)/(b(N − 1)) for each size, in whole steps."""
    return {size: round(1e5 + 1e8 * (1500 - size) / (size * 1499)) for size in sizes}


def fitted(counts, *more):
    tables = {"curves": pd.concat([planted(counts), *more]), "problem": PROBLEM}
    return critical.summarise(tables, targets=TARGETS, resamples=20).squeeze()


def test_the_fit_finds_the_fewest_steps_and_examples():
    row = fitted(law(1, 2, 5, 10, 100, 1500))
    assert (row["target"], row["batch_sizes"]) == ("0.25", 6)
    names = "minimum_steps", "minimum_examples", "critical_batch_size"
    for end in ("", "_low", "_high"):
        found = row[[name + end for name in names]].tolist()
        assert found == pytest.approx([1e5, 1e8, 1e3], rel=1e-4)
    assert row["residual"] == pytest.approx(0, abs=1e-4)


def test_the_fit_is_of_sizes_that_divide_the_examples_and_reach_the_target():
    losses, points = stairs([9])
    losses[..., 25] = np.inf  # reached in those resamples alone that leave this group out
    others = planted({7: 3e5, 1000: 3e5, 2: np.inf}), curves(losses, points, [0.1], 500)
    row = fitted(law(1, 10, 100, 1500), *others)
    assert row["batch_sizes"] == 4
    assert row["critical_batch_size"] == pytest.approx(1e3, rel=1e-4)
    few = fitted(law(10, 100), *others)
    assert few["batch_sizes"] == few[critical.COLUMNS[3:]].notna().sum() == 0


def test_the_fit_says_where_it_is_farthest():
    counts = law(1, 2, 5, 10, 100, 300, 500, 1500)
    row = fitted(counts | {5: round(1.3 * counts[5])})
    assert row["residual_at"] == 5
    assert 0.1 < row["residual"] < 0.3 / 1.3


BY = {"": 1, "_low": 0.9, "_high": 1.1}  # the critical size, and the ends of its interval


def measured(noise=1e-3, common=0.0, t0=1e-5, c=1e-7, trade=100, stated=100, never=()):
    """10⁵·(1 + B/b) steps of t₀ + c·b seconds, times factors of each launch, and of its cells."""
    random = np.random.default_rng(0)
    slow = np.exp(common * random.standard_normal((5, 1)) + noise * random.standard_normal((5, 8)))
    times = dict(zip(SIZES, (slow * (t0 + c * np.array(SIZES))).T, strict=True))
    ways = [("pytorch", "scratch", "direct"), ("numba", "baseline", "direct")]
    tables = builders.launches({(*way, size): times[size] for way in ways for size in SIZES})
    counts = {size: round(1e5 * (1 + trade / size)) for size in SIZES}
    tables |= {"curves": planted(counts | dict.fromkeys(never, np.inf)), "problem": PROBLEM}
    stated = {f"critical_batch_size{end}": [stated * by] for end, by in BY.items()}
    tables["critical"] = pd.DataFrame({"target": ["0.25"], **stated})
    tables["stepcost"] = stepcost.summarise(tables)
    return tables


def timed(tables):
    found = time_to_target.summarise(tables, targets=TARGETS, resamples=500)
    return found[found.framework == "pytorch"].set_index("batch_size")


def answered(tables):
    tables |= {"steptime": steptime.summarise(tables), "confirmed": builders.unconfirmed()}
    found = answer.summarise(tables, targets=TARGETS, resamples=500)
    return found.set_index("framework").T.get("pytorch")


def test_time_to_a_target_is_steps_times_what_a_step_costs():
    table = timed(measured())
    assert len(table) == len(SIZES)
    for size, row in table.iterrows():
        assert row.step_seconds == pytest.approx(1e-5 + 1e-7 * size, rel=2e-3)
        assert row.seconds_to_target == pytest.approx(1e-2 * (100 + size) ** 2 / size, rel=2e-3)
        assert row.seconds_to_target_low < row.seconds_to_target < row.seconds_to_target_high


def test_the_best_size_has_the_least_product_and_those_within_5_percent_tie():
    """T ∝ (100 + b)²/b: 400 at 100, 408.3 at 75, 416.7 at 150, but 426.7 at 60."""
    tables = measured()
    table, row = timed(tables), answered(tables)
    assert table.index[table.best].tolist() == [100]
    assert table.index[table.tie].tolist() == [75, 100, 150]
    assert row["tie_set"] == "75, 100, 150"
    assert row["best_batch_size_low"] == row["best_batch_size_high"] == 100
    assert (row["best_batch_size"], row["steps"]) == (100, 200_000)
    known = {"times_at_one": 101**2 / 400, "times_at_full": 1600**2 / 1500 / 400}
    known |= {"seconds_to_target": 4, "t0_seconds": 1e-5, "c_seconds": 1e-7, "balance": 100}
    assert row[[*known]].to_dict() == pytest.approx(known, rel=4e-3)


def test_what_slows_a_whole_launch_down_changes_no_comparison_of_sizes():
    row = answered(measured(common=0.8))
    assert row["tie_set"] == "75, 100, 150"
    assert row["seconds_to_target_high"] > 2 * row["seconds_to_target_low"]
    assert row["times_at_one_high"] < 1.01 * row["times_at_one_low"]


def test_sizes_that_noise_does_not_tell_apart_tie():
    row = answered(measured(noise=0.2))
    assert {"60", "75", "100", "150"} <= set(row["tie_set"].split(", "))
    assert "1500" not in row["tie_set"]
    assert row["best_batch_size_low"] < row["best_batch_size_high"]


def test_a_size_that_does_not_reach_the_target_is_neither_best_nor_tied():
    tables = measured(never=[100])
    table, row = timed(tables), answered(tables)
    assert table.seconds_to_target[100] == table.seconds_to_target_high[100] == np.inf
    assert not table.best[100]
    assert (row["best_batch_size"], row["tie_set"]) == (75, "60, 75, 150")
    tables = measured(never=SIZES)
    assert not timed(tables)[["best", "tie"]].any(axis=None)
    assert answered(tables) is None


def test_a_first_call_that_takes_long_in_one_launch_moves_the_best_size():
    tables = measured()
    samples = tables["samples"]
    slow = (samples.batch_size == 100) & (samples.launch == 2)
    tables["samples"] = samples.assign(first_call_seconds=1.0 + 3 * slow)
    assert answered(tables)[["with_first_call", "best_batch_size"]].tolist() == [75, 100]


@pytest.mark.parametrize(
    ("t0", "c", "trade", "stated", "cause"),
    [
        (1e-5, 1e-8, 10, 10, "calls"),
        (1e-5, 1e-7, 100, 100, "undecided"),  # t₀ is a half
        (1e-6, 1e-7, 1000, 1000, "noise"),
        (1e-6, 1e-7, 1000, 50, "arithmetic"),
        (1e-6, 1e-7, 1000, 95, "undecided"),  # the interval of B holds the best size
        (1e-6, 1e-7, 1000, np.nan, "undecided"),
    ],
)
def test_the_cause_is_what_takes_most_of_a_step(t0, c, trade, stated, cause):
    row = answered(measured(1e-2, 0, t0, c, trade, stated))
    assert (row["best_batch_size"], row["with_first_call"], row["cause"]) == (100, 100, cause)


@pytest.mark.parametrize("implementation", ["compiled", "graph"])
def test_what_a_call_of_an_epoch_costs_is_no_cost_of_examples(implementation):
    """At batch size 100 it is 50 of 61 µs; were it the examples', the cause would be noise."""
    call = 7.5e-4
    tables = measured(1e-3, 0, t0=1e-6, c=1e-7 + call / 1500, trade=6000, stated=6000)
    samples = tables["samples"].assign(implementation=implementation, load_seconds=np.nan)
    samples["start_seconds"] = np.where(samples.epoch_steps > 1, call, np.nan)
    tables["samples"] = samples
    tables["stepcost"] = stepcost.summarise(tables)
    row = answered(tables)
    assert (row["best_batch_size"], row["cause"]) == (100, "calls")
    assert row["c_seconds"] == pytest.approx(1e-7, rel=0.05)


@pytest.mark.parametrize(
    ("times", "spread", "cause"), [(9, 0, "loader"), (1, 0, "calls"), (5, 0.2, "undecided")]
)
def test_the_cause_is_loading_where_that_is_more_than_a_half(times, spread, cause):
    """At the best size, and in each launch as much; at the others a step loads for a tenth."""
    tables = measured(t0=1e-5, c=1e-8, trade=10, stated=10)
    samples = tables["samples"]
    factor = (times * (1 + spread * (samples.launch - 3))).where(samples.batch_size == 100, 1)
    loading = {name: factor * samples[name] for name in ("load_seconds", "start_seconds")}
    tables["samples"] = samples.assign(**loading)
    assert answered(tables)["cause"] == cause


def test_intervals_of_times_hold_the_truth_over_launches():
    """Five launches: so do those of a ratio of sizes, whose launches share a factor."""
    random, inside = np.random.default_rng(2), []
    for _ in range(600):
        logs = random.normal(0, 0.1, (5, 3)) + random.normal(0, 0.3, (5, 1))
        drawn = draws.launch_draws(1e-5 * np.exp(logs), 1000)
        assert drawn[0] == pytest.approx(1e-5 * np.exp(logs.mean(axis=0)))
        for values, truth in ((drawn[:, 0], 1e-5), (drawn[:, 2] / drawn[:, 1], 1)):
            low, high = of_resamples(values)
            inside.append(low <= truth <= high)
    assert np.reshape(inside, (-1, 2)).mean(axis=0) == pytest.approx(0.95, abs=0.025)


def test_where_the_best_size_may_not_reach_the_target_nothing_is_as_good():
    never = np.array([1.0, np.inf, 3.0])
    mostly, seldom = (
        np.vstack(
            [[3.0, 2, 3], np.tile([3.0, 2, 3], (1000 - count, 1)), np.tile(never, (count, 1))]
        )
        for count in (100, 10)
    )
    assert not time_to_target.tied(mostly).any()
    assert time_to_target.tied(seldom).tolist() == [False, True, False]


def test_two_times_of_which_neither_is_reached_have_a_ratio_of_one():
    found = draws.ratio(np.array([np.inf, np.inf, 2]), np.array([np.inf, 2, np.inf]))
    assert found.tolist() == [1, np.inf, 0]
