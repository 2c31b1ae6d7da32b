"""Gradient noise on the way to the target: at several points of some runs of the reference."""

from time import monotonic

import numpy as np
import pandas as pd

from minibatch.own.contract import Contract, OutOfMemory
from minibatch.own.methods import ESTIMATED, EXACT
from minibatch.own.noise import Noise, NotExact, exact, of_batches
from minibatch.own.training import Run

RUNS, POINTS = 10, 6
MOST = 10_000  # examples whose gradients are looked at, at a point
SMALLEST, BATCHES = 8, 200  # examples of a batch of an estimate, at least; such batches, at most
TRIED = 32  # examples by which it is found how long one takes to load
COLUMNS = {
    **{"seed": "int64", "point": "int64", "step": "int64", "method": "string"},
    **{"batch_size": "int64", "batches": "int64"},
    **{"gradient_squared": "float64", "trace": "float64"},
}


def measure(
    contract: Contract, *, batch_size: int, rate: float, steps: int, budget_seconds: float
) -> tuple[pd.DataFrame, str]:
    """Estimate |G|² and tr Σ from the start to the end of runs of `steps`; say why not exactly.

    One row a run, point and method: "two sizes", from batches that share no example, of the size
    in batch_size; "exact", of all examples, where these can be looked at in time and have gradients
    of their own. As many runs are made as the budget allows, and two at least.
    """
    data, rows = contract.data, []
    used = _affordable(contract, budget_seconds / (RUNS * POINTS))
    why = "" if used == data.examples else f"there are more than {used:,} examples"
    size = max(min(SMALLEST, used // 2), used // BATCHES)
    begun = monotonic()
    for number in range(RUNS):
        seed = 200 + number
        run = Run(contract, data.loaders[0], batch_size, rate, seed)
        random = np.random.default_rng(seed)
        for point in range(POINTS):
            run.advance(round(steps * point / (POINTS - 1)))
            about = {"seed": seed, "point": point, "step": run.steps}
            drawn = random.choice(data.examples, used // size * size, replace=False)
            parts = drawn.reshape(-1, size).tolist()
            with contract.theirs():
                batches = map(data.batch, parts)
                noise = of_batches(run.model, contract.plain_loss, batches, data.examples)
            rows.append(about | {"method": ESTIMATED} | _row(noise, size, len(parts)))
            if not why:
                try:
                    with contract.theirs():
                        whole = data.batch([*range(data.examples)])
                        noise = exact(run.model, contract.plain_loss, whole)
                    rows.append(about | {"method": EXACT} | _row(noise, 1, data.examples))
                except (NotExact, OutOfMemory) as error:
                    why = str(error)
        if number and (monotonic() - begun) * (number + 2) / (number + 1) > budget_seconds:
            break
    return pd.DataFrame(rows, columns=[*COLUMNS]), why


def _affordable(contract: Contract, seconds: float) -> int:
    """Of how many examples the gradients can be looked at in about this time; 10,000 at most."""
    few = min(TRIED, contract.data.examples)
    model, begun = contract.model(0), monotonic()
    for _ in range(2):  # the second time, what a first call loads is there
        contract.wait()
        begun = monotonic()
        with contract.theirs():
            batch = contract.data.batch([*range(few)])
        contract.backward(contract.loss(model, batch))
        contract.wait()
    each = (monotonic() - begun) / few
    return min(contract.data.examples, MOST, max(2 * SMALLEST, int(seconds / each)))


def _row(noise: Noise, size: int, batches: int) -> dict:
    return noise._asdict() | {"batch_size": size, "batches": batches}
