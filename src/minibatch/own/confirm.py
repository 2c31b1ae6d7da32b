"""Real training at some batch sizes to the target: its steps, and then its seconds."""

import math
import random
from time import monotonic

import numpy as np
import pandas as pd

from minibatch.own.contract import Contract
from minibatch.own.crossing import FIRST, LAST, SEEDS, points, reached
from minibatch.own.training import Run, cut_short, evaluate, train
from minibatch.sgd.calibration import calibrated
from minibatch.sgd.clock import Clock

PATIENCE = 2  # times what is predicted
STEPS = "steps"
COLUMNS = {
    **{"launch": "int64", "batch_size": "int64", "learning_rate": "float64", "seed": "int64"},
    **{"step": "int64", "loss": "float64", "seconds": "float64", "steps_to_target": "float64"},
    **dict.fromkeys(("calibration_before", "calibration_after"), "float64"),
    "busy": "bool",
}


def measure(
    contract: Contract, plan: pd.DataFrame, *, target: float, launch: int, budget_seconds: float
) -> pd.DataFrame:
    """Train at all planned sizes: batch_size, learning_rate, steps, and seconds as predicted.

    First with several seeds side by side, whose loss is looked at: rows with `loss`, and NaN
    `seconds`. `steps_to_target` is where their mean is kept at the target, infinite where it is
    not, and NaN where the time was over first. Then a run of exactly as many steps back to back: a
    row with its `seconds`, and the loss at its end.
    """
    loader = contract.data.loaders[0]
    share = budget_seconds / len(plan)
    seeds = [1000 + SEEDS * launch + number for number in range(SEEDS)]
    found, ready = [], []
    for row in plan.itertuples():
        looked_at = points(max(1, round(FIRST * row.steps)), max(4, math.ceil(LAST * row.steps)))
        about = loader, row.batch_size, row.learning_rate
        until = monotonic() + share
        own = seeds[: max(1, int(share / (PATIENCE * row.seconds_to_target)))]
        trace = train(contract, about, own, looked_at, target=target, until=until)
        steps = reached(trace, target)
        if cut_short(trace, target, looked_at[-1]):
            steps = np.nan
        known = {"batch_size": row.batch_size, "learning_rate": row.learning_rate}
        known |= {"steps_to_target": steps}
        found.append(trace.assign(**known, seconds=np.nan))
        if math.isfinite(steps):
            ready.append((known, about, max(1, round(steps))))
    rows, quiet = calibrated(lambda: _timed(contract, ready, seeds[0], launch))
    return pd.concat([*found, rows]).assign(launch=launch, **quiet)[[*COLUMNS]]


def _timed(contract: Contract, ready: list[tuple], seed: int, launch: int) -> pd.DataFrame:
    """A run of each size, all of its steps back to back, one after the other in random order."""
    rows = []
    for known, about, steps in random.Random(launch).sample(ready, len(ready)):
        Run(contract, *about, seed).advance(min(steps, 3))  # the shapes
        run, clock = Run(contract, *about, seed), Clock(contract.wait, [STEPS])
        clock.start()
        run.advance(steps)
        clock.stop(STEPS)
        about_run = {"seed": seed, "step": steps, "loss": evaluate(contract, run.model)}
        rows.append(known | about_run | {"seconds": clock.read()["seconds"]})
    return pd.DataFrame(rows)
