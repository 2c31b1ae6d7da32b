"""What a step costs whatever its batch, and what each example adds: t(b) = t₀ + c·b, fitted."""

import numpy as np
import pandas as pd

from minibatch.summaries.intervals import over_launches
from minibatch.summaries.steptime import SERIES, per_launch
from minibatch.tables.epochs import WHOLE_EPOCHS

FEWEST = 3  # batch sizes that a line is fitted to
CLOSE = 0.1  # a line fits where no time lies farther from it, as a share of the time


def fit(sizes: np.ndarray, seconds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """t₀ and c by least squares, each time weighted by 1/t²: errors are shares of a time.

    The last axis of `seconds` is that of the sizes; any others are of t₀ and c, too.
    """
    sizes, seconds = np.asarray(sizes, dtype=float), np.asarray(seconds)
    design = np.stack([np.ones_like(sizes), sizes], axis=-1) / seconds[..., None]
    solved = np.linalg.pinv(design).sum(axis=-1)
    return solved[..., 0], solved[..., 1]


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each framework, device, implementation and loader with several batch sizes.

    A line is fitted to the times of each launch. t0_seconds and c_seconds are the means of the
    launches' values, with 95 % intervals (_low, _high) over launches; `load_t0_seconds` is the part
    of t₀ that loading a batch takes, and `start_seconds` what starting an epoch does beside that,
    which is part of c: both NaN where they cannot be told apart. Where an epoch is a call, it is
    what such a call costs whatever its steps, which is in neither t₀ nor c. `residual` is the
    farthest that a time lies from the line of its launch, as a share of the time and in the mean
    over launches, at batch size `residual_at`. `line` is "yes" where the 95 % intervals of all such
    shares lie within a tenth, "no" where that of one lies outside, and "undecided" else.
    """
    found = []
    for values, rows in per_launch(tables).groupby(SERIES, sort=False):
        if rows.batch_size.nunique() < FEWEST:
            continue
        lines, shares = [], []
        for _, part in rows.groupby("launch"):
            call = calls(part)
            lines.append(fit(part.examples, part.seconds - call))
            fitted = lines[-1][0] + lines[-1][1] * part.examples + call
            shares.append((1 - fitted / part.seconds).set_axis(part.batch_size))
        loads = [_load(part) for _, part in rows.groupby("launch")]
        starting = (rows.load_seconds > 0) | rows.implementation.isin(WHOLE_EPOCHS)
        start = rows[(rows.epoch_steps > 1) & starting].start_seconds.median()
        (t0, *t0_ends), (c, *c_ends) = map(over_launches, np.transpose(lines))
        residuals = pd.concat(shares, axis=1).apply(over_launches, axis=1, result_type="expand")
        farthest = residuals[0].abs().idxmax()
        found.append(
            [
                *(*values, len(lines), t0, *t0_ends, c, *c_ends, np.mean(loads), start),
                *(residuals[0][farthest], farthest, _line(residuals[1], residuals[2])),
            ]
        )
    return pd.DataFrame(found, columns=COLUMNS)


def calls(rows: pd.DataFrame) -> pd.Series:
    """Of the seconds of each step, what a call of an epoch's steps costs whatever their number.

    That is one number for all batch sizes, the median; 0 where an epoch is no call.
    """
    called = rows[rows.implementation.isin(WHOLE_EPOCHS)].start_seconds.median()
    return (0.0 if np.isnan(called) else called) / rows.epoch_steps


def _line(low: pd.Series, high: pd.Series) -> str:
    """Whether shares of the time are small, by the ends of their intervals."""
    if (low > CLOSE).any() or (high < -CLOSE).any():
        return "no"
    return "yes" if (low >= -CLOSE).all() and (high <= CLOSE).all() else "undecided"


def _load(rows: pd.DataFrame) -> float:
    """t₀ of loading alone, in one launch."""
    rows = rows[rows.load_seconds > 0]  # known, and apart from the start of the epoch
    if len(rows) < FEWEST:
        return np.nan
    return fit(rows.examples, rows.load_seconds)[0]


COLUMNS = [
    *(*SERIES, "launches", "t0_seconds", "t0_seconds_low", "t0_seconds_high"),
    *("c_seconds", "c_seconds_low", "c_seconds_high", "load_t0_seconds"),
    "start_seconds",
    *("residual", "residual_at", "line"),
]
