"""The tables of the report, from measurements that are written down here."""

import numpy as np
import pandas as pd
import pytest

from minibatch import surrogate
from minibatch.sheets import answer
from minibatch.statistics import per_seed, spread
from minibatch.summaries import matmul, problem, published, statements, training

DEFAULTS = {
    "framework": "pytorch",
    "device": "cpu",
    "implementation": "scratch",
    "objective": "half_mse",
    "loader": "framework",
    "batch_size": 1500,
    "learning_rate": 1.0,
    "epochs": 2,
    "schedule": "constant",
    "sampling": "permutation",
    "copies": 1,
    "seed": 0,
}


def trace(run, losses, seconds, **values):
    """A trace of a point every half epoch, whose time is all computing."""
    points = np.arange(len(losses))
    columns = {"run": run, "step": points, "epoch": points / 2, "loss": losses}
    clock = {"seconds": seconds, "load_seconds": 0.0, "compute_seconds": seconds}
    return pd.DataFrame(columns | clock | {"update_seconds": 0.0}).assign(**DEFAULTS | values)


def samples(**seconds):
    """Three samples of each strategy at the chapter's size."""
    rows = [
        {"strategy": strategy, "n": 256, "block": 64 * (strategy == "block"), "seconds": value}
        for strategy, values in seconds.items()
        for value in values
    ]
    return pd.DataFrame(rows).assign(framework="pytorch", device="cpu", threads=1)


@pytest.fixture(scope="module")
def examples():
    return pd.DataFrame(surrogate.table()[:1500].astype(np.float32))


def test_a_run_is_condensed_to_its_last_loss_its_time_per_epoch_and_its_time_to_the_target():
    [row] = per_seed(trace("gd", [0.5, 0.3, 0.24, 0.26, 0.25], [0, 1, 2, 3, 4]), 0.25).to_dict(
        "records"
    )
    assert (row["loss"], row["seconds"], row["diverged"]) == (0.25, 2, False)
    assert (row["seconds_to_target"], row["steps_to_target"], row["epochs_to_target"]) == (2, 2, 1)


@pytest.mark.parametrize("last", [0.6, np.inf, np.nan])
def test_a_run_that_ends_above_its_start_or_nowhere_diverged_and_never_reached_the_target(last):
    [row] = per_seed(trace("gd", [0.5, 0.4, last], [0, 1, 2]), 0.25).to_dict("records")
    assert row["diverged"]
    assert row["seconds_to_target"] == np.inf


def test_the_spread_takes_nan_for_the_worst_and_only_values_that_occurred():
    assert spread(pd.Series([3.0, np.nan, 1.0])).to_dict() == {
        "median": 3,
        "low": 1,
        "high": np.inf,
    }
    assert spread(pd.Series([1.0, 2.0, np.inf, np.inf]))["median"] == 2


def test_rates_are_2n3_flop_and_8n_bytes_a_second():
    table = samples(full=[1e-3, 2e-3, 4e-3], copy=[1e-6] * 3)
    rows = matmul.summarise({"matmul": table}).set_index("strategy")
    assert rows.rate_median["full"] == pytest.approx(2 * 256**3 / 2e-3 / 1e9)
    assert rows.rate_low["full"] == pytest.approx(2 * 256**3 / 4e-3 / 1e9)
    assert rows.rate_median["copy"] == pytest.approx(8 * 256 / 1e-6 / 1e9)
    # A product of 256×256 matrices touches three of them, of four bytes a number.
    assert rows.intensity["full"] == pytest.approx(2 * 256**3 / (3 * 4 * 256**2))
    assert np.isnan(rows.intensity["copy"])


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


