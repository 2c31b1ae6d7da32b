"""The tables of the report, from measurements that are written down here."""

from itertools import chain

import numpy as np
import pandas as pd
import pytest

import builders
from builders import RUN, trace
from minibatch.sgd import surrogate
from minibatch.summaries import agreement, chapter, matmul, problem, published, statements, training
from minibatch.summaries.intervals import of_times
from minibatch.summaries.per_seed import per_seed, plain, spread
from minibatch.summaries.text import digits, times


def samples(**seconds):
    """A launch for each of the seconds of a strategy at the chapter's size."""
    return builders.products(
        {
            (strategy, 256, 64 * (strategy == "block"), "float32"): values
            for strategy, values in seconds.items()
        }
    )


def rates(**seconds):
    """Their summary, beside what bounds the machine."""
    return matmul.summarise({"matmul": samples(**seconds), "ceilings": builders.ceilings()})


# Step times of a framework that these tests are not about.
TIMED = builders.launches({("another", "scratch", "direct", 1): [1e-6, 2e-6]})
TIMED |= builders.swept() | {"gradient_law": builders.law()}


@pytest.fixture(scope="module")
def examples():
    return pd.DataFrame(surrogate.table()[:1500].astype(np.float32))


def test_a_run_is_condensed_to_its_last_loss_its_time_per_epoch_and_its_time_to_the_target():
    [row] = per_seed(trace("gd", [0.5, 0.3, 0.24, 0.26, 0.25], [0, 1, 2, 3, 4]), 0.25).to_dict(
        "records"
    )
    assert (row["loss"], row["seconds"], row["diverged"]) == (0.25, 2, False)
    assert row["seconds_to_target"] == 2


def test_a_loss_that_is_the_target_has_reached_it():
    [row] = per_seed(trace("gd", [0.5, 0.25, 0.24], [0, 1, 2]), 0.25).to_dict("records")
    assert row["seconds_to_target"] == 1


@pytest.mark.parametrize("last", [0.6, np.inf, np.nan])
def test_a_run_that_ends_above_its_start_or_nowhere_diverged_and_never_reached_the_target(last):
    [row] = per_seed(trace("gd", [0.5, 0.4, last], [0, 1, 2]), 0.25).to_dict("records")
    assert row["diverged"]
    assert row["seconds_to_target"] == np.inf


@pytest.mark.parametrize(
    "values", [{"schedule": "tenth"}, {"sampling": "replacement"}, {"copies": 2}]
)
def test_a_run_that_differs_in_one_respect_is_not_plain(values):
    rows = pd.DataFrame([RUN, RUN | values, RUN | {"learning_rate": 2.0}])
    assert plain(rows).tolist() == [True, False, True]
    assert plain(rows[:0]).tolist() == []


def test_the_chapters_products_are_those_of_its_size_precision_block_and_strategies():
    kept = [("full", 256, 0, "float32"), ("block", 256, 64, "float32")]
    others = [("full", 128, 0, "float32"), ("full", 256, 0, "tf32"), ("block", 256, 16, "float32")]
    others += [("product", 256, 0, "float32"), ("copy", 256, 0, "float32")]
    columns = ["strategy", "n", "block", "precision"]
    found = chapter.products(pd.DataFrame([*others, *kept], columns=columns))
    assert list(found.itertuples(index=False, name=None)) == kept


def test_the_spread_takes_nan_for_the_worst_and_only_values_that_occurred():
    assert spread(pd.Series([3.0, np.nan, 1.0])).to_dict() == {
        "median": 3,
        "low": 1,
        "high": np.inf,
    }
    assert spread(pd.Series([1.0, 2.0, np.inf, np.inf]))["median"] == 2


def test_rates_are_2n3_flop_and_8n_bytes_a_second():
    rows = rates(full=[1e-3, 2e-3, 4e-3], copy=[1e-6] * 3)
    rows = rows[rows.framework == "pytorch"].set_index("strategy")
    mean, low, high = of_times([1e-3, 2e-3, 4e-3])
    assert rows.seconds["full"] == pytest.approx(mean)
    assert rows.rate["full"] == pytest.approx(2 * 256**3 / mean / 1e9)
    assert rows.rate_low["full"] == pytest.approx(2 * 256**3 / high / 1e9)
    assert rows.rate_high["full"] == pytest.approx(2 * 256**3 / low / 1e9)
    assert rows.rate["copy"] == pytest.approx(8 * 256 / 1e-6 / 1e9)
    # A product of 256×256 matrices touches three of them, of four bytes a number.
    assert rows.intensity["full"] == pytest.approx(2 * 256**3 / (3 * 4 * 256**2))
    assert np.isnan(rows.intensity["copy"])
    assert (rows.launches == 3).all()


