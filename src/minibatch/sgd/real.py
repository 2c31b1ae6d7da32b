"""Real runs of SGD: from the initial weights through exactly as many steps as are planned."""

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch.sgd import objective, reference, sampling, stepping
from minibatch.sgd.calibration import calibrated, check_steps
from minibatch.sgd.clock import PHASES, Clock
from minibatch.sgd.step_checks import check_parameters
from minibatch.sgd.stepping import START
from minibatch.tables.epochs import WHOLE_EPOCHS

OBJECTIVE = "half_mse"
WARM_UP_STEPS = 100  # of an eager run; a compiled one may be compiled for each number of steps

COLUMNS = {
    **dict.fromkeys(("machine", "framework", "device", "implementation", "loader"), "string"),
    **{"batch_size": "int64", "learning_rate": "float64", "steps": "int64"},
    **dict.fromkeys(("launch", "seed", "turn", "epochs"), "int64"),
    **dict.fromkeys(("seconds", "cpu_seconds", "start_seconds"), "float64"),
    **dict.fromkeys(("load_seconds", "compute_seconds", "update_seconds"), "float64"),
    **dict.fromkeys(("loss", "calibration_before", "calibration_after"), "float64"),
    "busy": "bool",
}


@dataclass(frozen=True)
class Run:
    """All that decides the course of a run."""

    implementation: str  # a framework's
    loader: str  # "framework" or "direct"
    batch_size: int
    learning_rate: float
    steps: int
    seed: int

    @property
    def stepwise(self) -> bool:
        """Whether each step is a call, and not the steps of an epoch together."""
        return self.implementation not in WHOLE_EPOCHS

    def parts(self, examples: int) -> Iterator[np.ndarray]:
        """The examples of each epoch in their order; of the last, as many as there are steps."""
        epoch, left = 0, self.steps
        while left > 0:
            order = sampling.batch_order(examples, self.seed, epoch, "permutation", 1)
            part = order[: left * self.batch_size]
            yield part
            epoch, left = epoch + 1, left - -(-len(part) // self.batch_size)

    def __str__(self) -> str:
        """What it is, for a message."""
        return (
            f"{self.implementation}, {self.loader} loader, batch size {self.batch_size}, "
            f"{self.steps} steps, seed {self.seed}"
        )


@dataclass(frozen=True)
class Planned:
    """A run of the first seed, and how often it is made."""

    run: Run
    seeds: int
    turns: int  # in a row with each seed: the second shows what the first owes to other work


class Real:
    """Makes runs in one framework on (x, y), float32, shapes (n, d) and (n,)."""

    def __init__(self, framework: ModuleType, device: str, x: np.ndarray, y: np.ndarray):
        """Copy the examples to the device."""
        self._framework, self.device = framework, device
        self._x, self._y = x, y
        self._arrays = framework.array(x, device), framework.array(y, device)
        framework.wait(*self._arrays)
        self.works_on = device in framework.ASYNCHRONOUS  # after an operation has returned
        self._ends: dict[tuple, tuple[np.ndarray, float]] = {}

    def prepare(self, run: Run):
        """A model at the initial weights, for which all is compiled that the run needs.

        It has taken a step of every shape at a learning rate of 0, which leaves it where it was.
        """
        weights = sampling.initial_weights(run.seed, self._x.shape[1])
        kind = self._framework.IMPLEMENTATIONS[run.implementation]
        model = kind(weights, OBJECTIVE, self.device)
        parts = [*run.parts(len(self._y))]
        if not run.stepwise:
            for part in {len(part): part for part in parts}.values():
                model.epoch(*self._arrays, part, run.batch_size, 0.0)
        else:
            lengths = {min(len(part), run.batch_size) for part in parts}
            lengths |= {len(part) % run.batch_size for part in parts} - {0}
            for length in sorted(lengths):
                for batch in self._batches(run, parts[0][:length]):
                    model.compute(*batch)
                    model.update(0.0)
        model.wait()
        return model

    def time(self, run: Run, model) -> dict[str, float]:
        """Take all steps of a run: its epochs, its seconds, whole and by phase, and CPU seconds.

        One clock runs around all of them. The device is waited for where it starts and stops, and
        after an epoch that is a call, as in the times of steps. Phases that cannot be told apart
        are NaN.
        """
        parts, rate = [*run.parts(len(self._y))], run.learning_rate
        clock = Clock(model.wait, [START, *PHASES])
        clock.start()
        for part in parts:
            if run.stepwise:
                steps = -(-len(part) // run.batch_size)
                stepping.take(model, self._batches(run, part), steps, rate, clock)
            else:
                model.epoch(*self._arrays, part, run.batch_size, rate)
                model.wait()
        clock.stop("update" if run.stepwise else "compute")
        read = clock.read()
        if self.works_on or not run.stepwise:
            read |= {f"{phase}_seconds": np.nan for phase in (START, *PHASES)}
        return read | {"cpu_seconds": clock.cpu_seconds, "epochs": len(parts)}

    def loss(self, run: Run, model) -> float:
        """The loss at the end of a run; UserError where that is not the reference's."""
        found = model.parameters()
        check_parameters(found, *self._end(run), str(run))
        return objective.loss(self._x, self._y, found)

    def _batches(self, run: Run, order: np.ndarray) -> Iterable:
        return self._framework.LOADERS[run.loader](*self._arrays, order, run.batch_size)

    def _end(self, run: Run) -> tuple[np.ndarray, float]:
        """The reference's parameters at the end of a run, and the bound on a run's error there.

        They are the same for all implementations and loaders.
        """
        key = run.batch_size, run.learning_rate, run.steps, run.seed
        if key not in self._ends:
            parameters, error = sampling.initial_parameters(run.seed, self._x.shape[1]), 0.0
            for part in run.parts(len(self._y)):
                about = parameters, part, run.batch_size, run.learning_rate
                *_, (parameters, error) = reference.follow(self._x, self._y, *about, error=error)
            self._ends[key] = parameters, error
        return self._ends[key]


def measure(real: Real, plan: list[Planned], *, launch: int, threads: int) -> pd.DataFrame:
    """Make all runs of a plan, each with its own number of consecutive seeds.

    One row a run: what decides it, launch, turn, its epochs, seconds, CPU seconds, seconds by
    phase, the loss at its end, and the calibration. All are warmed up and verified before;
    those of a seed take turns in another order for each seed. Where the machine was busy, they are
    made once more. Raises UserError where steps are not those of the reference, or take more than
    their threads.
    """
    for one in plan:
        run = one.run
        if run.stepwise:
            run = replace(run, steps=min(run.steps, WARM_UP_STEPS))
        model = real.prepare(run)
        real.time(run, model)
        real.loss(run, model)
    samples, quiet = calibrated(partial(_rounds, real, plan, launch))
    check_steps(samples, threads, real.device, works_on=real.works_on)
    return samples.assign(launch=launch, **quiet)


def _rounds(real: Real, plan: list[Planned], launch: int) -> pd.DataFrame:
    """Make the runs of one seed after the other: nothing but runs between the first and the last.

    Models are made before them, and losses computed after them.
    """
    orders, rows = random.Random(launch), []
    for number in range(max(one.seeds for one in plan)):
        ready = []
        for one in orders.sample(plan, len(plan)):
            if number < one.seeds:
                run = replace(one.run, seed=one.run.seed + number)
                ready += [(run, turn, real.prepare(run)) for turn in range(one.turns)]
        timed = [real.time(run, model) for run, _, model in ready]
        for (run, turn, model), read in zip(ready, timed, strict=True):
            about = vars(run) | {"turn": turn}
            rows.append(about | read | {"loss": real.loss(run, model)})
    return pd.DataFrame(rows)