@pytest.mark.parametrize(("losses", "inside"), [([0.24, 0.26], True), ([0.25, 0.26], False)])
def test_published_values_stand_beside_ours(losses, inside):
    traces = pd.concat(
        trace("gd", [0.5, last], [0, 20.0], seed=seed, epochs=10)
        for seed, last in enumerate(losses)
    )
    tables = {
        "published": pd.DataFrame(
            [
                ["pytorch", None, "column", None, None, None, "gflops", 2.0],
                ["pytorch", "scratch", "gd", 1500, 1.0, 10, "loss", 0.249],
                ["pytorch", "scratch", "gd", 1500, 1.0, 10, "seconds_per_epoch", 4.0],
                ["pytorch", "scratch", "sgd", 1, 0.005, 2, "loss", 0.242],
                ["mxnet", None, "column", None, None, None, "gflops", 2.0],
            ],
            columns=[
                *("framework", "implementation", "experiment", "batch_size", "learning_rate"),
                *("epochs", "quantity", "value"),
            ],
        ),
        "matmul": matmul.summarise({"matmul": samples(column=[2 * 256**3 / 4e9] * 3)}),
        "training": training.summarise({"traces": traces}, 0.25),
    }
    rows = published.summarise(tables)
    assert list(rows.ratio[[0, 2]]) == pytest.approx([2, 0.5])
    assert rows.inside[1] is np.bool_(inside) or rows.inside[1] == inside
    assert rows.inside[[0, 2, 3]].isna().all()
    assert np.isnan(rows.measured[3])  # not among our runs
    assert list(rows.framework.unique()) == ["pytorch"]


def judge(examples, traces=None, **seconds):
    """Verdicts by statement."""
    traces = trace("none", [0.5], [0]) if traces is None else traces
    tables = {"examples": examples, "traces": traces, "matmul": samples(**seconds)}
    rows = statements.summarise(tables, 0.25)
    return dict(zip(rows.statement, rows.verdict, strict=True))


@pytest.mark.parametrize(
    ("column", "element", "expected"),
    [
        ([1, 1, 1], [2, 2, 2], "holds"),
        ([3, 3, 3], [2, 2, 2], "does not hold"),
        ([1, 2, 3], [2, 2, 2], "undecided"),
    ],
)
def test_column_beats_element_by_all_pairs_of_samples(examples, column, element, expected):
    found = judge(examples, column=column, element=element)
    assert found == {"One column at a time is faster than one element at a time.": expected}


@pytest.mark.parametrize(
    ("block", "expected"), [(1.2, "holds"), (1.3, "does not hold"), (0.7, "does not hold")]
)
def test_block_is_about_as_fast_as_full_within_a_factor(examples, block, expected):
    assert set(judge(examples, block=[block] * 3, full=[1] * 3).values()) == {expected}


@pytest.mark.parametrize(("rate", "expected"), [(1.0, "does not hold"), (0.9, "holds")])
def test_descent_stalls_only_below_the_stability_limit(examples, rate, expected):
    traces = trace("gd", [0.5, 0.3], [0, 1], learning_rate=rate)
    [verdict] = judge(examples, traces, full=[1]).values()
    assert verdict == expected


def test_times_are_compared_seed_by_seed_for_each_loader(examples):
    def run(name, seconds, loader):
        return [trace(name, [0.5, 0.2], [0, s], seed=i, loader=loader) for i, s in seconds]

    traces = pd.concat(
        [
            *run("sgd", [(0, 9), (1, 9)], "direct"),
            *run("minibatch_10", [(0, 5), (1, 5)], "direct"),
            *run("sgd", [(0, 9), (1, 4)], "framework"),
            *run("minibatch_10", [(0, 5), (1, 5)], "framework"),
        ]
    )
    tables = {"examples": examples, "traces": traces, "matmul": samples(full=[1])}
    rows = statements.summarise(tables, 0.25).set_index("loader")
    assert rows.verdict.to_dict() == {"direct": "holds", "framework": "undecided"}


def test_the_answer_is_the_first_at_the_target_on_the_data_as_they_are():
    traces = pd.concat(
        [
            trace("gd", [0.5, 0.2], [0, 3e-3]),
            trace("quick", [0.5, 0.2], [0, 2e-3], batch_size=300),
            trace("never", [0.5, 0.4], [0, 1e-3]),
            trace("twice", [0.5, 0.2], [0, 1e-3], copies=2),
        ]
    )
    summary = training.summarise({"traces": traces}, 0.25)
    assert answer(summary, 0.25) == (
        "First at a loss of 0.25: batch size 300 at learning rate 1 (quick), scratch in pytorch on "
        "cpu with the framework loader, 2 ms."
    )
    assert answer(summary[summary.run == "never"], 0.25) == "No run reaches a loss of 0.25."
