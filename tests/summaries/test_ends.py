"""How runs end over many seeds, and which is closest to the floor, on losses that are known."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.summaries import ends
from minibatch.summaries.intervals import over_launches

RUNS = [
    {"run": run, "batch_size": size, "learning_rate": 0.1, "epochs": 2}
    for run, size in (("a", 1), ("b", 10), ("c", 100))
]


def summarised(**losses):
    """The rows by run; of each the losses, a seed each."""
    parts = [
        pd.DataFrame(run | {"seed": range(len(losses[run["run"]])), "loss": losses[run["run"]]})
        for run in RUNS
        if run["run"] in losses
    ]
    return ends.summarise({"finals": pd.concat(parts)}).set_index("run")


def around(mean, seed, seeds=400, deviation=0.01):
    """Losses of this mean over seeds."""
    drawn = np.random.default_rng(seed).normal(0, deviation, seeds)
    return mean + drawn - drawn.mean()


def test_the_mean_at_the_end_has_its_interval_over_seeds():
    rows = summarised(a=around(0.25, 0), b=around(0.3, 1))
    half = 1.966 * np.std(around(0.25, 0), ddof=1) / 20  # Student's, of 399 degrees of freedom
    assert rows.loc["a", ["loss", "loss_low", "loss_high"]].tolist() == pytest.approx(
        [0.25, 0.25 - half, 0.25 + half], abs=1e-6
    )
    assert rows.seeds.tolist() == [400, 400]
    assert rows.batch_size.tolist() == [1, 10]


def test_a_mean_is_the_least_where_the_differences_of_the_same_seeds_say_so():
    """Seeds that are bad in all runs say nothing of a difference: 0.0002 is sure beside 0.01."""
    shared = around(0, 0)
    rows = summarised(
        a=0.2502 + shared + around(0, 1, deviation=1e-4),
        b=0.2500 + shared,
        c=0.2600 + shared,
    )
    assert rows.closest.to_dict() == {"a": "no", "b": "yes", "c": "no"}
    assert rows.loss_high["b"] > rows.loss_low["a"]


def test_means_that_seeds_do_not_tell_apart_are_undecided_and_others_are_not():
    rows = summarised(a=around(0.2501, 0), b=around(0.25, 1), c=around(0.26, 2))
    assert rows.closest.to_dict() == {"a": "undecided", "b": "undecided", "c": "no"}


def test_the_intervals_of_several_differences_hold_together():
    """A difference that is sure alone, and is not among two."""
    apart = around(0, 0)
    _, low, high = over_launches(apart)
    apart += 1.1 * (high - low) / 2
    alone = summarised(a=0.25 + 0 * apart, b=0.25 + apart)
    assert alone.closest.to_dict() == {"a": "yes", "b": "no"}
    among = summarised(a=0.25 + 0 * apart, b=0.25 + apart, c=0.4 + apart)
    assert among.closest.to_dict() == {"a": "undecided", "b": "undecided", "c": "no"}


def test_a_run_of_which_a_seed_diverged_is_never_closest():
    one = np.append(np.full(399, 0.1), np.inf)
    rows = summarised(a=one, b=around(0.25, 1))
    assert rows.closest.to_dict() == {"a": "no", "b": "yes"}
    assert np.isinf(rows.loc["a", ["loss", "loss_low", "loss_high"]].tolist()).all()
    assert summarised(a=one).closest.to_dict() == {"a": "no"}


def test_without_a_plain_run_there_is_no_row():
    assert list(ends.summarise({"finals": builders.finals([], {})})) == ends.COLUMNS
