"""How long steps of SGD take: many back to back, with nothing between them but the steps."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch.sgd import factors, reference, sampling, stepping
from minibatch.sgd.calibration import calibrated, check_steps
from minibatch.sgd.clock import PHASES, Clock
from minibatch.sgd.step_checks import check_parameters
from minibatch.sgd.stepping import START
from minibatch.tables.epochs import WHOLE_EPOCHS

# Of every step. The time does not depend on it, and what is left out of an epoch shows at its end
# only if the later steps do not lead to the same point all the same.
LEARNING_RATE = 0.001
OBJECTIVE = "half_mse"
WARM_UP_STEPS = 5  # from which the time of a step is estimated
FEWEST_STEPS = 3  # of a repeat
# A shorter epoch is taken whole where a load cannot be told from the start of the epoch: in a part
# of it, that load would count twice.
LONG = 50
# Of an epoch that is a call: more say no more of one, and the reference takes as many.
MOST_STEPS = 20_000
REPEATS = 3  # of each cell in a launch
CALLS = 3  # of a single step each, beside the calls of whole epochs in a repeat

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

    implementation: str  # a framework's, or one of the baselines
    loader: str  # "framework", "direct", or "none" where the order does not matter any more
    batch_size: int


@dataclass
class Work:
    """A cell with its model, and how many epochs of how many steps make up a repeat."""

    cell: Cell
    model: object
    epoch_steps: int  # of a whole epoch
    steps: int  # of an epoch, or of as much of it as is timed
    epochs: int = 1
    first_call: float = np.nan
    order: np.ndarray = field(default_factory=lambda: np.empty(0, int))  # of the last repeat
    before: np.ndarray = field(default_factory=lambda: np.empty(0))  # that repeat, (w, b)

    @property
    def stepwise(self) -> bool:
        """Whether each step is a call, and not a whole epoch or several."""
        return self.cell.implementation not in WHOLE_EPOCHS and not hasattr(self.model, "epochs")

    def part(self, order: np.ndarray, steps: int) -> np.ndarray:
        """As much of an order as makes this many steps; all of it where it has no more."""
        return order[: steps * self.cell.batch_size]


class Pace:
    """Times cells of one framework on (x, y), float32, shapes (n, d) and (n,).

    All steps go on from where the last of the cell ended. `seed` decides on the initial weights and
    on the orders of the examples: each repeat has another one, which all of its epochs have.
    """

    def __init__(
        self, framework: ModuleType, device: str, x: np.ndarray, y: np.ndarray, *, seed: int
    ):
        """Copy the examples to the device."""
        self._framework, self.device = framework, device
        self._x, self._y, self._seed = x, y, seed
        self._arrays = framework.array(x, device), framework.array(y, device)
        framework.wait(*self._arrays)
        self._weights = sampling.initial_weights(seed, x.shape[1])
        self.examples = len(y)
        self.works_on = device in framework.ASYNCHRONOUS  # after an operation has returned

    def warm_up(self, cell: Cell, seconds: float) -> Work:
        """A cell that is compiled and verified, and whose repeats will take about `seconds`.

        Raises UserError where its steps are not those of the reference.
        """
        implementation = self._framework.IMPLEMENTATIONS[cell.implementation]
        steps = -(-self.examples // cell.batch_size)
        work = Work(cell, implementation(self._weights, OBJECTIVE, self.device), steps, steps)
        # what takes whole epochs may be compiled for each number of steps
        most = steps if work.stepwise else min(steps, MOST_STEPS)
        work.steps = min(WARM_UP_STEPS, steps) if work.stepwise else most
        work.first_call = self.time(work, 0)["seconds"]
        self.verify(work)
        wanted = round(seconds * work.steps / self.time(work, 1)["seconds"])
        whole = self.works_on and steps < LONG
        work.steps = steps if whole else min(max(wanted, FEWEST_STEPS), most)
        work.epochs = max(1, wanted // work.steps)
        return work

    def time(self, work: Work, repeat: int) -> dict[str, float]:
        """Take the steps of a repeat; its seconds, whole and by phase, and its CPU seconds.

        What cannot be told apart is NaN: all phases but the start of an epoch where that is a
        single call, or where the device works on after an operation has returned.
        """
        order = sampling.batch_order(self.examples, self._seed, repeat, "permutation", 1)
        work.order, work.before = work.part(order, work.steps), work.model.parameters()
        clock = Clock(work.model.wait, [START, *PHASES])
        if work.stepwise:
            # one batch more than steps are taken, if there is one: each step has loaded its next
            loaded = work.part(order, work.steps + 1)
            load = self._framework.LOADERS[work.cell.loader]
            batches = partial(load, *self._arrays, loaded, work.cell.batch_size)
            _by_step(work, batches, self._framework.wait, clock)
        else:
            _by_epoch(work, self._arrays, clock)
        read = clock.read()
        if not work.stepwise:
            read["start_seconds"] = work.epochs * self._start(work, read["seconds"] / work.epochs)
        if self.works_on or not work.stepwise:
            read |= {f"{phase}_seconds": np.nan for phase in PHASES}
        return read | {"cpu_seconds": clock.cpu_seconds}

    def _start(self, work: Work, seconds: float) -> float:
        """What a call that takes an epoch's steps, in this time, costs whatever their number.

        From calls that take but one, at a learning rate of 0, which leaves the parameters where
        they are. NaN where an epoch has but one, or a call takes several epochs.
        """
        if work.cell.implementation not in WHOLE_EPOCHS or work.steps == 1:
            return np.nan
        first, found = work.order[: work.cell.batch_size], []
        for _ in range(CALLS):
            clock = Clock(work.model.wait, [START])
            clock.start()
            work.model.epoch(*self._arrays, first, work.cell.batch_size, 0.0)
            clock.stop(START)
            found.append(clock.read()["seconds"])
        return max(0.0, (work.steps * np.median(found) - seconds) / (work.steps - 1))

    def verify(self, work: Work) -> float:
        """The error of the last repeat as a share of its bound; raises UserError where it is more.

        The reference takes the same steps from the same parameters, in float64.
        """
        cell, factor = work.cell, factors.gradient(OBJECTIVE)
        about = (work.before, work.order, cell.batch_size, LEARNING_RATE, work.epochs)
        expected, error = reference.repeat(self._x, self._y, *about, factor=factor)
        what = f"{cell.implementation}, {cell.loader} loader, batch size {cell.batch_size}"
        return check_parameters(work.model.parameters(), expected, error, what)


def _by_step(work: Work, batches: Callable, wait: Callable, clock: Clock) -> None:
    """The steps of a repeat, a call or two each."""
    clock.start()
    for _ in range(work.epochs):
        stepping.take(work.model, batches(), work.steps, LEARNING_RATE, clock, wait)
    clock.stop("update")


def _by_epoch(work: Work, arrays: tuple, clock: Clock) -> None:
    """The steps of a repeat, an epoch a call; several where the model takes them in one.

    Each epoch is waited for, as by whoever looks at the loss after it.
    """
    about = (*arrays, work.order, work.cell.batch_size, LEARNING_RATE)
    clock.start()
    if hasattr(work.model, "epochs"):
        work.model.epochs(*about, work.epochs)
    else:
        for _ in range(work.epochs):
            work.model.epoch(*about)
            work.model.wait()
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
    for work in works:
        pace.time(work, 0)  # the very shapes, in turns as they are timed
    samples, quiet = calibrated(partial(_rounds, pace, works, launch))
    for work in works:
        pace.verify(work)
    check_steps(samples, threads, pace.device, works_on=pace.works_on)
    return samples.assign(launch=launch, **quiet)


def _rounds(pace: Pace, works: list[Work], launch: int) -> pd.DataFrame:
    """Time all works as often as each is repeated."""
    orders, found = random.Random(launch), {}
    for repeat in range(REPEATS):
        for index in orders.sample(range(len(works)), len(works)):
            found[index, repeat] = pace.time(works[index], repeat)
    rows = [
        {
            **vars(works[index].cell),
            "repeat": repeat,
            "epochs": works[index].epochs,
            "epoch_steps": works[index].epoch_steps,
            "steps": works[index].epochs * works[index].steps,
            "examples": works[index].epochs * len(works[index].order),
            "first_call_seconds": works[index].first_call,
            **read,
        }
        for (index, repeat), read in sorted(found.items())
    ]
    return pd.DataFrame(rows)
