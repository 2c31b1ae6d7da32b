"""How soon runs are at a loss: against losses by step, and times of steps, that are planted."""

import numpy as np
import pandas as pd
import pytest

import builders
from builders import RUN
from minibatch.sgd.cases import earliest
from minibatch.sgd.curves import GROUPS
from minibatch.summaries import runs_to_target
from minibatch.summaries.runs import unstable
from minibatch.summaries.steptime import SERIES

PROBLEM = pd.DataFrame({"examples": [1500], "stability_limit": [0.95]})
WAY = ("pytorch", "scratch", "framework")
SMALL = {"run": "small", "batch_size": 10, "learning_rate": 0.05, "epochs": 2}
LARGE = {"run": "large", "batch_size": 100, "learning_rate": 0.4, "epochs": 2}
FULL = {"run": "full", "batch_size": 1500, "learning_rate": 0.9, "epochs": 10}


def losses(run, first, last=None, groups=0.0):
    """A run that is at 0.24 from a step on, or from one step before another on, and else at 0.3.

    `groups` is what is added to the losses of each group of seeds.
    """
    end = 10 * -(-1500 // run["batch_size"])
    steps = np.arange(end + 1)
    reached = (steps >= first) & (steps < (last or np.inf))
    table = pd.DataFrame(np.where(reached, 0.24, 0.3)[:, None] + groups + np.zeros(len(GROUPS)))
    return table.set_axis(GROUPS, axis=1).assign(**run, variant="plain", step=steps)


def summarised(curves, seconds, runs=(SMALL, LARGE), ways=(WAY,), start=0.0, confirmed=()):
    """The rows by run; `seconds` of a step by batch size, a value a launch, in all ways.

    `confirmed` are real runs of the first way: batch size, whether that is best, and the verdict.
    """
    names = ["framework", "implementation", "loader"]
    timed = {(*way, size): values for way in ways for size, values in seconds.items()}
    samples = builders.samples(timed)
    samples["start_seconds"] += start
    trained = [RUN | run | dict(zip(names, way, strict=True)) for way in ways for run in runs]
    tables = {"samples": samples, "problem": PROBLEM, "training": pd.DataFrame(trained)}
    tables["variants"] = pd.concat([*curves, curves[0].assign(variant="tenth", step=0)])
    tables["confirmed"] = pd.concat([builders.unconfirmed(), real(confirmed)])
    names = [run["run"] for run in runs]
    return runs_to_target.summarise(tables, target_loss=0.25, runs=names).set_index("run")


def real(rows):
    """Real runs of WAY."""
    way = dict(zip(SERIES, ("pytorch", "cpu", *WAY[1:]), strict=True))
    found = pd.DataFrame(rows, columns=["batch_size", "best", "within"])
    return found.assign(**way, runs=20).astype({"best": bool})


def steps(curve, run=SMALL):
    row = summarised([curve], {run["batch_size"]: [1e-3] * 5}, [run]).loc[run["run"]]
    assert (row.steps_low, row.steps_high) == (earliest(row.steps), row.steps)
    return row.steps


def test_the_time_is_the_steps_times_a_step_and_an_epoch_that_is_begun_is_started_whole():
    rows = summarised([losses(LARGE, 20)], {100: [1e-3] * 5}, [LARGE], start=3e-3)
    assert rows.steps["large"] == 20
    # the start is shared out over 15 steps: of the second epoch 10 are not taken
    seconds = ["seconds_to_target", "seconds_to_target_low", "seconds_to_target_high"]
    expected = 20e-3 + (10 / 15) * 3e-3
    assert rows.loc["large", seconds].tolist() == pytest.approx([expected] * 3)
    about = {"framework": "pytorch", "device": "cpu", "implementation": "scratch"}
    assert rows.loc["large", SERIES].tolist() == [*about.values(), "framework"]


def test_the_loss_counts_from_where_it_stays_to_the_end_of_the_run_itself():
    late = losses(SMALL, 50)
    late.loc[late.step == 80, GROUPS] = 0.3
    assert steps(late) == 81
    assert steps(losses(SMALL, 50, last=300)) == np.inf  # it has two epochs, 300 steps
    assert steps(losses(SMALL, 50, last=330)) == np.inf  # a tenth beyond them counts as well
    assert steps(losses(SMALL, 50, last=331)) == 50  # what would come later does not
    assert steps(losses(SMALL, 300)) == 300
    assert steps(losses(SMALL, 301)) == np.inf  # the run has ended


def test_what_is_sure_to_diverge_never_counts_though_it_was_at_the_loss():
    assert steps(losses(FULL, 3), FULL) == 3
    assert steps(losses(FULL, 3), FULL | {"learning_rate": 0.96}) == np.inf
    assert steps(losses(SMALL, 3), SMALL | {"learning_rate": 0.05}) == 3  # of no full batch


@pytest.mark.parametrize(("schedule", "sure"), [("constant", True), ("tenth", False)])
def test_a_run_that_lowers_its_rate_is_not_sure_to_diverge(schedule, sure):
    run = RUN | FULL | {"learning_rate": 0.96, "schedule": schedule}
    assert unstable(pd.DataFrame([run]), PROBLEM.iloc[0]).tolist() == [sure]


def test_the_steps_have_an_interval_over_groups_of_seeds():
    """Half of the groups are there at step 20 already, in the mean all are at 40."""
    curve = losses(SMALL, 20)
    between = (curve.step >= 20) & (curve.step < 40)
    curve.loc[between, GROUPS] = np.where(np.arange(40) < 20, 0.24, 0.2602)
    row = summarised([curve], {10: [1e-3] * 5}, [SMALL]).loc["small"]
    assert (row.steps, row.steps_low, row.steps_high) == (40, 20, 40)
    assert row.seconds_to_target_low == pytest.approx(20e-3)
    assert row.seconds_to_target == pytest.approx(40e-3)


def test_a_run_is_soonest_where_the_ratio_to_every_other_is_sure():
    curves = [losses(SMALL, 100), losses(LARGE, 20)]
    # 0.1 s against 0.08: launches that are slow for both say nothing of the ratio
    slow = np.array([1, 2, 1, 3, 1.5])
    rows = summarised(curves, {10: 1e-3 * slow, 100: 4e-3 * slow})
    assert rows.soonest.to_dict() == {"small": "no", "large": "yes"}
    assert rows.seconds_to_target_high["large"] > rows.seconds_to_target_low["small"]
    # the same mean, where each launch says something else
    rows = summarised(curves, {10: 1e-3 * slow, 100: 4e-3 * slow[::-1] ** 2 / slow})
    assert rows.soonest.to_dict() == {"small": "undecided", "large": "undecided"}


@pytest.mark.parametrize(
    ("confirmed", "small", "large"),
    [
        ([(100, False, "yes"), (10, False, "undecided")], "no", "yes"),
        ([(100, False, "no")], "undecided", "undecided"),
        ([(10, False, "no")], "undecided", "undecided"),  # which may be sooner than it is said to
        ([(1500, False, "no")], "no", "yes"),  # of a size that is no run's
        # the best size speaks for those that no real run has
        ([(1500, True, "no")], "undecided", "undecided"),
        ([(1500, True, "no"), (100, False, "yes"), (10, False, "yes")], "no", "yes"),
    ],
)
def test_a_time_that_real_runs_refute_makes_no_run_the_soonest(confirmed, small, large):
    curves = [losses(SMALL, 100), losses(LARGE, 20)]
    rows = summarised(curves, {10: [1e-3] * 5, 100: [1e-3] * 5}, confirmed=confirmed)
    assert rows.soonest.to_dict() == {"small": small, "large": large}
    assert rows.seconds_to_target["large"] == pytest.approx(0.02)  # as predicted


def test_the_ratios_of_all_ways_of_training_hold_together():
    """A ratio that is sure alone, and is not among eight."""
    curves = [losses(SMALL, 100), losses(LARGE, 20)]
    seconds = {10: [1e-3] * 5, 100: 5e-3 * np.exp([-0.1, -0.3, -0.2, -0.35, -0.05])}
    assert summarised(curves, seconds).soonest["large"] == "yes"
    ways = [(f"another_{number}", *WAY[1:]) for number in range(8)]
    rows = summarised(curves, seconds, ways=ways)
    assert rows.soonest.tolist() == ["undecided"] * 16


def test_without_the_batch_size_among_the_times_a_run_is_undecided_and_so_are_those_before_it():
    curves = [losses(SMALL, 100), losses(LARGE, 20), losses(FULL, 3)]
    runs = [SMALL, LARGE, FULL]
    rows = summarised(curves, {10: [1e-3] * 5, 100: [1e-3] * 5}, runs)
    assert rows.soonest.to_dict() == {"small": "no", "large": "undecided", "full": "undecided"}
    assert np.isnan(rows.seconds_to_target["full"])
    assert rows.steps["full"] == 3
    # a run that is never there needs no time to be told
    curves[-1] = losses(FULL, 11)
    rows = summarised(curves, {10: [1e-3] * 5, 100: [1e-3] * 5}, runs)
    assert rows.soonest.to_dict() == {"small": "no", "large": "yes", "full": "no"}
    # nor is a framework told that no launch has timed
    rows = summarised(curves, {1: [1e-3] * 5}, runs)
    assert rows.soonest.to_dict() == {"small": "undecided", "large": "undecided", "full": "no"}


def test_a_run_that_many_seeds_do_not_have_is_undecided():
    curves, seconds = [losses(SMALL, 100)], {10: [1e-3] * 5, 100: [1e-3] * 5}
    other = SMALL | {"run": "other", "schedule": "tenth"}
    rows = summarised(curves, seconds, [SMALL, other, LARGE])
    assert rows.steps.isna().tolist() == [False, True, True]
    assert set(rows.soonest) == {"undecided"}


def test_a_problem_has_its_steps_whatever_the_runs_name_and_objective():
    alike = SMALL | {"run": "alike", "objective": "mse", "learning_rate": 0.025}
    rows = summarised([losses(SMALL, 100)], {10: [1e-3] * 5}, [alike, LARGE])
    assert rows.steps["alike"] == 100


def test_what_is_never_at_the_target_is_not_soonest_even_alone():
    rows = summarised([losses(SMALL, 400)], {10: [1e-3] * 5}, [SMALL])
    assert rows.soonest.tolist() == ["no"]
    assert rows.seconds_to_target.tolist() == [np.inf]


def test_without_runs_there_is_no_row():
    tables = {"samples": builders.samples({(*WAY, 10): [1e-3] * 5}), "problem": PROBLEM}
    tables |= {"training": pd.DataFrame([RUN | SMALL]), "confirmed": builders.unconfirmed()}
    tables["variants"] = builders.variants([], {})
    made = runs_to_target.summarise(tables, target_loss=0.25, runs=[])
    assert (list(made), len(made)) == (runs_to_target.COLUMNS, 0)
    [row] = runs_to_target.summarise(tables, target_loss=0.25, runs=["small"]).to_dict("records")
    assert (row["soonest"], np.isnan(row["steps"])) == ("undecided", True)
