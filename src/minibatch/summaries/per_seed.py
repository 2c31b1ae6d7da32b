"""From raw rows to one row a seed, and from many values to median and spread."""

import numpy as np
import pandas as pd

from minibatch.sgd.plain import PLAIN

RUN = [
    "machine",
    "framework",
    "device",
    "run",
    "implementation",
    "objective",
    "loader",
    "batch_size",
    "learning_rate",
    "epochs",
    "schedule",
    "sampling",
    "copies",
]
COSTS = ["seconds", "load_seconds", "compute_seconds", "update_seconds"]


def per_seed(traces: pd.DataFrame, target_loss: float) -> pd.DataFrame:
    """One row for each run, loader and seed, in the order in which they stand in the traces.

    Columns: those of RUN, seed, loss (the last), diverged (not finite, or not below the first),
    each of COSTS per epoch, and seconds_to_target, infinite where that loss was not reached.
    """
    key = [*RUN, "seed"]
    # one number in the place of so many columns, by which rows are slow to align
    points = traces.assign(curve=traces.groupby(key, sort=False).ngroup())
    points = points.sort_values("step", kind="stable")
    curves = points.groupby("curve")
    # nth, since first and last pass over NaN, which is how a run that diverged may end
    first, last = (curves.nth(place).set_index("curve").sort_index() for place in (0, -1))
    reached = points[points.loss <= target_loss].drop_duplicates("curve").set_index("curve")
    reached = reached.reindex(last.index)
    return (
        last[[*key, "loss"]]
        .assign(
            diverged=~(last.loss < first.loss),
            **{cost: last[cost] / last.epochs for cost in COSTS},
            seconds_to_target=reached.seconds.fillna(np.inf),
        )
        .reset_index(drop=True)
    )


def plain(rows: pd.DataFrame) -> pd.Series:
    """Which rows are of runs that keep their learning rate and visit each example once an epoch."""
    return (rows[list(PLAIN)] == list(PLAIN.values())).all(axis=1)


def spread(values: pd.Series, low: float = 0, high: float = 1) -> pd.Series:
    """Median and two quantiles, the lowest and highest value by default; NaN counts as infinity.

    Each is a value that occurred (inverted_cdf), so that infinities do not meet in a difference.
    """
    known = values.fillna(np.inf).to_numpy(dtype=float)
    found = np.quantile(known, [0.5, low, high], method="inverted_cdf")
    return pd.Series(found, index=["median", "low", "high"])
