"""What a step of a user's model costs, by batch size; what `sgd.pace` does for the study's own.

Every repeat goes on from the same parameters, since the learning rate is 0 while times are taken.
"""

import random
import resource
from dataclasses import dataclass
from functools import partial
from time import monotonic

import numpy as np
import pandas as pd
import psutil
import torch

from minibatch.errors import UserError
from minibatch.own.contract import Contract, OutOfMemory
from minibatch.own.grid import sizes
from minibatch.own.methods import COMPILED, EAGER
from minibatch.own.training import Stepper, evaluating
from minibatch.sgd import stepping
from minibatch.sgd.calibration import calibrated
from minibatch.sgd.clock import PHASES, Clock

REPEATS = 3
WARM_UP_STEPS = 3
AHEAD = 4  # times what workers load ahead, at least
ALIKE = 1e-3  # how far a compiled gradient may be from the eager one, as a share
SEED = 0
SHARE = 0.8  # of the memory that is free may be taken
PARTS = 12  # of the time for all: one step of a size may take such a part, and no larger size then


def bound_memory() -> None:
    """Let an allocation fail that would take more than most of what is free.

    Otherwise the kernel ends a process, and perhaps another one than this.
    """
    used = psutil.Process().memory_info()
    limit = getattr(used, "data", used.rss) + int(SHARE * psutil.virtual_memory().available)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


@dataclass
class Work:
    """A way of training at one batch size, and how much of an epoch makes up a repeat."""

    implementation: str
    loader: str
    batch_size: int
    stepper: Stepper
    epoch_steps: int
    steps: int = WARM_UP_STEPS
    epochs: int = 1
    first_call: float = np.nan
    step_seconds: float = np.nan  # about, from the second call

    def amount(self, examples: int) -> dict[str, int]:
        """How much a repeat is."""
        each = min(examples, self.steps * self.batch_size)
        steps = self.epochs * self.steps
        return {"epochs": self.epochs, "steps": steps, "examples": self.epochs * each}


