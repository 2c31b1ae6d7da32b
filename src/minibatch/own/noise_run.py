"""Gradient noise on the way to the target: at several points of some runs of the reference."""

from time import monotonic

import numpy as np
import pandas as pd

from minibatch.own.contract import Contract
from minibatch.own.methods import ESTIMATED, EXACT
from minibatch.own.noise import Noise, NotExact, exact, sampled
from minibatch.own.training import EVALUATED, Run

RUNS, POINTS = 5, 8
SMALLEST = 8  # examples of the smaller batch of an estimate, at least
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
    in batch_size; "exact", of all examples, where these are no more than 10,000 and have gradients
    of their own. As many runs are made as the budget allows, and two at least.
    """
    begun, rows, why = monotonic(), [], ""
    examples = contract.data.examples
    used = min(examples, EVALUATED)
    size = max(min(SMALLEST, examples // 2), used // 200)  # 200 batches at most
    for number in range(RUNS):
        seed = 200 + number
        run = Run(contract, contract.data.loaders[0], batch_size, rate, seed)
        random = np.random.default_rng(seed)
        for point in range(POINTS):
            run.advance(round(steps * point / (POINTS - 1)))
            about = {"seed": seed, "point": point, "step": run.steps}
            chosen = random.choice(examples, used, replace=False).tolist()
            with contract.theirs():
                data = contract.data.batch(chosen)
                found = _of_sizes(contract, run.model, data, size, random)
            rows.append(about | {"method": ESTIMATED} | found)
            if examples > EVALUATED:
                why = f"there are more than {EVALUATED:,} examples"
            if not why:
                try:
                    with contract.theirs():
                        noise = exact(run.model, contract.plain_loss, data)
                    rows.append(about | {"method": EXACT} | _row(noise, 1, examples))
                except NotExact as error:
                    why = str(error)
        if number and (monotonic() - begun) * (number + 2) / (number + 1) > budget_seconds:
            break
    return pd.DataFrame(rows, columns=[*COLUMNS]), why


def _of_sizes(contract: Contract, model, data, size: int, random: np.random.Generator) -> dict:
    """The columns of an estimate from two sizes, that of the larger batch all that is there."""
    count = len(data if hasattr(data, "shape") else data[0]) // size
    noise = sampled(model, contract.plain_loss, data, size, count, random)
    return _row(noise, size, count)


def _row(noise: Noise, size: int, batches: int) -> dict:
    return noise._asdict() | {"batch_size": size, "batches": batches}
