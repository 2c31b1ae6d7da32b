"""What a step costs whatever its batch, and what each example adds: t(b) = t₀ + c·b, fitted."""

import numpy as np
import pandas as pd

from minibatch.summaries.intervals import over_launches
from minibatch.summaries.steptime import SERIES, per_launch

FEWEST = 3  # batch sizes that a line is fitted to
CLOSE = 0.1  # a line fits where no mean lies farther from it, as a share of the time


def fit(sizes: np.ndarray, seconds: np.ndarray) -> tuple[float, float]:
    """t₀ and c by least squares, each time weighted by 1/t²: errors are shares of a time."""
    sizes, seconds = np.asarray(sizes, dtype=float), np.asarray(seconds)
    design = np.stack([np.ones_like(sizes), sizes], axis=1) / seconds[:, None]
    (constant, slope), *_ = np.linalg.lstsq(design, np.ones(len(sizes)), rcond=None)
    return constant, slope


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each framework, device, implementation and loader with several batch sizes.

    A line is fitted to the times of each launch. t0_seconds and c_seconds are the means of the
    launches' values, with 95 % intervals (_low, _high) over launches; `load_t0_seconds` is the part
    of t₀ that loading a batch takes, and `start_seconds` what starting an epoch does beside that,
    which is part of c: both NaN where they cannot be told apart. `residual` is the farthest that
    the mean time of a batch size lies from the mean line, as a share of it, at `residual_at`;
    `line` says whether that is close enough to speak of a line.
    """
    found = []
    for values, rows in per_launch(tables).groupby(SERIES, sort=False):
        if rows.batch_size.nunique() < FEWEST:
            continue
        lines = np.array([fit(part.examples, part.seconds) for _, part in rows.groupby("launch")])
        loads = [_load(part) for _, part in rows.groupby("launch")]
        start = rows[rows.epoch_steps > 1].start_seconds.median()
        (t0, *t0_ends), (c, *c_ends) = map(over_launches, lines.T)
        means = rows.groupby("batch_size")[["examples", "seconds"]].mean()
        residuals = means.seconds / (t0 + c * means.examples) - 1
        farthest = residuals.abs().idxmax()
        found.append(
            [
                *(*values, len(lines), t0, *t0_ends, c, *c_ends, np.mean(loads), start),
                *(residuals[farthest], farthest, abs(residuals[farthest]) <= CLOSE),
            ]
        )
    return pd.DataFrame(found, columns=COLUMNS)


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
