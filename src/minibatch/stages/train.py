"""Train by SGD and record the trace: results/data/examples.parquet → results/train/…."""

import random
import sys
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks, objective, provenance, sampling, tables
from minibatch.clock import Clock
from minibatch.verification import check_step

VERIFIED_STEPS = 20


@dataclass(frozen=True)
class Run:
    """All that decides the course of one training run."""

    device: str
    implementation: str  # "scratch" or "concise"
    loader: str  # "framework" or "direct"
    objective: str  # what is descended: "half_mse", or "mse", which has twice the gradient
    batch_size: int
    learning_rate: float
    epochs: int
    schedule: str  # "constant", or "tenth": the learning rate cut to 1/10 after each epoch
    sampling: str  # "permutation" or "replacement"
    copies: int  # how often each example stands in the dataset
    seed: int

    def rate(self, epoch: int) -> float:
        """The learning rate in an epoch, counted from 0."""
        return self.learning_rate * (0.1**epoch if self.schedule == "tenth" else 1)

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
    A run that diverges goes on, to an infinite or NaN loss.
    """
    model = run.model(framework, x.shape[1])
    features, targets = framework.array(x, run.device), framework.array(y, run.device)
    clock = Clock(lambda: framework.wait(run.device))
    step = examples = 0
    visits = len(y) * run.copies  # an epoch
    trace = []

    def record():
        loss = objective.loss(x, y, model.parameters())
        trace.append((step, examples, examples / visits, *clock.read().values(), loss))

    record()
    for epoch in range(run.epochs):
        rate = run.rate(epoch)
        order = run.order(len(y), epoch)
        batches = framework.LOADERS[run.loader](features, targets, order, run.batch_size)
        end, due = examples + visits, next_point(examples)
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
                record()
                due = next_point(examples)
                clock.start()
        clock.stop("load")
    return pd.DataFrame(trace, columns=["step", "examples", "epoch", *clock.read(), "loss"])


def next_point(examples: int) -> int:
    """The next point of the grid of the trace: 1, 2, 5, 10, 20, 50, and every 100 examples."""
    dense = (point for point in (1, 2, 5, 10, 20, 50) if point > examples)
    return next(dense, (examples // 100 + 1) * 100)


def verify(framework: ModuleType, x: np.ndarray, y: np.ndarray, run: Run) -> None:
    """Compare the first steps of a run, one by one, with the closed-form gradient in float64.

    Raises Problem where one differs by more than rounding.
    """
    model = run.model(framework, x.shape[1])
    features, targets = framework.array(x, run.device), framework.array(y, run.device)
    order, size = run.order(len(y), epoch=0), run.batch_size
    batches = framework.LOADERS[run.loader](features, targets, order, size)
    rate = min(run.rate(0), objective.stability_limit(x))  # so that the numbers stay finite
    factor = {"half_mse": 1, "mse": 2}[run.objective]
    what = f"{run.implementation}, {run.loader} loader, batch size {size}"
    for number, batch in zip(range(VERIFIED_STEPS), batches, strict=False):
        chosen = order[number * size : (number + 1) * size]
        before = model.parameters()
        model.compute(*batch)
        model.update(rate)
        check_step(before, model.parameters(), x[chosen], y[chosen], rate, factor, what)


def combinations(parameters: dict) -> list[Run]:
    """Every run that the parameters of a job ask for, seed 0 of each."""
    varied = ("loader", "batch_size", "learning_rate")
    fixed = {name: parameters[name] for name in Run.__annotations__ if name in parameters}
    return [
        Run(**fixed, **dict(zip(varied, values, strict=True)), seed=0)
        for values in product(*(parameters[f"{name}s"] for name in varied))
    ]


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Verify and warm up every combination, then train each with each seed, in random order."""
    [path] = inputs
    examples = tables.read(path, parameters["inputs"][str(path)]).to_numpy()
    x, y = np.ascontiguousarray(examples[:, :-1]), np.ascontiguousarray(examples[:, -1])
    framework = frameworks.start(parameters["framework"], parameters["threads"])
    about = provenance.collect(frameworks=[framework.version()], threads=[parameters["threads"]])

    runs = combinations(parameters)
    for run in runs:
        verify(framework, x, y, run)
        train(framework, x, y, replace(run, epochs=1))
    runs = [replace(run, seed=seed) for run in runs for seed in range(parameters["seeds"])]
    order = random.Random(0).sample(range(len(runs)), len(runs))
    traces = {index: train(framework, x, y, runs[index]) for index in order}

    names = {name: parameters[name] for name in ("framework", "run")}
    described = [traces[index].assign(**names, **asdict(run)) for index, run in enumerate(runs)]
    tables.write(pd.concat(described), output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
