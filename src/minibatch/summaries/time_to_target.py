"""Time to a loss by batch size: the steps that it takes, times what a step costs."""

import numpy as np
import pandas as pd

from minibatch.summaries.draws import Draws, draws, ratio
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.steptime import BASELINE, SERIES
from minibatch.summaries.text import counted, way

TIED = 1.05  # times the best time: a batch size that may be no slower than that ties with the best


def tied(times: np.ndarray) -> np.ndarray:
    """Which batch sizes may be no slower than 1.05 times the best, by their intervals.

    None where the best may not reach the target at all.
    """
    best = times[:, np.argmin(times[0])]
    if np.isinf(of_resamples(best)[1]):
        return np.zeros(times.shape[1], bool)
    return np.array([of_resamples(ratio(column, best))[0] <= TIED for column in times.T])


def best_sizes(one: Draws, among: int = 1) -> tuple[int, int]:
    """The interval of the size that takes least time; 0 where the target may not be reached."""
    if not np.isfinite(of_resamples(one.times.min(axis=1))).all():
        return 0, 0
    low, high = of_resamples(one.sizes[np.argmin(one.times, axis=1)], among)
    return int(low), int(high)


def summarise(
    tables: dict[str, pd.DataFrame], *, targets: list[dict], resamples: int
) -> pd.DataFrame:
    """One row for each target, way of training and batch size, with 95 % intervals.

    `seconds_to_target` is infinite where the loss is not reached; `tie` says whether the batch size
    may be as good as the best one; `best_low` and `best_high` are the interval of that one, which
    holds with 95 % for all ways of training together.
    """
    found = []
    every = [*draws(tables, targets, resamples)]
    ways = len({one.series for one in every if BASELINE not in one.series})
    for one in every:
        names = dict(zip(SERIES, one.series, strict=True))
        ties, times = tied(one.times), one.times
        least, most = best_sizes(one, max(1, ways))
        best = np.argmin(times[0]) if most else None
        for index, size in enumerate(one.sizes):
            low, high = of_resamples(times[:, index])
            found.append(
                {"target": one.target, "machine": one.machine, **names, "batch_size": size}
                | {"learning_rate": one.rates[0, index], "steps": one.counts[0, index]}
                | {"step_seconds": one.seconds[0, index], "seconds_to_target": times[0, index]}
                | {"seconds_to_target_low": low, "seconds_to_target_high": high}
                | {"best": index == best, "tie": ties[index]}
                | {"best_low": least, "best_high": most}
            )
    return pd.DataFrame(found, columns=COLUMNS)


def refuted(rows: pd.DataFrame, confirmed: pd.DataFrame) -> np.ndarray:
    """Of which rows the real runs at the way's best size took another time than was predicted."""
    ways = confirmed[confirmed.best & (confirmed.within == "no")].set_index(SERIES).index
    return rows.set_index(SERIES).index.isin(ways)


def sentence(times: pd.DataFrame, confirmed: pd.DataFrame, target: str) -> str:
    """From which to which size is best, over all ways of training in a framework.

    Without those whose best size takes another time in real runs than was predicted.
    """
    found = times[(times.target == target) & times.best & (times.implementation != BASELINE)]
    if found.empty:
        return f"No way of training is shown to reach a loss of {target}"
    every, found = len(found), found[~refuted(found, confirmed)]
    if found.empty:
        return (
            f"Undecided which batch size is soonest at a loss of {target}: no real run of a best "
            "size takes the time that was predicted"
        )
    said, left_out = _told(found, target), every - len(found)
    if left_out:
        said += (
            f" ({counted(left_out, 'way')} of training left out, since real runs refute the time)"
        )
    return said


def _told(found: pd.DataFrame, target: str) -> str:
    """What the best sizes of some ways of training are, by their intervals."""
    smallest = found.sort_values(["best_high", "batch_size"]).iloc[0]
    largest = found.sort_values(["best_low", "batch_size"]).iloc[-1]
    if smallest.best_high < largest.best_low:
        ends = [f"{_sizes(row)} ({way(row)})" for row in (smallest, largest)]
        return (
            f"The batch size that is soonest at a loss of {target} goes from {' to '.join(ends)}: "
            "the steps are the same, what a step costs is not"
        )
    return (
        f"Soonest at a loss of {target}: undecided whether one batch size is best for all ways of "
        f"training, or not; it lies from {found.best_low.min()} to "
        f"{found.best_high.max()}"
    )


def _sizes(row: pd.Series) -> str:
    ends = [row.best_low, row.best_high]
    return "–".join(map(str, dict.fromkeys(ends)))


COLUMNS = [
    *("target", "machine", *SERIES, "batch_size", "learning_rate", "steps", "step_seconds"),
    *("seconds_to_target", "seconds_to_target_low", "seconds_to_target_high", "best", "tie"),
    *("best_low", "best_high"),
]
