"""Train by SGD and record the trace: results/data/examples.parquet → results/train/…."""

import platform
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.sgd import factors, objective, reference, sampling, schedules
from minibatch.sgd.clock import PHASES, Clock
from minibatch.sgd.examples import split
from minibatch.sgd.step_checks import check_loss
from minibatch.tables import parquet, provenance, verdicts
from minibatch.tables.epochs import WHOLE_EPOCHS

COLUMNS = {
    **{"step": "int64", "examples": "int64", "epoch": "float64", "seconds": "float64"},
    **{f"{phase}_seconds": "float64" for phase in PHASES},
    **{"loss": "float64", "framework": "string", "run": "string", "machine": "string"},
    **dict.fromkeys(("device", "implementation", "loader", "objective"), "string"),
    **{"batch_size": "int64", "learning_rate": "float64", "epochs": "int64"},
    **{"schedule": "string", "sampling": "string", "copies": "int64", "seed": "int64"},
}
WARM_UP_STEPS = 100  # of an eager run; a compiled one needs a whole epoch to be compiled for it


@dataclass(frozen=True)
class Run:
    """All that decides the course of one training run."""

    device: str
    implementation: str  # "scratch", "concise" or "compiled"
    loader: str  # "framework" or "direct"
    objective: str  # what is descended: "half_mse", or "mse", which has twice the gradient
    batch_size: int
    learning_rate: float
    epochs: int
    schedule: str  # how the learning rate goes down: sgd/schedules.py
    sampling: str  # "permutation" or "replacement"
    copies: int  # how often each example stands in the dataset
    seed: int

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        return self.learning_rate * schedules.factor(self.schedule, epoch)

    def order(self, examples: int, epoch: int) -> np.ndarray:
        """The examples of an epoch, in the order in which they are visited."""
        return sampling.batch_order(examples, self.seed, epoch, self.sampling, self.copies)

    def model(self, framework: ModuleType, features: int):
        """The framework's model at its initial weights."""
        weights = sampling.initial_weights(self.seed, features)
        return framework.IMPLEMENTATIONS[self.implementation](weights, self.objective, self.device)


def train(framework: ModuleType, x: np.ndarray, y: np.ndarray, run: Run) -> pd.DataFrame:
    """Train on (x, y), float32, shapes (n, d) and (n,).

    One row a point of the trace: step, examples, epoch, the clock's seconds (whole and by phase,
    evaluation excluded) and the loss over all examples, before the step after this point.
    The phases are NaN where they cannot be told apart: in compiled epochs, and where the device
    works on after an operation has returned.
    A run that diverges goes on, to an infinite or NaN loss.
    """
    model = run.model(framework, x.shape[1])
    arrays = framework.array(x, run.device), framework.array(y, run.device)
    framework.wait(*arrays)
    clock = Clock(model.wait)
    points = _by_epoch if run.implementation in WHOLE_EPOCHS else _by_step
    visits = len(y) * run.copies  # an epoch
    trace = [
        (step, examples, examples / visits, *clock.read().values(), _loss(x, y, model))
        for step, examples in points(framework, model, arrays, len(y), run, clock)
    ]
    found = pd.DataFrame(trace, columns=["step", "examples", "epoch", *clock.read(), "loss"])
    if run.device in framework.ASYNCHRONOUS or run.implementation in WHOLE_EPOCHS:
        found = found.assign(**{f"{phase}_seconds": np.nan for phase in PHASES})
    return found


def _loss(x: np.ndarray, y: np.ndarray, model) -> float:
    return objective.loss(x, y, model.parameters())


def _by_step(
    framework: ModuleType, model, arrays: tuple, count: int, run: Run, clock: Clock
) -> Iterator[tuple[int, int]]:
    """Take all steps; stop at each point of the trace, the clock too, with (steps, examples)."""
    step = examples = 0
    yield step, examples
    due = next_point(examples)
    for epoch in range(run.epochs):
        rate = run.rate(epoch)
        order = run.order(count, epoch)
        end = examples + len(order)
        batches = framework.LOADERS[run.loader](*arrays, order, run.batch_size)
        clock.start()
        iterator = iter(batches)
        while (batch := next(iterator, None)) is not None:
            clock.lap("load")
            model.compute(*batch)
            clock.lap("compute")
            model.update(rate)
            clock.lap("update")
            step += 1
            examples = min(examples + run.batch_size, end)  # the last batch may be smaller
            if examples >= due or examples == end:
                clock.stop("update")
                yield step, examples
                due = next_point(examples)
                clock.start()
        clock.stop("load")