def test_a_launch_counts_once_by_its_median_and_a_part_of_a_product_by_its_work():
    table = samples(row=[1.0, 1.0], full=[1e-3, 1e-3])
    part = table.strategy == "row"
    table.loc[part, "work"] //= 8
    table.loc[part, "seconds"] = [0.1, 0.1, 0.3, 0.3]
    outlier = table[part & (table.repeat == 0)].assign(repeat=2, seconds=9.0)
    table = pd.concat([table, outlier.assign(seconds=[9.0, 0.3])])
    [row] = matmul.per_launch(table).query("strategy == 'row' and launch == 1").to_dict("records")
    assert row["seconds"] == pytest.approx(0.8)
    made = matmul.summarise({"matmul": table, "ceilings": builders.ceilings()})
    made = made.set_index("strategy").loc["row"]
    assert made.seconds == pytest.approx(8 * np.sqrt(0.1 * 0.3))
    assert made.to_full == pytest.approx(8e3 * np.sqrt(0.1 * 0.3))
    assert made.rate == pytest.approx(2 * 256**3 / made.seconds / 1e9)


def test_the_ratio_to_the_full_product_is_taken_launch_by_launch_and_in_one_precision():
    found = rates(element=[2, 20, 200], full=[1, 10, 100])
    found = found[found.framework == "pytorch"].set_index("strategy")
    ends = ["to_full", "to_full_low", "to_full_high"]
    assert found.loc["element", ends].tolist() == pytest.approx([2, 2, 2])
    assert found.seconds_high["element"] > 100 * found.seconds_low["element"]
    alone = rates(element=[2, 20, 200])
    assert alone.to_full.isna().all()


def test_launches_in_which_the_machine_was_busy_are_counted():
    table = samples(full=[1, 1, 1])
    table.loc[table.launch == 2, "busy"] = True
    made = matmul.summarise({"matmul": table, "ceilings": builders.ceilings()})
    assert made.set_index("strategy").busy["full"] == 1


def test_the_problem_has_the_floor_and_the_stability_limit_of_the_chapter(examples):
    [row] = problem.summarise({"examples": examples}).to_dict("records")
    assert row["floor"] == pytest.approx(0.241688, abs=5e-7)
    assert row["largest_eigenvalue"] == pytest.approx(2.0985, abs=5e-5)
    assert row["stability_limit"] == pytest.approx(0.9531, abs=5e-5)
    assert row["condition_number"] == pytest.approx(12, abs=0.5)


def test_a_run_has_the_median_and_range_of_its_seeds():
    traces = pd.concat(
        trace("gd", [0.5, last], [0, 1], seed=seed, epochs=1)
        for seed, last in enumerate([0.3, 0.2, 0.6])
    )
    [row] = training.summarise({"traces": traces}, 0.25).to_dict("records")
    assert [row[f"loss_{name}"] for name in ("median", "low", "high")] == [0.3, 0.2, 0.6]
    assert (row["seeds"], row["diverged"]) == (3, pytest.approx(1 / 3))
    assert row["seconds_to_target_median"] == np.inf


GD = {"run": "gd", "batch_size": 1500, "learning_rate": 1.0, "epochs": 10}


@pytest.mark.parametrize(
    ("value", "percentiles", "inside"),
    [
        (0.250, (0.4, 0.6), True),  # of 200 losses, evenly from 0.2475 to 0.2525
        (0.246, (0.0, 0.0), False),
        (0.254, (1.0, 1.0), False),
        (0.252, (0.8, 1.0), True),
    ],
)
def test_published_values_stand_beside_ours(value, percentiles, inside):
    tables = {
        "published": pd.DataFrame(
            [
                ["pytorch", None, "column", None, None, None, "gflops", 2.0],
                ["pytorch", "scratch", "gd", 1500, 1.0, 10, "loss", value],
                ["pytorch", "scratch", "gd", 1500, 1.0, 10, "seconds_per_epoch", 4.0],
                ["pytorch", "scratch", "sgd", 1, 0.005, 2, "loss", 0.242],
                ["mxnet", None, "column", None, None, None, "gflops", 2.0],
            ],
            columns=[
                *("framework", "implementation", "experiment", "batch_size", "learning_rate"),
                *("epochs", "quantity", "value"),
            ],
        ),
        "matmul": rates(column=[2 * 256**3 / 4e9] * 3),
        "training": training.summarise(
            {"traces": trace("gd", [0.5, 0.9], [0, 20.0], epochs=10)}, 0.25
        ),
        "finals": builders.finals([GD], {"gd": 0.25}),
        "samples": builders.samples({("pytorch", "scratch", "framework", 1500): [1.9, 2.0, 2.1]}),
    }
    rows = published.summarise(tables)
    # theirs are of 0.03 GFLOP
    assert rows.published[0] == pytest.approx(2 * 0.033554432 / 0.03)
    mean, low, high = of_times([1.9, 2.0, 2.1])
    assert list(rows.ratio[[0, 2]]) == pytest.approx([2 * 0.03 / 0.033554432, mean / 4])
    assert list(rows.loc[2, ["measured", "low", "high"]]) == pytest.approx([mean, low, high])
    # alone of its kind, and published as 4.0 after rounding
    ends = low / 4.0005, high / 3.9995
    assert tuple(rows.loc[2, ["ratio_low", "ratio_high"]]) == pytest.approx(ends)
    assert rows.ratio_low[[0, 1, 3]].isna().all()
    assert tuple(rows.loc[1, ["percentile_low", "percentile_high"]]) == pytest.approx(percentiles)
    assert list(rows.loc[1, ["measured", "low", "high"]]) == pytest.approx(
        [0.25, 0.2476, 0.2524], rel=1e-3
    )
    assert bool(rows.inside[1]) is inside
    assert rows.inside[[0, 2, 3]].isna().all()
    assert np.isnan(rows.measured[3])  # not among our runs
    assert list(rows.framework.unique()) == ["pytorch"]


