"""How long steps of SGD take: many back to back, with nothing between them but the steps."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np

from minibatch.sgd import factors, reference, sampling
from minibatch.sgd.clock import PHASES, Clock
from minibatch.sgd.step_checks import check_parameters
from minibatch.tables.verdicts import COMPILED

LEARNING_RATE = 0.05  # of every step: the time does not depend on it
OBJECTIVE = "half_mse"
WARM_UP_STEPS = 100  # from which the time of a step is estimated
FEWEST_STEPS = 3  # of an epoch that is not whole, so that loading is more than its start
START = "start"  # the phase before the first batch of an epoch is there
CALIBRATION = 200_000  # additions in plain Python, about 10 ms


@dataclass(frozen=True)
class Cell:
    """What is timed."""

    implementation: str  # "scratch", "concise" or "compiled"
    loader: str  # "framework" or "direct"
    batch_size: int

    def steps(self, examples: int) -> int:
        """The batches of this many examples; the last may be smaller."""
        return -(-examples // self.batch_size)


@dataclass
class Work:
    """A cell with its model, and how many epochs of which order make up a repeat."""

    cell: Cell
    model: object
    order: np.ndarray
    epochs: int = 1
    first_call: float = np.nan
    before: np.ndarray = field(default_factory=lambda: np.empty(0))  # a repeat, (w, b)

    @property
    def steps(self) -> int:
        """Steps of a repeat."""
        return self.epochs * self.cell.steps(len(self.order))


class Pace:
    """Times cells of one framework on (x, y), float32, shapes (n, d) and (n,).

    All steps go on from where the last of the cell ended. `seed` decides on the initial weights
    and on the order of the examples, which is that of every epoch.
    """

    def __init__(
        self, framework: ModuleType, device: str, x: np.ndarray, y: np.ndarray, *, seed: int
    ):
        """Copy the examples to the device."""
        self._framework, self._device = framework, device
        self._x, self._y = x, y
        self._arrays = framework.array(x, device), framework.array(y, device)
        framework.wait(*self._arrays)
        self._weights = sampling.initial_weights(seed, x.shape[1])
        self.examples = len(y)
        self._order = sampling.batch_order(len(y), seed, 0, "permutation", 1)

    def warm_up(self, cell: Cell, seconds: float) -> Work:
        """A cell that is compiled and verified, and whose repeats will take about `seconds`.

        Raises UserError where its steps are not those of the reference.
        """
        implementation = self._framework.IMPLEMENTATIONS[cell.implementation]
        model = implementation(self._weights, OBJECTIVE, self._device)
        work = Work(cell, model, self._first(cell, WARM_UP_STEPS))
        work.first_call = self.time(work)["seconds"]
        self.verify(work)
        steps = round(seconds * work.steps / self.time(work)["seconds"])
        work.order = self._first(cell, max(steps, FEWEST_STEPS))
        work.epochs = max(1, steps // work.steps)
        self.time(work)  # the very shapes
        return work

    def _first(self, cell: Cell, steps: int) -> np.ndarray:
        """As much of an epoch as makes so many steps; all of it where its start is not apart."""
        return self._order[: steps * cell.batch_size] if self._split(cell) else self._order

    def _split(self, cell: Cell) -> bool:
        """Whether phases can be told apart: not in compiled epochs, which are a single call.

        Nor where the device works on after an operation has returned.
        """
        synchronous = self._device not in self._framework.ASYNCHRONOUS
        return synchronous and cell.implementation != COMPILED

    def time(self, work: Work) -> dict[str, float]:
        """Take the steps of a repeat; its seconds, whole and by phase, and its CPU seconds.

        The phases are NaN where they cannot be told apart.
        """
        work.before = work.model.parameters()
        clock = Clock(work.model.wait, [START, *PHASES])
        if work.cell.implementation == COMPILED:
            _compiled(work, self._arrays, clock)
        else:
            _eager(work, self._arrays, self._framework.LOADERS[work.cell.loader], clock)
        read = clock.read()
        if not self._split(work.cell):
            read |= {f"{phase}_seconds": np.nan for phase in (START, *PHASES)}
        return read | {"cpu_seconds": clock.cpu_seconds}

    def verify(self, work: Work) -> float:
        """The error of the last repeat as a share of its bound; raises UserError where it is more.

        The reference takes the same steps from the same parameters, in float64.
        """
        parameters, error = work.before, 0.0
        for _ in range(work.epochs):
            *_, (parameters, error) = reference.follow(
                self._x,
                self._y,
                parameters,
                work.order,
                work.cell.batch_size,
                LEARNING_RATE,
                factor=factors.gradient(OBJECTIVE),
                error=error,
            )
        cell = work.cell
        what = f"{cell.implementation}, {cell.loader} loader, batch size {cell.batch_size}"
        return check_parameters(work.model.parameters(), parameters, error, what)


def _eager(work: Work, arrays: tuple, loader: Callable, clock: Clock) -> None:
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


def _compiled(work: Work, arrays: tuple, clock: Clock) -> None:
    """The steps of a repeat, an epoch a call."""
    clock.start()
    for _ in range(work.epochs):
        work.model.epoch(*arrays, work.order, work.cell.batch_size, LEARNING_RATE)
    clock.stop("compute")


def calibrate() -> tuple[float, float]:
    """Seconds, and CPU seconds, of work that always is the same: what the machine does beside."""
    wall, cpu = time.perf_counter_ns(), time.process_time_ns()
    total = 0
    for number in range(CALIBRATION):
        total += number
    return (time.perf_counter_ns() - wall) * 1e-9, (time.process_time_ns() - cpu) * 1e-9
