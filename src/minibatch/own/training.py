"""Training a model of the user's to a loss, several seeds side by side, and when it is reached."""

import itertools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import numpy as np
import pandas as pd
import torch

from minibatch.own.contract import Contract
from minibatch.own.crossing import KEPT, reached

LOOK = 0.05  # seconds that looking at the loss may take, about
TRIED, FEWEST = 200, 200  # examples by which that is found, and as many at least are looked at
HOPELESS = 10.0  # times the loss at the start, above that: a run that is given up


def evaluate(contract: Contract, model: torch.nn.Module) -> float:
    """The mean loss over all examples, or over many that are always the same.

    In evaluation mode, without gradients.
    """
    with contract.theirs():
        parts = contract.data.of_the_loss()
    with evaluating(model), torch.no_grad():
        losses = [contract.loss(model, batch).item() for _, batch in parts]
    return float(np.average(losses, weights=[count for count, _ in parts]))


def affordable(contract: Contract, model: torch.nn.Module) -> int:
    """Of how many examples the loss can be looked at in a part of a second, several at least."""
    data = contract.data
    few = min(TRIED, data.examples)
    with contract.theirs():
        batch = data.batch([*range(few)])
    for _ in range(2):  # the second time, what a first call loads is there
        begun = monotonic()
        with evaluating(model), torch.no_grad():
            contract.loss(model, batch).item()
    return max(FEWEST, min(data.examples, data.evaluated, int(LOOK * few / (monotonic() - begun))))


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode: nothing is drawn at random, and batches do not change one another."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


class Stepper:
    """A model with its optimizer, which takes steps as `sgd.stepping` asks for them."""

    def __init__(
        self,
        contract: Contract,
        model: torch.nn.Module,
        rate: float,
        used: torch.nn.Module | None = None,
    ):
        """Train `model`, through `used`, a compiled form of it, where that is given."""
        self._contract, self._used = contract, model if used is None else used
        self.model = model
        self._optimizer = contract.optimizer(model, rate)

    def compute(self, batch) -> None:
        """The gradient of a batch."""
        self._optimizer.zero_grad()
        self._contract.backward(self._contract.loss(self._used, batch))

    def update(self, rate: float) -> None:  # noqa: ARG002
        """A step of the optimizer, which has its learning rate."""
        with self._contract.theirs():
            self._optimizer.step()

    def wait(self) -> None:
        """Return when the device is done."""
        self._contract.wait()


class Run:
    """One seed's training: its model, and its batches epoch after epoch.

    What it draws at random does not depend on the runs beside it.
    """

    def __init__(self, contract: Contract, loader: str, batch_size: int, rate: float, seed: int):
        """Start from the initial parameters of the seed."""
        self._contract, self.seed = contract, seed
        self._stepper = Stepper(contract, contract.model(seed), rate)
        self._batches = _endless(contract, loader, batch_size)
        self._random = _random_state(contract)
        self.steps, self.lost = 0, False

    @property
    def model(self) -> torch.nn.Module:
        """The model as it is now."""
        return self._stepper.model

    def advance(self, steps: int) -> None:
        """Take steps until there are this many of them."""
        _set_random_state(contract=self._contract, state=self._random)
        count, self.steps = steps - self.steps, steps
        with self._contract.theirs():
            for (batch,) in itertools.islice(self._batches, count):
                self._stepper.compute(batch)
                self._stepper.update(0.0)
        self._random = _random_state(self._contract)


def _random_state(contract: Contract) -> tuple:
    """That of PyTorch, on the CPU and on the GPU that is used."""
    gpu = contract.device.type == "cuda"
    return torch.get_rng_state(), torch.cuda.get_rng_state(contract.device) if gpu else None


def _set_random_state(contract: Contract, state: tuple) -> None:
    torch.set_rng_state(state[0])
    if state[1] is not None:
        torch.cuda.set_rng_state(state[1], contract.device)


def _endless(contract: Contract, loader: str, batch_size: int) -> Iterator[tuple]:
    while True:
        yield from contract.data.epoch(loader, batch_size)


def train(
    contract: Contract,
    about: tuple[str, int, float],
    seeds: list[int],
    looked_at: list[int],
    *,
    target: float = -math.inf,
    beyond: float = 1.0,
    until: float = math.inf,
) -> pd.DataFrame:
    """Losses of all seeds by number of steps: seed, step, loss.

    `about` is the loader, the batch size and the learning rate. It ends where the mean loss over
    the seeds has been kept at or below the target at three points in a row, and `beyond` times as
    many steps are taken; where it is hopeless, at the last point, or at the time `until`, of the
    monotonic clock. A run that diverges has an
    infinite loss from there on.
    """
    runs = [Run(contract, *about, seed) for seed in seeds]
    rows, means, there = [], [], math.inf
    for step in looked_at:
        for run in runs:
            if not run.lost:
                run.advance(step)
            loss = math.inf if run.lost else evaluate(contract, run.model)
            run.lost = run.lost or not math.isfinite(loss)
            loss = math.inf if run.lost else loss
            rows.append({"seed": run.seed, "step": step, "loss": loss})
        means.append(np.mean([row["loss"] for row in rows[-len(runs) :]]))
        if not math.isfinite(there) and len(means) >= KEPT and max(means[-KEPT:]) <= target:
            there = step
        if step >= beyond * there or hopeless(means) or monotonic() > until:
            break
    return pd.DataFrame(rows)


def hopeless(means: Sequence[float]) -> bool:
    """Whether a mean loss has gone so far up that the target will not be reached."""
    return not means[-1] - means[0] <= HOPELESS * max(abs(means[0]), 1e-9)


def cut_short(losses: pd.DataFrame, target: float, last: int) -> bool:
    """Whether it was the time that ended a run before the target, and before its last point."""
    means = losses.groupby("step").loss.mean().to_numpy()
    there = math.isfinite(reached(losses, target))
    return not (there or losses.step.max() == last or hopeless(means))
