"""How soon each run is at the target loss: the steps of its mean loss, times what a step costs."""

import numpy as np
import pandas as pd

from minibatch.sgd.cases import earliest, since
from minibatch.sgd.curves import GROUPS
from minibatch.summaries.draws import Pace, paces, ratio, taking
from minibatch.summaries.intervals import of_resamples, resamples
from minibatch.summaries.runs import of_problem, unstable
from minibatch.summaries.steps import HUGE, KEPT, PLAIN
from minibatch.summaries.steptime import CELL, SERIES
from minibatch.summaries.time_to_target import refuted

RESAMPLES = 10_000  # of seeds and launches: where many intervals hold together, they are far out


def summarise(
    tables: dict[str, pd.DataFrame], *, target_loss: float, runs: list[str]
) -> pd.DataFrame:
    """One row for each of these runs in each way of training, with 95 % intervals.

    `steps` is the number from which on the mean loss over seeds stays at or below the target to the
    run's own end, and a tenth beyond that where seeds went on: infinite where it does not, or where
    the run is sure to diverge later on. Losses are known on a grid of steps: the lower end of what
    follows from them is by one more than the number before.
    `seconds_to_target` is what these steps take, by the times of steps in all launches. They are
    NaN where one is not known: of a run that is not plain, or a batch size that is not timed.
    `soonest` says whether the run is so in its way of training: "yes", "no" or "undecided". A time
    that real runs refute, in "confirmed", counts there as one that is not known.
    """
    problem = tables["problem"].iloc[0]
    rows = tables["training"][tables["training"].run.isin(runs)].reset_index(drop=True)
    never = unstable(rows, problem)
    plain = tables["variants"][tables["variants"].variant == PLAIN]
    needed = {
        run: _steps(own, target_loss, int(problem.examples))
        for run, own in plain.groupby("run", sort=False)
    }
    problems = plain.drop_duplicates("run")
    timed = dict(paces(tables, sorted(set(rows.batch_size)), RESAMPLES))
    found, times, wrong = [], [], _refuted(rows, tables["confirmed"])
    for index, run in rows.iterrows():
        same = problems.run[of_problem(run, problems)]
        counts = needed[same.iloc[0]] if len(same) else np.full(RESAMPLES + 1, np.nan)
        counts = np.full(RESAMPLES + 1, np.inf) if never[index] else counts
        pace, both = timed.get(tuple(run[SERIES])), (counts, earliest(counts))
        seconds = [_seconds(drawn, run.batch_size, pace) for drawn in both]
        told = None if wrong[index] else pace
        times.append([_seconds(drawn, run.batch_size, told) for drawn in both])
        row = run[["machine", *SERIES, "run", "batch_size", "learning_rate", "epochs"]].to_dict()
        found.append(row | _ends("steps", *both) | _ends("seconds_to_target", *seconds))
    return pd.DataFrame(found, columns=COLUMNS[:-1]).assign(soonest=_soonest(rows, times))


def _refuted(rows: pd.DataFrame, confirmed: pd.DataFrame) -> np.ndarray:
    """Of which runs real ones of their batch size took another time than was predicted.

    Where there are none of that size, those at the best size of the way of training tell.
    """
    tried = confirmed[confirmed.runs > 0].set_index(CELL).within
    within = tried.reindex(pd.MultiIndex.from_frame(rows[CELL]))
    return np.where(within.isna(), refuted(rows, confirmed), within == "no")


def _steps(rows: pd.DataFrame, target: float, examples: int) -> np.ndarray:
    """The steps to the target, of all seeds and of resamples of them, shape (RESAMPLES + 1,)."""
    run = rows.iloc[0]
    last = run.epochs * -(-examples // run.batch_size)
    rows = rows[rows.step <= KEPT * last]
    weights = resamples(np.random.default_rng(0), len(GROUPS), RESAMPLES)
    losses = np.float32(weights) @ np.float32(rows[GROUPS].to_numpy(float).clip(max=HUGE)).T
    points = rows.step.to_numpy()
    counts = np.append(np.where(points <= last, points.clip(min=1), np.inf), np.inf)
    return counts[since(losses <= target)]


def _seconds(counts: np.ndarray, size: int, pace: Pace | None) -> np.ndarray:
    """What these steps take at a batch size: no time is enough for what is not reached."""
    if pace is None or size not in pace.sizes:
        return np.where(np.isinf(counts), np.inf, np.nan)
    at = list(pace.sizes).index(size)
    return taking(counts, pace.seconds[:, at], pace.starts[at], pace.per_epoch[at])


def _soonest(rows: pd.DataFrame, times: list[list[np.ndarray]]) -> list[str]:
    """Whether each run is sooner than every other in its way of training.

    By the intervals of the ratios of times, which hold with 95 % for all of them together. Of each
    run there are the times, and the least that they may be.
    """
    ways = rows.groupby(SERIES, sort=False).ngroup()
    among = max(1, len(rows) - ways.nunique())  # ratios of the soonest to another
    said = []
    for index, (mine, early) in enumerate(times):
        others = [times[other] for other in rows.index[ways == ways[index]] if other != index]
        lows = [of_resamples(ratio(early, other), among)[0] for other, _ in others]
        highs = [of_resamples(ratio(mine, other), among)[1] for _, other in others]
        least, most = of_resamples(mine, among)
        if least == np.inf or any(low > 1 for low in lows):
            said.append("no")
        else:
            sure = most < np.inf and all(high < 1 for high in highs)
            said.append("yes" if sure else "undecided")
    return said


def _ends(name: str, drawn: np.ndarray, early: np.ndarray) -> dict[str, float]:
    """A value with its interval, by the names of their columns; `early` is the least it may be."""
    low, high = of_resamples(early)[0], of_resamples(drawn)[1]
    return {name: drawn[0], f"{name}_low": low, f"{name}_high": high}


COLUMNS = [
    *("machine", *SERIES, "run", "batch_size", "learning_rate", "epochs"),
    *("steps", "steps_low", "steps_high"),
    *("seconds_to_target", "seconds_to_target_low", "seconds_to_target_high", "soonest"),
]
