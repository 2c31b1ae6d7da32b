"""A run of the user's model to its target: with which learning rate, and in how many steps."""

import math
from time import monotonic

import numpy as np
import pandas as pd

from minibatch.errors import UserError
from minibatch.own.contract import Contract
from minibatch.own.crossing import points, reached
from minibatch.own.grid import sizes
from minibatch.own.training import train

BATCH_SIZE = 50  # about, where the file names none
RATES = tuple(4.0**power for power in range(-6, 2))
TUNING_SEEDS, SEEDS = 2, 8
STEPS = 20_000  # of a run, at most
BEYOND = 1.6  # times the steps to the target, which some resamples of the seeds take
GAIN = 0.9  # of what the run gained: the target where the file names none
LOOKS = 12  # at the loss of a run while tuning
OVER = 3  # times the time that a run was to take: it ends
TUNING = 0.5  # the share of the time in which the rate is chosen
COLUMNS = {
    "part": "string",
    **{"batch_size": "int64", "learning_rate": "float64", "target_loss": "float64"},
    **{"seed": "int64", "step": "int64", "loss": "float64"},
}


def measure(contract: Contract, path: str, budget_seconds: float) -> pd.DataFrame:
    """Choose a learning rate, unless the file names one, and train to the target.

    One row a seed and number of steps at which the loss was looked at: part ("tuning" or
    "reference"), batch_size, learning_rate, target_loss (NaN while tuning without one), seed, step,
    loss. Raises UserError where no learning rate lowers the loss, or the target is not reached.
    """
    loader, size = contract.data.loaders[0], contract.batch_size or _size(contract)
    parts, rate = [], contract.learning_rate
    train(contract, (loader, size, RATES[0]), [0], [0, 1])  # what is loaded by a first step
    if rate is None:
        until = monotonic() + TUNING * budget_seconds
        tuned = _tune(contract, loader, size, until)
        rate = _best(tuned, contract.target_loss)
        parts.append(tuned.assign(part="tuning", target_loss=contract.target_loss or np.nan))
        if rate is None:
            raise UserError(f"{path}: no learning rate from {RATES[0]:g} on lowers the loss")
    seeds = [*range(100, 100 + SEEDS)]
    looked_at = points(20, STEPS)
    left = (1 - TUNING) * budget_seconds
    about = {"target": contract.target_loss or -math.inf, "beyond": BEYOND}
    about["until"] = monotonic() + (budget_seconds if contract.learning_rate else left)
    run = train(contract, (loader, size, rate), seeds, looked_at, **about)
    target = contract.target_loss or _target(run)
    if not math.isfinite(reached(run, target)):
        least = run.groupby("step").loss.mean().min()
        raise UserError(
            f"{path}: a loss of {target:g} is not reached for good in {run.step.max()} steps at "
            f"batch size {size} and learning rate {rate:.3g}, the least is {least:.4g}; raise "
            "target_loss, name another learning_rate and batch_size, or give more time: BUDGET=20"
        )
    if reached(run, target) < 1:
        raise UserError(f"{path}: target_loss = {target:g} is not below where other seeds begin")
    known = {"part": "reference", "target_loss": target, "learning_rate": rate}
    parts.append(run.assign(**known))
    return pd.concat(parts).assign(batch_size=size)[[*COLUMNS]]


def _size(contract: Contract) -> int:
    """The batch size of the reference where the file names none; an eighth of all at most."""
    known = sizes(contract.data.examples)
    return max(
        [size for size in known if size <= min(BATCH_SIZE, contract.data.examples / 8)] or [1]
    )


def _tune(contract: Contract, loader: str, size: int, until: float) -> pd.DataFrame:
    """Runs at rates that are four times apart, then longer ones about the best of these."""
    target, seeds = contract.target_loss or -math.inf, [*range(TUNING_SEEDS)]
    begun = monotonic()
    train(contract, (loader, size, RATES[0]), seeds, [0, 10])
    pair = monotonic() - begun  # the time of ten steps of all seeds, and two looks at the loss
    rates, steps, found = RATES, 0, {}
    for left in (2, 1):  # rounds, which share what is left of the time
        each = (until - monotonic()) / left / len(rates)
        steps = min(STEPS, max(2 * steps, int(10 * max(2, each / pair - LOOKS / 2))))
        looked_at = [0, *np.unique(np.geomspace(1, steps, LOOKS).astype(int)).tolist()]
        found = {}
        for rate in rates:
            ends = {"target": target, "until": monotonic() + OVER * each}
            run = train(contract, (loader, size, rate), seeds, looked_at, **ends)
            found[rate] = run.assign(learning_rate=rate)
        best = _ranked(found, contract.target_loss)[0]
        rates = (best / 2, best, 2 * best)
    return pd.concat(found.values())


def _ranked(runs: dict[float, pd.DataFrame], target: float | None) -> list[float]:
    """Rates by the steps to the target; those that are not there, by the loss at the end."""

    def order(rate: float) -> tuple[float, float]:
        steps = math.inf if target is None else reached(runs[rate], target)
        return steps, runs[rate].groupby("step").loss.mean().iloc[-1]

    return sorted(runs, key=order)


def _best(tuned: pd.DataFrame, target: float | None) -> float | None:
    """Half of the rate that is soonest; None where that does not lower the loss.

    The soonest lies at the edge of what diverges, where one seed gets there and another does not.
    """
    runs = dict(iter(tuned.groupby("learning_rate")))
    rate = _ranked(runs, target)[0]
    means = runs[rate].groupby("step").loss.mean()
    return float(rate) / 2 if means.iloc[-1] < means.iloc[0] else None


def _target(run: pd.DataFrame) -> float:
    """A loss that the run reached: nine tenths of the way from the start to the least."""
    means = run.groupby("step").loss.mean()
    return float(means.iloc[0] - GAIN * (means.iloc[0] - means.min()))
