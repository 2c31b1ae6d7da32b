"""Steps back to back: what is done between start and stop, on a framework of NumPy that watches."""

import time
from types import SimpleNamespace

import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd.pace import Cell, Pace, calibrate

EXAMPLES = 50


def loader(x, y, order, size):
    for begin in range(0, len(order), size):
        chosen = order[begin : begin + size]
        yield x[chosen], y[chosen]


class Model:
    """Linear regression that keeps a diary, and may leave steps out."""

    def __init__(self, weights, objective, device):  # noqa: ARG002
        self.w = np.append(weights, np.float32(0))
        self.diary, self.updates, self.leaves_out = [], 0, False

    def compute(self, x, y):
        self.diary.append(("compute", len(y)))
        self.gradient = np.column_stack([x, np.ones_like(y)]).T @ (x @ self.w[:-1] + self.w[-1] - y)
        self.gradient /= np.float32(len(y))

    def update(self, rate):
        self.diary.append(("update", rate))
        self.updates += 1
        if self.leaves_out and self.updates % 3 == 0:
            return
        self.w = self.w - np.float32(rate) * self.gradient

    def epoch(self, x, y, order, size, rate):
        self.diary.append(("epoch", len(order), size))
        for batch in loader(x, y, order, size):
            self.compute(*batch)
            self.update(rate)

    def parameters(self):
        self.diary.append(("read",))
        return self.w.copy()

    def wait(self):
        self.diary.append(("wait",))


@pytest.fixture
def data():
    random = np.random.default_rng(0)
    return random.standard_normal((EXAMPLES, 3), np.float32), random.standard_normal(
        EXAMPLES, np.float32
    )


@pytest.fixture
def framework():
    return SimpleNamespace(
        array=lambda values, device: values.copy(),  # noqa: ARG005
        wait=lambda *arrays: None,  # noqa: ARG005
        ASYNCHRONOUS={"cuda"},
        LOADERS={"framework": loader, "direct": loader},
        IMPLEMENTATIONS=dict.fromkeys(("scratch", "concise", "compiled"), Model),
    )


def work(framework, data, cell, device="cpu", seconds=1e-3):
    pace = Pace(framework, device, *data, seed=0)
    return pace, pace.warm_up(cell, seconds)


@pytest.mark.parametrize("size", [1, 7, 50])
def test_between_start_and_stop_there_are_steps_and_nothing_else(framework, data, size):
    pace, warm = work(framework, data, Cell("scratch", "direct", size))
    warm.model.diary.clear()
    read = pace.time(warm)
    kinds = [entry[0] for entry in warm.model.diary]
    assert kinds == ["read", "wait", *["compute", "update"] * warm.steps, "wait"]
    assert {entry[1] for entry in warm.model.diary if entry[0] == "update"} == {0.05}
    parts = sum(read[f"{name}_seconds"] for name in ("start", "load", "compute", "update"))
    assert read["seconds"] == pytest.approx(parts)


def test_a_compiled_epoch_is_a_call_and_has_no_phases(framework, data):
    pace, warm = work(framework, data, Cell("compiled", "direct", 7))
    warm.model.diary.clear()
    read = pace.time(warm)
    epochs = [entry for entry in warm.model.diary if entry[0] == "epoch"]
    assert epochs == [("epoch", EXAMPLES, 7)] * warm.epochs
    assert warm.steps == 8 * warm.epochs
    assert np.isnan([read["load_seconds"], read["start_seconds"], read["update_seconds"]]).all()


@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
@pytest.mark.parametrize("size", [1, 7, 20, 50])
def test_what_is_timed_has_the_very_shapes_of_the_warm_up(framework, data, implementation, size):
    """As a framework that compiles for each shape would have it."""
    pace, warm = work(framework, data, Cell(implementation, "direct", size))
    seen = {entry for entry in warm.model.diary if entry[0] in ("compute", "epoch")}
    warm.model.diary.clear()
    pace.time(warm)
    assert {entry for entry in warm.model.diary if entry[0] in ("compute", "epoch")} <= seen


def test_a_device_that_works_on_has_whole_epochs_and_no_phases(framework, data):
    pace, warm = work(framework, data, Cell("scratch", "direct", 1), device="cuda", seconds=1e-6)
    assert warm.steps == EXAMPLES
    assert np.isnan(pace.time(warm)["load_seconds"])


def test_a_slow_cell_has_a_few_steps_of_an_epoch_and_a_fast_one_many_epochs(framework, data):
    _, slow = work(framework, data, Cell("scratch", "direct", 1), seconds=1e-9)
    _, fast = work(framework, data, Cell("scratch", "direct", 50), seconds=1e-2)
    assert (slow.epochs, slow.steps) == (1, 3)
    assert fast.steps == fast.epochs > 10


@pytest.mark.parametrize("implementation", ["scratch", "compiled"])
def test_the_steps_are_verified_and_one_that_is_left_out_is_found(framework, data, implementation):
    pace, warm = work(framework, data, Cell(implementation, "direct", 10), seconds=1e-6)
    pace.time(warm)
    assert 0 < pace.verify(warm) < 1
    warm.model.leaves_out = True
    pace.time(warm)
    with pytest.raises(UserError, match=f"{implementation}, direct loader, batch size 10: not"):
        pace.verify(warm)


def test_a_cell_whose_loader_gives_other_examples_is_refused(framework, data):
    framework.LOADERS["direct"] = lambda x, y, order, size: loader(x, y, np.sort(order), size)
    with pytest.raises(UserError, match="not timed"):
        work(framework, data, Cell("scratch", "direct", 7))


def test_launches_have_other_orders_and_weights(framework, data):
    first, second = (Pace(framework, "cpu", *data, seed=seed) for seed in (1, 2))
    cell = Cell("scratch", "direct", 10)
    warm = [pace.warm_up(cell, 1e-6) for pace in (first, second)]
    assert (warm[0].order != warm[1].order).any()


@pytest.mark.timing
def test_all_threads_count_as_cpu_time_and_sleep_does_not(framework, data):
    class Sleeper(Model):
        def update(self, rate):
            time.sleep(2e-3)
            super().update(rate)

    framework.IMPLEMENTATIONS["scratch"] = Sleeper
    pace, warm = work(framework, data, Cell("scratch", "direct", 10), seconds=0.05)
    read = pace.time(warm)
    assert read["cpu_seconds"] < 0.5 * read["seconds"]
    assert read["update_seconds"] > 0.8 * read["seconds"]


def test_a_calibration_takes_its_time():
    wall, cpu = calibrate()
    assert 0 < cpu < 2 * wall
