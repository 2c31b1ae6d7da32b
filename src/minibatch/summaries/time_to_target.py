"""Time to a loss by batch size: the steps that it takes, times what a step costs."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from minibatch.summaries import steps
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.stepcost import FEWEST
from minibatch.summaries.steptime import BASELINE, SERIES, per_launch
from minibatch.summaries.text import how

FARTHEST = 50  # logarithms of times from their mean: of two launches, draws may be beyond floats
TIED = 1.05  # times the best time: a batch size that may be no slower than that ties with the best


class Draws(NamedTuple):
    """What one way of training needs to one target; of arrays the first row is the estimate.

    The other rows are resamples, shape (resamples + 1, batch sizes), those of a number of the same
    seeds and launches.
    """

    machine: str
    series: tuple
    target: str
    sizes: np.ndarray
    rates: np.ndarray
    counts: np.ndarray  # steps
    seconds: np.ndarray  # of a step, the start of an epoch shared out over its steps
    starts: np.ndarray  # seconds that an epoch takes to start, a size; 0 where they are not known
    per_epoch: np.ndarray  # steps, a size

    @property
    def times(self) -> np.ndarray:
        """Seconds to the target: an epoch that is begun is started whole."""
        epochs = np.where(np.isfinite(self.counts), self.counts, 0) / self.per_epoch
        return self.counts * self.seconds + (np.ceil(epochs) - epochs) * self.starts


def draws(tables: dict[str, pd.DataFrame], targets: list[dict], resamples: int) -> Iterator[Draws]:
    """For each way of training that is timed at several batch sizes, and each target."""
    goals = steps.losses(targets, tables["problem"].floor.iloc[0])
    found = dict(steps.bootstrap(tables["curves"], goals, resamples))
    for series, rows in per_launch(tables).groupby(SERIES, sort=False):
        seconds = rows.pivot_table(index="launch", columns="batch_size", values="seconds")
        seconds = seconds[[size for size in found if size in seconds]].dropna(axis="columns")
        if len(seconds.columns) < FEWEST:
            continue
        sizes, machine = seconds.columns.to_numpy(), "+".join(sorted(set(rows.machine)))
        drawn = _seconds(seconds.to_numpy(), resamples)
        cells = rows.groupby("batch_size")[["start_seconds", "epoch_steps"]].median().loc[sizes]
        starts = cells.start_seconds.fillna(0).to_numpy(), cells.epoch_steps.to_numpy()
        for target in goals:
            rates, counts = np.transpose([found[size][target] for size in sizes], (1, 2, 0))
            yield Draws(machine, series, target, sizes, rates, counts, drawn, *starts)


def _seconds(launches: np.ndarray, resamples: int) -> np.ndarray:
    """The geometric mean over launches, shape (launches, sizes), then draws of where it may be.

    Logarithms of draws have Student's multivariate distribution, as all that the launches tell:
    the quantiles of a ratio of two sizes' times are its interval over launches, paired.
    """
    random = np.random.default_rng(1)
    count = len(launches)
    logs = np.log(launches)
    mean = logs.mean(axis=0)
    freedom = count - 1
    around = random.standard_normal((resamples, count)) @ (logs - mean)
    around /= np.sqrt(count * random.chisquare(freedom, (resamples, 1)))
    return np.exp(np.vstack([mean, mean + around.clip(-FARTHEST, FARTHEST)]))


def ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """One time over another, resample by resample; 1 where neither reaches the target."""
    neither = np.isinf(one) & np.isinf(other)
    return np.where(neither, 1.0, one / np.where(neither, 1.0, other))


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


def sentence(times: pd.DataFrame, target: str) -> str:
    """From which to which size is best, over all ways of training in a framework."""
    found = times[(times.target == target) & times.best & (times.implementation != BASELINE)]
    if found.empty:
        return f"No way of training is shown to reach a loss of {target}"
    smallest = found.sort_values(["best_high", "batch_size"]).iloc[0]
    largest = found.sort_values(["best_low", "batch_size"]).iloc[-1]
    if smallest.best_high < largest.best_low:
        ends = [f"{_sizes(row)} ({_way(row)})" for row in (smallest, largest)]
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


def _way(row: pd.Series) -> str:
    where = "" if row.device == "cpu" else f" on {row.device}"
    return f"{row.framework}{where}, {how(row.implementation, row.loader)}"


COLUMNS = [
    *("target", "machine", *SERIES, "batch_size", "learning_rate", "steps", "step_seconds"),
    *("seconds_to_target", "seconds_to_target_low", "seconds_to_target_high", "best", "tie"),
    *("best_low", "best_high"),
]
