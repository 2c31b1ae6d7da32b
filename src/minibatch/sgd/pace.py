"""How long steps of SGD take: many back to back, with nothing between them but the steps."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch.errors import UserError
from minibatch.sgd import factors, reference, sampling
from minibatch.sgd.clock import PHASES, Clock
from minibatch.sgd.step_checks import check_parameters

# Of every step. The time does not depend on it, and what is left out of an epoch shows at its end
# only if the later steps do not lead to the same point all the same.
LEARNING_RATE = 0.001
OBJECTIVE = "half_mse"
WARM_UP_STEPS = 20  # from which the time of a step is estimated
FEWEST_STEPS = 3  # of an epoch that is not whole, so that loading is more than its start
START = "start"  # the phase before the first batch of an epoch is there
REPEATS = 5  # of each cell in a launch
CALIBRATION = 200_000  # additions in plain Python, about 10 ms
BUSY = 1.2  # a calibration that takes this many times its CPU time, or the other calibration
OWN_THREADS = 0.5  # CPU seconds a second that a framework may take for itself beside its threads

COLUMNS = {
    **dict.fromkeys(("machine", "framework", "device", "implementation", "loader"), "string"),
    **dict.fromkeys(("batch_size", "launch", "repeat", "epochs", "epoch_steps"), "int64"),
    **dict.fromkeys(("steps", "examples"), "int64"),
    **dict.fromkeys(("seconds", "cpu_seconds"), "float64"),
    **dict.fromkeys(("start_seconds", "load_seconds"), "float64"),
    **dict.fromkeys(("compute_seconds", "update_seconds", "first_call_seconds"), "float64"),
    **dict.fromkeys(("calibration_before", "calibration_after"), "float64"),
    "busy": "bool",
}


@dataclass(frozen=True)
class Cell:
    """What is timed."""

    implementation: str  # "scratch", "concise", "compiled", or one of the baselines
    loader: str  # "framework", "direct", or "none" where the order does not matter any more
    batch_size: int

    def steps(self, examples: int) -> int:
        """The batches of this many examples; the last may be smaller."""
        return -(-examples // self.batch_size)


@dataclass
class Work:
    """A cell with its model, and how many epochs of how many examples make up a repeat."""

    cell: Cell
    model: object
    examples: int  # of an epoch, or of as much of it as is timed
    epochs: int = 1
    first_call: float = np.nan
    order: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # of the last repeat
    before: np.ndarray = field(default_factory=lambda: np.empty(0))  # that repeat, (w, b)

    @property
    def steps(self) -> int:
        """Steps of a repeat."""
        return self.epochs * self.cell.steps(self.examples)

    @property
    def stepwise(self) -> bool:
        """Whether each step is a call, and not a whole epoch."""
        return hasattr(self.model, "compute")


class Pace:
    """Times cells of one framework on (x, y), float32, shapes (n, d) and (n,).

    All steps go on from where the last of the cell ended. `seed` decides on the initial weights and
    on the orders of the examples: each repeat has another one, which all of its epochs have.
    """

    def __init__(
        self, framework: ModuleType, device: str, x: np.ndarray, y: np.ndarray, *, seed: int
    ):
        """Copy the examples to the device."""
        self._framework, self._device = framework, device
        self._x, self._y, self._seed = x, y, seed
        self._arrays = framework.array(x, device), framework.array(y, device)
        framework.wait(*self._arrays)
        self._weights = sampling.initial_weights(seed, x.shape[1])
        self.examples = len(y)

    def warm_up(self, cell: Cell, seconds: float) -> Work:
        """A cell that is compiled and verified, and whose repeats will take about `seconds`.

        Raises UserError where its steps are not those of the reference.
        """
        implementation = self._framework.IMPLEMENTATIONS[cell.implementation]
        work = Work(cell, implementation(self._weights, OBJECTIVE, self._device), self.examples)
        work.examples = self._as_many(work, WARM_UP_STEPS)
        work.first_call = self.time(work, 0)["seconds"]
        self.verify(work)
        warm = work.steps
        steps = round(seconds * warm / self.time(work, 1)["seconds"])
        work.examples = self._as_many(work, max(steps, FEWEST_STEPS))
        work.epochs = max(1, steps // work.steps)
        if work.steps != warm:
            self.time(work, 2)  # the very shapes
        return work

    def _as_many(self, work: Work, steps: int) -> int:
        """Examples that make this many steps, or an epoch; all where its start is not apart."""
        wanted = steps * work.cell.batch_size
        return min(wanted, self.examples) if self._split(work) else self.examples

    def _split(self, work: Work) -> bool:
        """Whether phases can be told apart: not in epochs that are a single call.

        Nor where the device works on after an operation has returned.
        """
        return self._device not in self._framework.ASYNCHRONOUS and work.stepwise

    def time(self, work: Work, repeat: int) -> dict[str, float]:
        """Take the steps of a repeat; its seconds, whole and by phase, and its CPU seconds.

        The phases are NaN where they cannot be told apart.
        """
        order = sampling.batch_order(self.examples, self._seed, repeat, "permutation", 1)
        work.order, work.before = order[: work.examples], work.model.parameters()
        clock = Clock(work.model.wait, [START, *PHASES])
        if work.stepwise:
            _by_step(work, self._arrays, self._framework.LOADERS[work.cell.loader], clock)
        else:
            _by_epoch(work, self._arrays, clock)
        read = clock.read()
        if not self._split(work):
            read |= {f"{phase}_seconds": np.nan for phase in (START, *PHASES)}
        return read | {"cpu_seconds": clock.cpu_seconds}

    def verify(self, work: Work) -> float:
        """The error of the last repeat as a share of its bound; raises UserError where it is more.

        The reference takes the same steps from the same parameters, in float64.
        """
        cell, factor = work.cell, factors.gradient(OBJECTIVE)
        about = (work.before, work.order, cell.batch_size, LEARNING_RATE, work.epochs)
        expected, error = reference.repeat(self._x, self._y, *about, factor=factor)
        what = f"{cell.implementation}, {cell.loader} loader, batch size {cell.batch_size}"
        return check_parameters(work.model.parameters(), expected, error, what)


def _by_step(work: Work, arrays: tuple, loader: Callable, clock: Clock) -> None:
    """The steps of a repeat, a call or two each."""
    model, size, rate = work.model, work.cell.batch_size, LEARNING_RATE
    clock.start()
    for _ in range(work.epochs):
        batches = iter(loader(*arrays, work.order, size))
        batch = next(batches)
        clock.lap(START)
        while batch is not None:
            model.compute(*batch)
            clock.lap("compute")
            model.update(rate)
            clock.lap("update")
            batch = next(batches, None)
            clock.lap("load")
    clock.stop("update")


def _by_epoch(work: Work, arrays: tuple, clock: Clock) -> None:
    """The steps of a repeat, an epoch a call; several where the model takes them in one."""
    about = (*arrays, work.order, work.cell.batch_size, LEARNING_RATE)
    clock.start()
    if hasattr(work.model, "epochs"):
        work.model.epochs(*about, work.epochs)
    else:
        for _ in range(work.epochs):
            work.model.epoch(*about)
    clock.stop("compute")


def measure(
    pace: Pace, wanted: list[Cell], *, budget_seconds: float, launch: int, threads: int
) -> pd.DataFrame:
    """Warm all cells up, time them in rounds, each round in another order, and verify the last.

    One row a repeat: implementation, loader, batch_size, launch, repeat, how many epochs it begins,
    the steps of a whole one, its own steps and examples, its seconds, CPU seconds and seconds by
    phase, the seconds of the cell's first call, and the calibration. `budget_seconds` is for all
    repeats of a cell. Where the machine was busy, the rounds are done once more.
    Raises UserError where steps are not those of the reference, or take more than their threads.
    """
    works = [pace.warm_up(cell, budget_seconds / REPEATS) for cell in wanted]
    samples = _rounds(pace, works, random.Random(launch))
    if samples.busy.any():
        samples = _rounds(pace, works, random.Random(launch))
    for work in works:
        pace.verify(work)
    used = samples.cpu_seconds.sum() / samples.seconds.sum()
    if used > threads + OWN_THREADS:
        raise UserError(f"not timed, because {used:.1f} threads were at work instead of {threads}")
    return samples.assign(launch=launch)


def _rounds(pace: Pace, works: list[Work], orders: random.Random) -> pd.DataFrame:
    """Time all works as often as each is repeated, and what the machine does before and after."""
    before, found = calibrate(), {}
    for repeat in range(REPEATS):
        for index in orders.sample(range(len(works)), len(works)):
            found[index, repeat] = pace.time(works[index], repeat)
    after = calibrate()
    rows = [
        {
            **vars(works[index].cell),
            "repeat": repeat,
            "epochs": works[index].epochs,
            "epoch_steps": works[index].cell.steps(pace.examples),
            "steps": works[index].steps,
            "examples": works[index].epochs * works[index].examples,
            "first_call_seconds": works[index].first_call,
            **read,
        }
        for (index, repeat), read in sorted(found.items())
    ]
    return pd.DataFrame(rows).assign(
        calibration_before=before[0], calibration_after=after[0], busy=_busy(before, after)
    )


def calibrate() -> tuple[float, float]:
    """Seconds, and CPU seconds, of work that always is the same: what the machine does beside."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    total = 0
    for number in range(CALIBRATION):
        total += number
    return (time.perf_counter_ns() - wall) * 1e-9, (time.process_time_ns() - cpu) * 1e-9


def _busy(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether something else has taken the processor while cells were timed."""
    waited = max(wall / cpu for wall, cpu in (before, after))
    return max(waited, before[0] / after[0], after[0] / before[0]) > BUSY