class Pace:
    """Times steps of one model, with all loaders, eager and compiled."""

    def __init__(self, contract: Contract, *, compiled: bool):
        """Make a stepper for each implementation. Raises UserError where compiling changes it."""
        self._contract, self._data = contract, contract.data
        self.steppers = {EAGER: Stepper(contract, contract.model(SEED), 0.0)}
        if compiled:
            model = contract.model(SEED)
            # one form of the model for all batch sizes, as it is compiled once these change
            used = torch.compile(model, dynamic=True)
            self.steppers[COMPILED] = Stepper(contract, model, 0.0, used)

    def warm_up(self, implementation: str, loader: str, size: int, seconds: float) -> Work:
        """A way of training whose repeats will take about this long. Raises OutOfMemory."""
        per_epoch, examples = self._data.steps(size), self._data.examples
        stepper = self.steppers[implementation]
        work = Work(implementation, loader, size, stepper, per_epoch, 1)
        work.first_call = self.time(work)["seconds"]
        if examples % size and per_epoch * size > examples:  # as batch norm, it may not take it
            with self._contract.theirs():
                stepper.compute(self._data.batch([*range(examples % size)]))
        # of what workers have loaded before the clock runs, several times as much
        fewest = min(max(WARM_UP_STEPS, AHEAD * self._data.ahead), per_epoch)
        work.steps = fewest
        work.step_seconds = self.time(work)["seconds"] / fewest
        wanted = round(seconds / work.step_seconds)
        work.steps = min(max(wanted, fewest), per_epoch)
        work.epochs = max(1, wanted // work.steps)
        return work

    def time(self, work: Work) -> dict[str, float]:
        """Take the steps of a repeat; its seconds, whole and by phase, and its CPU seconds."""
        clock = Clock(self._contract.wait, [stepping.START, *PHASES])
        with self._contract.theirs():
            clock.start()
            for _ in range(work.epochs):
                batches = self._data.epoch(work.loader, work.batch_size)
                about = work.stepper, batches, work.steps, 0.0, clock, self._contract.wait
                stepping.take(*about)
            clock.stop("update")
        read = clock.read()
        if self._contract.device.type != "cpu":
            read |= {f"{phase}_seconds": np.nan for phase in PHASES}
        return read | {"cpu_seconds": clock.cpu_seconds}

    def check_compiled(self) -> None:
        """Raise UserError unless it was compiled, and has the gradient of the eager one."""
        with self._contract.theirs():
            batch = self._data.batch([*range(min(8, self._data.examples))])
        found = {}
        for name, stepper in self.steppers.items():
            with evaluating(stepper.model):
                stepper.compute(batch)
            gradients = [part.grad for part in stepper.model.parameters() if part.grad is not None]
            found[name] = torch.cat([part.flatten() for part in gradients]).clone()
        if not torch._dynamo.utils.counters["stats"]["unique_graphs"]:
            raise UserError("torch.compile compiled nothing of it")
        apart = (found[COMPILED] - found[EAGER]).norm() / found[EAGER].norm()
        if not apart <= ALIKE:
            raise UserError(f"its gradient differs from the eager one by {apart:.1%}")


def measure(
    contract: Contract, *, launch: int, budget_seconds: float
) -> tuple[pd.DataFrame, dict[str, str]]:
    """Time all ways of training at all batch sizes, in rounds; and say what was left out, and why.

    A size is left out, and every larger one, where memory does not allow it, or where a single
    step takes a large part of the budget. One row a repeat.
    """
    end = monotonic() + budget_seconds
    left_out: dict[str, str] = {}
    pace, compiled = _pace(contract, left_out)
    bound_memory()
    wanted = [(EAGER, loader) for loader in contract.data.loaders]
    every = sizes(contract.data.examples)
    each = budget_seconds / (len(every) * (len(wanted) + 1) * (REPEATS + 1) * 2)
    works: list[Work] = []
    for way in wanted:
        works += _affordable(pace, *way, every, each, budget_seconds / PARTS, left_out)
    if compiled:  # what takes longest, in an order in which what is left out leaves a range
        known = sorted({work.batch_size for work in works})
        works += _compiled(pace, contract.data.loaders[0], known, each, end, left_out)
    samples, quiet = calibrated(partial(_rounds, pace, works, launch, contract.data.examples))
    return samples.assign(launch=launch, **quiet), left_out


def _pace(contract: Contract, left_out: dict[str, str]) -> tuple[Pace, bool]:
    """What times; whether it can compile the model, too."""
    try:
        pace = Pace(contract, compiled=True)
        pace.check_compiled()
    except UserError as error:
        left_out[COMPILED] = str(error)
        return Pace(contract, compiled=False), False
    return pace, True


def _affordable(
    pace: Pace,
    implementation: str,
    loader: str,
    every: list[int],
    seconds: float,
    most: float,
    left_out: dict[str, str],
) -> list[Work]:
    """The sizes of a way of training, from the smallest to where it ends."""
    found = []
    for size in every:
        why = None
        try:
            work = pace.warm_up(implementation, loader, size, seconds)
            found.append(work)
            if work.step_seconds > most and size < every[-1]:
                why = f"a step of batch size {size} takes {work.step_seconds:.1f} s"
        except OutOfMemory:
            why = f"batch size {size} does not fit into memory"
        except UserError as error:  # such as of batch norm, where a batch has one example
            if not found and size == every[-1]:
                raise
            left_out[f"{implementation}, {loader}, batch size {size}"] = str(error)
        if why:
            left_out[f"{implementation}, {loader}"] = why
            break
    return found


def _compiled(
    pace: Pace, loader: str, every: list[int], seconds: float, end: float, left_out: dict[str, str]
) -> list[Work]:
    """The sizes that are compiled before half of the time is over, the ends of the range first."""
    begun, found = monotonic(), []
    order = sorted(every, key=lambda size: _turn(every.index(size), len(every)))
    for number, size in enumerate(order):
        if monotonic() > begun + (end - begun) / 2:
            left = sorted(order[number:])
            left_out[COMPILED] = f"no time to compile for batch sizes {', '.join(map(str, left))}"
            break
        try:
            found.append(pace.warm_up(COMPILED, loader, size, seconds))
        except UserError as error:
            left_out[f"{COMPILED}, batch size {size}"] = str(error)
    return found


def _turn(index: int, count: int) -> tuple[int, int]:
    """A place in the order: the ends, then the middle, then the middles of what is between."""
    if index in (0, count - 1):
        return 0, index
    low, high, level = 0, count - 1, 1
    while (middle := (low + high) // 2) != index:
        low, high = (middle, high) if index > middle else (low, middle)
        level += 1
    return level, index


def _rounds(pace: Pace, works: list[Work], launch: int, examples: int) -> pd.DataFrame:
    """Time all works as often as each is repeated, each round in another order."""
    orders, rows = random.Random(launch), []
    for repeat in range(REPEATS):
        for work in orders.sample(works, len(works)):
            names = ("implementation", "loader", "batch_size", "epoch_steps")
            about = {name: getattr(work, name) for name in names}
            about |= work.amount(examples) | {"first_call_seconds": work.first_call}
            rows.append(about | {"repeat": repeat} | pace.time(work))
    return pd.DataFrame(rows)
