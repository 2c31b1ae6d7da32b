"""Real runs beside what was predicted of them: planted seconds, losses and calibrations."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.summaries import confirmed
from minibatch.summaries.intervals import of_times, over_launches

WAY = {"framework": "jax", "implementation": "scratch", "loader": "direct"}
STEPS = 60  # of 150 in an epoch, at batch size 10
SIGNS = np.array([-1.0, 1.0, -1.0, 1.0])  # of four launches


def planted(factor=1.0, again=None, loop=0.01, loss=0.249, jitter=0.01, start=None):
    """100 µs a step in each of four launches, and real runs of so many times the prediction."""
    wobble = np.exp(jitter * SIGNS)
    tables = builders.launches({(*WAY.values(), size): 1e-4 * wobble for size in (1, 10, 100)})
    if start is not None:
        tables["samples"] = tables["samples"].assign(start_seconds=start)
    times = pd.DataFrame({"batch_size": [1, 10, 100], "best": [False, True, False]})
    times = times.assign(target="0.25", machine="here", device="cpu", **WAY)
    others = [times.assign(target="1 %"), times.assign(implementation="baseline")]
    tables["time_to_target"] = pd.concat([times, *others], ignore_index=True)
    tables["steps"] = pd.DataFrame({"target": ["0.25"], "target_loss": [0.25]})
    row = WAY | {"device": "cpu", "batch_size": 10, "learning_rate": 0.1}
    row |= {"steps": STEPS, "seconds": 1e-4 * STEPS}
    real = builders.real(pd.DataFrame([row]), launches=(1, 2, 3, 4), seeds=5, turns=2)
    taken = np.where(real.turn == 0, factor, again or factor) * wobble[real.launch - 1]
    real = real.assign(seconds=real.seconds * taken, loss=loss)
    real.loc[real.seed % 5 == 0, "seconds"] *= 50  # a median over seeds takes no notice
    tables["real"] = real.assign(calibration_before=loop, calibration_after=loop)
    return tables


def summarised(**about):
    table = confirmed.summarise(planted(**about))
    assert table.batch_size.tolist() == [1, 10, 100]
    assert table.runs.tolist() == [0, 20, 0]
    return table.set_index("batch_size").loc[10]


def test_seconds_are_those_of_launches_beside_those_that_were_predicted():
    row = summarised(factor=1.1)
    assert row[["launches", "busy", "steps", "best"]].tolist() == [4, 0, 60, True]
    predicted = of_times(6e-3 * np.exp(0.01 * SIGNS))
    # of an epoch that is begun the start counts whole, a hundredth of a percent here
    names = ["predicted_seconds", "predicted_seconds_low", "predicted_seconds_high"]
    assert row[names].tolist() == pytest.approx(predicted, rel=1e-3)
    names = ["observed_seconds", "observed_seconds_low", "observed_seconds_high"]
    assert row[names].tolist() == pytest.approx(1.1 * np.array(predicted), rel=1e-6)
    assert row.ratio == pytest.approx(1.1, rel=1e-3)
    assert 1.07 < row.ratio_low < row.ratio < row.ratio_high < 1.13


@pytest.mark.parametrize(
    ("about", "within", "cause"),
    [
        ({}, "yes", ""),
        ({"factor": 1.2}, "yes", ""),
        ({"factor": 1.25}, "undecided", ""),
        ({"factor": 1.5}, "no", "unexplained"),
        ({"factor": 0.7}, "no", "unexplained"),
        ({"factor": 1.5, "again": 1.1}, "no", "cold"),
        ({"factor": 1.5, "loop": 0.015}, "no", "machine"),
        ({"factor": 3, "again": 1.5, "loop": 0.015}, "no", "several"),
        ({"jitter": 0.3}, "undecided", ""),
        ({"factor": 1.5, "again": 1.24}, "no", "perhaps cold"),
        ({"factor": 1.5, "again": 1.26}, "no", "unexplained"),
        ({"factor": 3, "again": 1.24, "loop": 0.0242}, "no", "perhaps machine"),  # 3/2.42 = 1.24
    ],
)
def test_a_verdict_is_decided_by_the_interval_and_explained_by_what_was_measured(
    about, within, cause
):
    row = summarised(**about)
    assert (row.within, row.cause) == (within, cause)


def test_a_part_of_an_epoch_is_predicted_to_start_as_a_whole_one_does():
    """Of which a share of its steps is in what a step takes: 6 ms, and 3 ms · 90/150."""
    row = summarised(factor=1.3, start=3e-3)
    assert row.ratio == pytest.approx(1, rel=1e-2)


@pytest.mark.parametrize(("middle", "reached"), [(0.24, "yes"), (0.26, "no"), (0.25, "undecided")])
def test_the_target_is_reached_where_the_interval_of_the_mean_loss_is_below_it(middle, reached):
    losses = np.repeat(middle + np.linspace(-0.005, 0.005, 20), 2)
    row = summarised(loss=losses)
    assert row.reached == reached
    ends = row[["loss", "loss_low", "loss_high"]].tolist()
    assert ends == pytest.approx(over_launches(losses[::2]))


def test_a_run_that_diverged_does_not_reach_it():
    row = summarised(loss=np.where(np.arange(40) == 4, np.inf, 0.2))
    assert (row.loss, row.reached) == (np.inf, "no")


def test_the_sentence_counts_ways_and_names_those_that_took_another_time():
    tables = [confirmed.summarise(planted(factor=factor)) for factor in (1, 1.26, 1.5)]
    tables.append(confirmed.summarise(planted(factor=2, again=1)).assign(device="cuda"))
    said = confirmed.sentence(pd.concat(tables))
    assert "within a factor of 1.25, in 1 of 4 ways of training. They did not in 2: jax" in said
    assert "jax, scratch, direct loader (1.5×, 1.5× to 1.5×; nothing that was looked" in said
    assert "jax on cuda, scratch, direct loader (2×, 2× to 2×; within it when run once" in said
    assert said.endswith("It is undecided in 1, which took 1.3× that time")
    assert confirmed.sentence(tables[0].assign(runs=0)) == ""


def test_where_no_run_was_made_there_are_no_numbers():
    tables = planted()
    tables["real"] = tables["real"][:0]
    found = confirmed.summarise(tables)
    assert (found.runs == 0).all()
    assert found[["ratio", "loss", "observed_seconds"]].isna().all(axis=None)
