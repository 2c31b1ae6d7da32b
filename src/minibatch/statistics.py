"""From raw rows to one row a seed, and from many values to median and spread."""

import numpy as np
import pandas as pd

RUN = [
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
    """One row for each run, loader and seed.

    Columns: those of RUN, seed, loss (the last), diverged (not finite, or not below the first),
    each of COSTS per epoch, and what it took to the target loss: seconds_to_target,
    steps_to_target and epochs_to_target, infinite where it was not reached.
    """
    traces = traces.sort_values("step", kind="stable")
    key = [*RUN, "seed"]
    first, last = (
        traces.groupby(key, sort=False)[[*COSTS, "loss"]].first(),
        traces.groupby(key, sort=False)[[*COSTS, "loss"]].last(),
    )
    reached = (
        traces[traces.loss <= target_loss]
        .groupby(key, sort=False)[["seconds", "step", "epoch"]]
        .first()
        .set_axis([f"{unit}_to_target" for unit in ("seconds", "steps", "epochs")], axis=1)
        .reindex(last.index)
        .fillna(np.inf)
    )
    epochs = last.index.get_level_values("epochs").to_numpy()[:, None]
    result = last[["loss"]].assign(diverged=~(last.loss < first.loss))
    return pd.concat([result, last[COSTS] / epochs, reached], axis=1).reset_index()


def spread(values: pd.Series) -> pd.Series:
    """Median, lowest and highest of some values; NaN counts as the highest, infinity."""
    known = values.fillna(np.inf).to_numpy(dtype=float)
    # inverted_cdf: a value that occurred, so that infinities do not meet in a difference
    median = np.quantile(known, 0.5, method="inverted_cdf")
    return pd.Series({"median": median, "low": known.min(), "high": known.max()})
