"""Steps back to back: what is done between start and stop, on a framework of NumPy that watches."""

import time

import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import calibration
from minibatch.sgd.pace import CALLS, REPEATS, Cell, Pace, measure
from watching import EXAMPLES, Compiled, Model, loader


def work(framework, data, cell, device="cpu", seconds=1e-3):
    pace = Pace(framework, device, *data, seed=0)
    warm = pace.warm_up(cell, seconds)
    pace.time(warm, 0)
    return pace, warm


@pytest.mark.parametrize("size", [1, 7, 50])
def test_between_start_and_stop_there_are_steps_and_nothing_else(framework, data, size):
    pace, warm = work(framework, data, Cell("scratch", "direct", size))
    warm.model.diary.clear()
    read = pace.time(warm, 1)
    kinds = [entry[0] for entry in warm.model.diary]
    steps = warm.steps * warm.epochs
    assert kinds == ["read", "wait", *["compute", "update"] * steps, "wait"]
    assert {entry[1] for entry in warm.model.diary if entry[0] == "update"} == {0.001}
    parts = sum(read[f"{name}_seconds"] for name in ("start", "load", "compute", "update"))
    assert read["seconds"] == pytest.approx(parts)


def test_a_compiled_epoch_is_a_call_and_has_no_phases(framework, data):
    pace, warm = work(framework, data, Cell("compiled", "direct", 7))
    warm.model.diary.clear()
    read = pace.time(warm, 1)
    noted = [entry for entry in warm.model.diary if entry[0] in ("epoch", "wait")]
    waited = [("epoch", EXAMPLES, 7), ("wait",)] * warm.epochs
    alone = [("wait",), ("epoch", 7, 7), ("wait",)] * CALLS  # what a call costs by itself
    assert noted == [("wait",), *waited, ("wait",), *alone]
    assert (warm.steps, warm.epoch_steps) == (8, 8)
    assert np.isnan([read[f"{name}_seconds"] for name in ("load", "compute", "update")]).all()


@pytest.mark.timing
def test_what_a_call_costs_is_told_from_its_steps(framework, data):
    class Slow(Compiled):
        def __init__(self, *about):
            super().__init__(*about)
            quick = self.epoch
            self.epoch = lambda *call: (time.sleep(0.02 + 0.25 * len(call[2]) / 1e3), quick(*call))

    framework.IMPLEMENTATIONS["compiled"] = Slow
    pace, warm = work(framework, data, Cell("compiled", "direct", 8), seconds=0.1)
    before = warm.model.parameters()
    read = pace.time(warm, 1)
    assert warm.epochs > 1
    assert read["start_seconds"] / warm.epochs == pytest.approx(0.02, abs=0.003)
    assert pace.verify(warm) < 1
    assert (warm.model.parameters() != before).all()
    pace, warm = work(framework, data, Cell("compiled", "direct", 50))
    assert np.isnan(pace.time(warm, 1)["start_seconds"])


def test_of_a_device_that_works_on_the_start_of_an_epoch_is_known_and_no_other_phase(
    framework, data
):
    pace, warm = work(framework, data, Cell("scratch", "direct", 1), device="cuda", seconds=1e-6)
    read = pace.time(warm, 1)
    assert 0 < read["start_seconds"] < read["seconds"]
    assert np.isnan([read[f"{name}_seconds"] for name in ("load", "compute", "update")]).all()


def test_a_slow_cell_has_a_few_steps_of_an_epoch_and_a_fast_one_many_epochs(framework, data):
    _, slow = work(framework, data, Cell("scratch", "direct", 1), seconds=1e-9)
    _, fast = work(framework, data, Cell("scratch", "direct", 50), seconds=1e-2)
    assert (slow.epochs, slow.steps) == (1, 3)
    assert (fast.steps, fast.epochs > 10) == (1, True)


@pytest.mark.parametrize(("size", "steps"), [(1, 3), (2, 25)])
def test_a_short_epoch_is_whole_where_a_load_cannot_be_told_from_its_start(
    framework, data, size, steps
):
    _, slow = work(framework, data, Cell("scratch", "direct", size), device="cuda", seconds=1e-9)
    assert slow.steps == steps


def test_each_step_of_a_part_of_an_epoch_loads_the_batch_of_the_next(framework, data):
    """So that steps and loads are as many in the time that counts."""
    given = []

    def counting(x, y, order, size):
        for batch in loader(x, y, order, size):
            given.append(len(batch[1]))
            yield batch

    framework.LOADERS["direct"] = counting
    pace, warm = work(framework, data, Cell("scratch", "direct", 7), seconds=1e-9)
    given.clear()
    pace.time(warm, 1)
    assert given == [7] * (warm.steps + 1)
    assert len(warm.order) == 7 * warm.steps


@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
@pytest.mark.parametrize("seconds", [1e-6, 1e-2])
def test_the_steps_are_verified_and_one_that_is_left_out_is_found(
    framework, data, implementation, seconds
):
    pace, warm = work(framework, data, Cell(implementation, "direct", 10), seconds=seconds)
    assert 0 < pace.verify(warm) < 1
    getattr(warm.model, "model", warm.model).leaves_out = True
    pace.time(warm, 1)
    with pytest.raises(UserError, match=f"{implementation}, direct loader, batch size 10: not"):
        pace.verify(warm)


