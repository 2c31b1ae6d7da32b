"""The engine's losses with replacement beside their exact expectation."""

import numpy as np
import pandas as pd
from scipy import special

from minibatch.sgd.cases import RANGE
from minibatch.summaries.intervals import CONFIDENCE


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each batch size: the excess over the floor, as a share of what is expected.

    At the end of the runs at the learning rate that the expectation says is best for the lowest
    loss. The intervals, by the normal distribution, hold with 95 % for all sizes together.
    """
    curves, floor = tables["curves"], tables["problem"].floor.iloc[0]
    rows = curves[(curves.variant == "replacement") & np.isfinite(curves.expected_loss)]
    last = rows[rows.step == rows.groupby("batch_size").step.transform("max")]
    wanted = RANGE * last.groupby("batch_size").learning_rate.transform("min")
    chosen = np.abs(np.log(last.learning_rate / wanted)).groupby(last.batch_size).idxmin()
    found = last.loc[chosen]
    half = special.ndtri(1 - (1 - CONFIDENCE) / 2 / max(1, len(found)))
    expected = found.expected_loss - floor
    shares = (found.mean_loss - floor) / expected
    return found[["batch_size", "learning_rate", "step", "seeds"]].assign(
        share=shares,
        share_low=shares - half * found.standard_error / expected,
        share_high=shares + half * found.standard_error / expected,
    )


def sentence(rows: pd.DataFrame) -> str:
    """How far the engine's means are from what is expected."""
    if rows.empty:
        return "no run was made to hold against it"
    differ = rows[(rows.share_low > 1) | (rows.share_high < 1)].batch_size
    sizes = ", ".join(map(str, differ))
    said = (
        f"which differs at batch size {sizes}" if sizes else "and 1 is inside at every batch size"
    )
    return (
        f"the engine's means over {rows.seeds.iloc[0]} seeds end {rows.share_low.min():.2f} to "
        f"{rows.share_high.max():.2f} times as far above the floor, {said} (intervals that hold "
        "with 95 % for all batch sizes together)"
    )
