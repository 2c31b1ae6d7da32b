"""What ways of training need to a loss: steps, and seconds of a step, with draws of both."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from minibatch.summaries import steps
from minibatch.summaries.stepcost import FEWEST
from minibatch.summaries.steptime import SERIES, per_launch

FARTHEST = 50  # logarithms of times from their mean: of two launches, draws may be beyond floats


class Pace(NamedTuple):
    """What a step takes in one way of training; of seconds the first row is the estimate.

    The other rows are resamples, shape (resamples + 1, batch sizes), those of a number of the same
    launches in every way of training.
    """

    machine: str
    sizes: np.ndarray
    seconds: np.ndarray  # of a step, the start of an epoch shared out over its steps
    starts: np.ndarray  # seconds that an epoch takes to start, a size; 0 where they are not known
    per_epoch: np.ndarray  # steps, a size


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
        """Seconds to the target."""
        return taking(self.counts, self.seconds, self.starts, self.per_epoch)


def taking(
    counts: np.ndarray, seconds: np.ndarray, starts: np.ndarray, per_epoch: np.ndarray
) -> np.ndarray:
    """The seconds of this many steps: an epoch that is begun is started whole."""
    epochs = np.where(np.isfinite(counts), counts, 0) / per_epoch
    return counts * seconds + (np.ceil(epochs) - epochs) * starts


def draws(tables: dict[str, pd.DataFrame], targets: list[dict], resamples: int) -> Iterator[Draws]:
    """For each way of training that is timed at several batch sizes, and each target."""
    goals = steps.losses(targets, tables["problem"])
    found = dict(steps.bootstrap(tables["curves"], goals, resamples))
    for series, pace in paces(tables, [*found], resamples):
        if len(pace.sizes) < FEWEST:
            continue
        for target in goals:
            rates, counts = np.transpose([found[size][target] for size in pace.sizes], (1, 2, 0))
            machine, sizes, *timed = pace
            yield Draws(machine, series, target, sizes, rates, counts, *timed)


def paces(
    tables: dict[str, pd.DataFrame], sizes: Sequence[int], resamples: int
) -> Iterator[tuple[tuple, Pace]]:
    """For each way of training: of these batch sizes, those that every launch has timed."""
    for series, rows in per_launch(tables).groupby(SERIES, sort=False):
        seconds = rows.pivot_table(index="launch", columns="batch_size", values="seconds")
        seconds = seconds[[size for size in sizes if size in seconds]].dropna(axis="columns")
        timed, machine = seconds.columns.to_numpy(), "+".join(sorted(set(rows.machine)))
        cells = rows.groupby("batch_size")[["start_seconds", "epoch_steps"]].median().loc[timed]
        starts = cells.start_seconds.fillna(0).to_numpy(), cells.epoch_steps.to_numpy()
        yield series, Pace(machine, timed, launch_draws(seconds.to_numpy(), resamples), *starts)


def launch_draws(launches: np.ndarray, resamples: int) -> np.ndarray:
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


def around(sizes: np.ndarray, best: int) -> list[int]:
    """Of batch sizes, those nearest by ratio to half of the best one, itself, and double of it."""
    return [sizes[np.argmin(np.abs(np.log(sizes / (by * best))))] for by in (0.5, 1, 2)]


def ratio(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """One time over another, resample by resample; 1 where neither reaches the target."""
    neither = np.isinf(one) & np.isinf(other)
    return np.where(neither, 1.0, one / np.where(neither, 1.0, other))