def _by_epoch(
    framework: ModuleType,  # noqa: ARG001
    model,
    arrays: tuple,
    count: int,
    run: Run,
    clock: Clock,
) -> Iterator[tuple[int, int]]:
    """Take all epochs of a compiled model; stop, the clock too, at the end of each alone."""
    step = examples = 0
    yield step, examples
    for epoch in range(run.epochs):
        order = run.order(count, epoch)
        clock.start()
        model.epoch(*arrays, order, run.batch_size, run.rate(epoch))
        clock.stop("compute")
        step += -(-len(order) // run.batch_size)
        examples += len(order)
        yield step, examples


def next_point(examples: int) -> int:
    """The next point of the grid of the trace: 1, 2, 5, 10, 20, 50, and every 100 examples."""
    dense = (point for point in (1, 2, 5, 10, 20, 50) if point > examples)
    return next(dense, (examples // 100 + 1) * 100)


def verify(x: np.ndarray, y: np.ndarray, run: Run, trace: pd.DataFrame) -> None:
    """Compare every loss of a trace with the reference in float64.

    Raises UserError where one differs by more than float32 rounding may have added up to.
    """
    losses = dict(zip(trace.step, trace.loss, strict=True))
    factor = factors.gradient(run.objective)
    what = (
        f"{run.implementation}, {run.loader} loader, batch size {run.batch_size}, seed {run.seed}"
    )
    parameters, error = sampling.initial_parameters(run.seed, x.shape[1]), 0.0
    check_loss(losses[0], x, y, parameters, error, what)
    step = 0
    for epoch in range(run.epochs):
        order = run.order(len(y), epoch)
        path = reference.follow(
            x, y, parameters, order, run.batch_size, run.rate(epoch), factor=factor, error=error
        )
        for parameters, error in path:
            step += 1
            if step in losses:
                check_loss(losses[step], x, y, parameters, error, what)


def combinations(parameters: dict) -> list[Run]:
    """Every run that the parameters of a job ask for, seed 0 of each."""
    varied = ("loader", "batch_size", "learning_rate")
    fixed = {name: parameters[name] for name in Run.__annotations__ if name in parameters}
    return [
        Run(**fixed, **dict(zip(varied, values, strict=True)), seed=0)
        for values in product(*(parameters[f"{name}s"] for name in varied))
    ]


def warm_up(framework: ModuleType, x: np.ndarray, y: np.ndarray, run: Run) -> None:
    """Train as far as it takes to compile and to fill caches, and verify that."""
    enough = len(y) if run.implementation in WHOLE_EPOCHS else WARM_UP_STEPS * run.batch_size
    x, y, run = x[:enough], y[:enough], replace(run, epochs=1)
    verify(x, y, run, train(framework, x, y, run))


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Warm every combination up, train each with each seed in random order, and verify that."""
    examples, *gates = (parquet.read(path, parameters["inputs"][str(path)]) for path in inputs)
    if verdicts.closed(pd.concat(gates), parameters["implementation"]):
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    x, y = map(np.ascontiguousarray, split(examples.to_numpy()))
    framework = frameworks.start(parameters["framework"], parameters["threads"])
    versions = frameworks.provenance(framework, parameters["device"])
    about = provenance.collect(threads=[parameters["threads"]], **versions)

    runs = combinations(parameters)
    for run in runs:
        warm_up(framework, x, y, run)
    runs = [replace(run, seed=seed) for run in runs for seed in range(parameters["seeds"])]
    order = random.Random(0).sample(range(len(runs)), len(runs))
    traces = {index: train(framework, x, y, runs[index]) for index in order}
    for index, trace in traces.items():
        verify(x, y, runs[index], trace)

    names = {name: parameters[name] for name in ("framework", "run")}
    names |= {"machine": platform.node()}
    described = [traces[index].assign(**names, **asdict(run)) for index, run in enumerate(runs)]
    table = pd.concat(described)
    parquet.write(table, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