def test_a_published_loss_of_an_objective_without_the_half_is_among_runs_at_twice_the_rate():
    same = {"batch_size": 10, "learning_rate": 0.01, "epochs": 4}
    row = {"framework": "pytorch", "implementation": "concise", "experiment": "concise"} | same
    run = trace("any", [0.5, 0.3], [0, 1], implementation="concise", objective="mse", **same)
    runs = [{"run": "half", **same}, {"run": "twice", **same, "learning_rate": 0.02}]
    tables = {
        "published": pd.DataFrame([row | {"quantity": "loss", "value": 0.3}]),
        "matmul": rates(column=[1.0] * 3),
        "training": training.summarise({"traces": run}, 0.25),
        "finals": builders.finals(runs, {"half": 0.2, "twice": 0.3}),
        "samples": builders.samples({("pytorch", "scratch", "framework", 1): [1.0]}),
    }
    assert published.summarise(tables).measured[0] == pytest.approx(0.3, rel=1e-3)


def epochs(seconds, **about):
    """What is said of published epochs of 10 seconds, of several runs whose steps were timed."""
    rows = [
        {"framework": "pytorch", "implementation": kind, "experiment": "any", "batch_size": size}
        | {"learning_rate": 1.0, "epochs": 2, "quantity": "seconds_per_epoch", "value": 10.0}
        for _, kind, _, size in seconds
    ]
    tables = {
        "published": pd.DataFrame(rows),
        "matmul": rates(column=[1.0] * 3),
        "training": training.summarise({"traces": trace("gd", [0.5, 0.9], [0, 20.0])}, 0.25),
        "finals": builders.finals([], {}),
        "samples": builders.samples(seconds, **about),
    }
    return published.summarise(tables)


def test_the_interval_of_an_epochs_ratio_is_one_of_all_that_are_published():
    steps = {("pytorch", "scratch", "framework", size): [0.1, 0.2, 0.15] for size in (10, 100)}
    [_, row] = epochs(steps).itertuples()
    mean, low, high = of_times([15 * 0.1, 15 * 0.2, 15 * 0.15], among=2)
    assert row.measured == pytest.approx(mean)
    assert (row.ratio_low, row.ratio_high) == pytest.approx((low / 10.0005, high / 9.9995))
    assert row.low > low


@pytest.mark.parametrize(
    ("cell", "about"),
    [
        (("pytorch", "scratch", "direct", 100), {}),  # the chapter's loader is another
        (("pytorch", "scratch", "framework", 100), {"examples": 300}),
        (("mxnet", "scratch", "framework", 100), {}),
    ],
)
def test_an_epoch_of_other_steps_than_the_chapters_is_not_beside_its_time(cell, about):
    [row] = epochs({cell: [0.1, 0.2]}, **about).itertuples()
    assert np.isnan([row.measured, row.ratio, row.ratio_low]).all()


def judge(examples, finals=None):
    """What is said of gradient descent, by statement."""
    finals = builders.finals([GD], {"gd": 0.3}) if finals is None else finals
    tables = TIMED | {"examples": examples, "finals": finals, "matmul": samples(full=[1])}
    rows = statements.summarise(tables | {"ceilings": builders.ceilings()}, **builders.ANSWER)
    return rows[rows.statement.str.startswith("Gradient descent")]


@pytest.mark.parametrize(("rate", "expected"), [(1.0, "does not hold"), (0.9, "holds")])
def test_descent_stalls_only_below_the_stability_limit(examples, rate, expected):
    [row] = judge(
        examples, builders.finals([GD | {"learning_rate": rate}], {"gd": 0.3})
    ).itertuples()
    assert row.verdict == expected
    side = "above" if rate == 1 else "below"
    assert row.evidence.startswith(f"{rate:g} is {side} the stability limit 2/λmax = 0.9531")
    assert "after the 10 steps of gd it is 0.2971 to 0.3028 for 95 % of 200 seeds" in row.evidence