def test_a_cell_whose_loader_gives_other_examples_is_refused(framework, data):
    framework.LOADERS["direct"] = lambda x, y, order, size: loader(x, y, np.sort(order), size)
    with pytest.raises(UserError, match="not timed"):
        work(framework, data, Cell("scratch", "direct", 7))


def timed(framework, data, *cells, threads=1, budget=1e-4):
    pace = Pace(framework, "cpu", *data, seed=0)
    return measure(pace, [*cells], budget_seconds=budget, launch=1, threads=threads)


def test_a_loader_that_gives_views_of_what_it_has_loaded_once_is_refused(framework, data):
    once = {}

    def lazy(x, y, order, size):
        ordered = once.setdefault((len(order), size), (x[order], y[order]))
        for begin in range(0, len(order), size):
            yield tuple(part[begin : begin + size] for part in ordered)

    framework.LOADERS["direct"] = lazy
    with pytest.raises(UserError, match="not timed, because its parameters are"):
        timed(framework, data, Cell("scratch", "direct", 7))


@pytest.mark.timing
@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
def test_no_shape_is_compiled_within_the_clock(framework, data, implementation):
    """By a framework that takes a tenth of a second for each new shape; 8 leaves a last batch."""

    def compiles(name):
        seen, called = set(), getattr(Compiled if name == "epoch" else Model, name)

        def first(self, *arguments):
            shape = tuple(len(part) for part in arguments if isinstance(part, np.ndarray))
            shape += tuple(part for part in arguments if isinstance(part, int))
            if shape not in seen:
                time.sleep(0.1)
                seen.add(shape)
            called(self, *arguments)

        return first

    kind = Compiled if implementation == "compiled" else Model
    name = "epoch" if implementation == "compiled" else "compute"
    framework.IMPLEMENTATIONS[implementation] = type("Lazy", (kind,), {name: compiles(name)})
    cells = [Cell(implementation, "direct", size) for size in (1, 8, 50)]
    found = timed(framework, data, *cells)
    assert found.seconds.max() < 0.1
    assert (found.first_call_seconds > 0.1).all()


@pytest.mark.timing
def test_the_clock_waits_for_a_device_that_works_on(framework, data):
    class Later(Model):
        due = 0

        def update(self, rate):
            super().update(rate)
            self.due += 1

        def wait(self):
            time.sleep(1e-3 * self.due)
            self.due = 0

    framework.IMPLEMENTATIONS["scratch"] = Later
    found = timed(framework, data, Cell("scratch", "direct", 10))
    assert (found.seconds > 1e-3 * found.steps).all()


def test_work_on_more_threads_than_asked_for_is_refused(framework, data, monkeypatch):
    time_of = Pace.time

    def on_two_threads(pace, work, repeat):
        read = time_of(pace, work, repeat)
        return read | ({"cpu_seconds": 1.9 * read["seconds"]} if work.cell == cell else {})

    monkeypatch.setattr(Pace, "time", on_two_threads)
    cell = Cell("scratch", "direct", 10)
    with pytest.raises(
        UserError, match=r"not timed, because 1\.9 threads were at work instead of 1"
    ):
        timed(framework, data, cell)
    assert len(timed(framework, data, cell, threads=2)) == REPEATS
    framework.IMPLEMENTATIONS["concise"] = Model  # most cells have one thread
    others = [Cell("concise", "direct", size) for size in (1, 2, 3, 5, 7, 20, 30)]
    with pytest.raises(
        UserError, match=r"not timed, because 1\.9 threads were at work instead of 1"
    ):
        timed(framework, data, cell, *others, budget=0.05)


def test_each_round_has_another_order(framework, data, monkeypatch):
    seen, time_of = [], Pace.time
    monkeypatch.setattr(Pace, "time", lambda *about: seen.append(about[1].cell) or time_of(*about))
    wanted = [Cell("scratch", "direct", size) for size in (1, 2, 3, 5, 7, 10)]
    monkeypatch.setattr(calibration, "_busy", lambda *_: False)
    timed(framework, data, *wanted)
    rounds = np.array_split(np.array(seen[-REPEATS * len(wanted) :], dtype=object), REPEATS)
    assert all({*part} == {*wanted} for part in rounds)
    assert len({tuple(part) for part in rounds}) == REPEATS


def test_launches_have_other_orders_and_weights(framework, data):
    first, second = (Pace(framework, "cpu", *data, seed=seed) for seed in (1, 2))
    cell = Cell("scratch", "direct", 10)
    warm = [pace.warm_up(cell, 1e-6) for pace in (first, second)]
    assert (warm[0].order != warm[1].order).any()


@pytest.mark.timing
def test_sleep_does_not_count_as_cpu_time(framework, data):
    class Sleeper(Model):
        def update(self, rate):
            time.sleep(2e-3)
            super().update(rate)

    framework.IMPLEMENTATIONS["scratch"] = Sleeper
    found = timed(framework, data, Cell("scratch", "direct", 10), budget=0.05)
    assert found.cpu_seconds.sum() < 0.5 * found.seconds.sum()
    assert found.update_seconds.sum() > 0.8 * found.seconds.sum()
