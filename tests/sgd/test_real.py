"""Real runs: exactly the steps asked for, from the seed's weights, to the reference's end."""

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import calibration, objective, reference, sampling
from minibatch.sgd.real import COLUMNS, Planned, Real, Run, measure
from watching import EXAMPLES

# of 7 steps, at 8 examples each: one epoch, whose last step has but 2
RUN = Run("scratch", "direct", 8, 0.05, 5, seed=3)


def made(framework, data, run):
    """What a run has noted on the clock, what the clock has read, and the loss at the end."""
    real = Real(framework, "cpu", *data)
    model = real.prepare(run)
    model.diary.clear()
    read = real.time(run, model)
    return [*model.diary], read, real.loss(run, model)


def end(data, run):
    """The loss at the end of a run, by steps of the reference that are counted here."""
    x, y = data
    parameters, epoch, left = sampling.initial_parameters(run.seed, 3), 0, run.steps
    while left:
        order = sampling.batch_order(EXAMPLES, run.seed, epoch, "permutation", 1)
        path = reference.follow(x, y, parameters, order, run.batch_size, run.learning_rate)
        taken = [*islice((after for after, _ in path), left)]
        parameters, epoch, left = taken[-1], epoch + 1, left - len(taken)
    return objective.loss(x, y, parameters)


@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
@pytest.mark.parametrize(
    ("size", "steps", "lengths"),
    [
        (8, 5, [8] * 5),
        (8, 7, [8] * 6 + [2]),  # the epoch's last batch is smaller
        (8, 9, [8] * 6 + [2] + [8] * 2),
        (50, 3, [50] * 3),
        (1, 4, [1] * 4),
    ],
)
def test_a_run_takes_just_its_steps_and_ends_where_the_reference_does(
    framework, data, implementation, size, steps, lengths
):
    run = replace(RUN, implementation=implementation, batch_size=size, steps=steps)
    noted, read, loss = made(framework, data, run)
    assert noted[0] == noted[-1] == ("wait",)  # where the clock starts and stops, and nowhere else
    between = {entry[0] for entry in noted[1:-1]} - {"compute", "update"}
    assert between == ({"epoch", "wait"} if implementation == "compiled" else set())
    assert [entry[1] for entry in noted if entry[0] == "compute"] == lengths
    assert [entry[1] for entry in noted if entry[0] == "update"] == [0.05] * steps
    assert loss == pytest.approx(end(data, run), rel=1e-5)
    assert read["epochs"] == -(-steps // -(-EXAMPLES // size))
    assert np.isnan(read["load_seconds"]) == (implementation == "compiled")


def test_a_compiled_run_stops_within_an_epoch_in_one_call(framework, data):
    noted, *_ = made(framework, data, replace(RUN, implementation="compiled", steps=9))
    calls = [entry for entry in noted if entry[0] in ("epoch", "wait")][1:-1]
    assert calls == [("epoch", 50, 8), ("wait",), ("epoch", 16, 8), ("wait",)]  # as in their times


@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
@pytest.mark.parametrize(
    "wrong", [{"steps": 6}, {"steps": 4}, {"seed": 4}, {"learning_rate": 0.0501}, {"batch_size": 7}]
)
def test_a_run_that_is_another_is_refused(framework, data, implementation, wrong):
    """One step too many or too few, or of another seed, rate or batch size."""
    run = replace(RUN, implementation=implementation)
    real, other = Real(framework, "cpu", *data), replace(run, **wrong)
    model = real.prepare(other)
    real.time(other, model)
    with pytest.raises(UserError, match="batch size 8, 5 steps, seed 3: not timed, because its"):
        real.loss(run, model)


@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
def test_every_shape_is_seen_before_the_clock_and_the_weights_stay(framework, data, implementation):
    run, real = replace(RUN, implementation=implementation, steps=9), Real(framework, "cpu", *data)
    model = real.prepare(run)
    assert {entry[1] for entry in model.diary if entry[0] == "compute"} == {8, 2}
    epochs = {entry[1] for entry in model.diary if entry[0] == "epoch"}
    assert epochs == ({50, 16} if implementation == "compiled" else set())
    np.testing.assert_array_equal(model.parameters(), sampling.initial_parameters(3, 3))


def test_a_launch_has_each_run_with_its_seeds_and_turns_in_another_order(
    framework, data, monkeypatch
):
    seen, time_of = [], Real.time
    monkeypatch.setattr(Real, "time", lambda *about: seen.append(about[1]) or time_of(*about))
    monkeypatch.setattr(calibration, "_busy", lambda *_: False)
    sizes = (1, 7, 10, 25)
    plan = [Planned(replace(RUN, batch_size=size), seeds=3, turns=2) for size in sizes]
    plan.append(Planned(replace(RUN, batch_size=50), seeds=1, turns=1))
    found = measure(Real(framework, "cpu", *data), plan, launch=2, threads=1)
    assert {*found.columns} == {*COLUMNS} - {"machine", "framework", "device"}
    seeds = found.groupby("batch_size").seed.agg(list).to_dict()
    assert seeds == {size: [3, 3, 4, 4, 5, 5] for size in sizes} | {50: [3]}
    timed = [run for run in seen[len(plan) :] if run.batch_size < 50]
    assert timed[::2] == timed[1::2]  # a run once more is straight after it
    assert len({tuple(run.batch_size for run in timed if run.seed == seed) for seed in (4, 5)}) == 2
    for row in found.itertuples():
        run = replace(RUN, batch_size=row.batch_size, seed=row.seed)
        assert row.loss == pytest.approx(end(data, run), rel=1e-5)