def test_a_run_on_a_part_of_the_examples_is_no_descent_whatever_its_name(examples):
    assert judge(examples, builders.finals([GD | {"batch_size": 50}], {"gd": 0.3})).empty


@pytest.mark.parametrize("rate", [1.0, 1e200])
def test_the_evidence_counts_one_step_as_one_and_has_numbers_alone(examples, rate):
    run = GD | {"epochs": 1, "learning_rate": rate}
    [text] = judge(examples, builders.finals([run], {"gd": np.inf})).evidence
    assert "after the 1 step of gd" in text
    assert "nan" not in text


# How far apart one problem ends in several ways.


def ways(*losses, **values):
    """A run that ends at these losses, seed by seed."""
    values = {"run": "gd", "seconds": [0, 1]} | values
    return [trace(losses=[0.5, loss], seed=seed, **values) for seed, loss in losses]


def agree(*runs):
    return agreement.summarise({"traces": pd.concat(chain(*runs))})


def seeds(*losses):
    return enumerate(losses)


def test_one_problem_in_several_ways_is_as_far_apart_as_its_farthest_final_loss():
    [row] = agree(
        ways(*seeds(0.2, 0.4)),
        ways(*seeds(0.2, 0.4), loader="direct"),
        ways(*seeds(0.2, 0.4004), framework="jax"),
        ways(*seeds(0.1998, 0.4), implementation="concise", run="concise"),
    ).to_dict("records")
    assert (row["ways"], row["seeds"]) == (4, 2)
    assert row["apart"] == pytest.approx(1e-3)  # not of the mean, nor of the other seed
    assert (row["batch_size"], row["learning_rate"], row["epochs"]) == (1500, 1, 2)


@pytest.mark.parametrize(
    "other",
    [
        {"batch_size": 100},
        {"learning_rate": 0.5},
        {"epochs": 3},
        {"objective": "mse"},
        {"schedule": "tenth"},
        {"sampling": "replacement"},
        {"copies": 2},
    ],
    ids=str,
)
def test_other_problems_are_not_compared(other):
    assert agree(ways(*seeds(0.2)), ways(*seeds(0.4), framework="jax", **other)).empty
    found = agree(
        ways(*seeds(0.2)),
        ways(*seeds(0.2), loader="direct"),
        ways(*seeds(0.4), framework="jax", **other),
        ways(*seeds(0.4), framework="mxnet", **other),
    )
    assert found.apart.tolist() == [0, 0]
    assert found.ways.tolist() == [2, 2]


def test_a_problem_that_was_solved_in_one_way_is_left_out_however_many_runs_it_is_in():
    assert agree(ways(*seeds(0.2, 0.3))).empty
    assert agree(ways(*seeds(0.2, 0.3)), ways(*seeds(0.2, 0.3), run="the_same_again")).empty


def test_ways_that_have_fewer_seeds_count_as_whole_ones():
    [row] = agree(
        ways(*seeds(0.2, 0.3, 0.4)),
        ways(*seeds(0.2, 0.3), implementation="concise"),
        ways(*seeds(0.2, 0.3003), implementation="compiled"),
    ).to_dict("records")
    assert (row["ways"], row["seeds"]) == (3, 3)
    assert row["apart"] == pytest.approx(1e-3)


@pytest.mark.parametrize("last", [np.nan, np.inf])
def test_a_way_that_alone_diverges_is_infinitely_far_apart(last):
    [row] = agree(
        ways(*seeds(0.2)), ways(*seeds(0.2), loader="direct"), ways(*seeds(last), framework="jax")
    ).to_dict("records")
    assert row["apart"] == np.inf


@pytest.mark.parametrize("last", [np.nan, np.inf])
def test_a_problem_that_diverges_in_every_way_has_no_distance(last):
    [row] = agree(ways(*seeds(last)), ways(*seeds(last), framework="jax")).to_dict("records")
    assert row["ways"] == 2
    assert np.isnan(row["apart"])


# Numbers as text.


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.04744, "0.0474"), (30.06, "30.1"), (1439.6, "1,440"), (669_900, "670,000"), (5, "5")],
)
def test_numbers_have_three_digits_and_commas(value, said):
    assert digits(value) == said


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0.127, "0.13×"),
        (1, "1×"),
        (1.26, "1.3×"),
        (78.9, "79×"),
        (71_849, "72,000×"),
        (1.24e6, "1,200,000×"),
    ],
)
def test_ratios_are_rounded_to_two_digits(ratio, text):
    assert times(ratio) == text
