"""What an epoch costs on each rung from a framework's loader down to a plain compiled loop."""

import pandas as pd

from minibatch.summaries import steptime
from minibatch.summaries.intervals import of_ratio, of_times
from minibatch.summaries.steptime import BASELINE, CELL, fastest, per_launch

# What changes from one rung to the next: implementation and loader.
RUNGS = {
    "framework loader": ("scratch", "framework"),
    "direct indexing": ("scratch", "direct"),
    "concise": ("concise", "direct"),
    "compiled": ("compiled", "direct"),
    "CUDA graph": ("graph", "direct"),
}
CHAPTERS = (1, 10, 100)  # batch sizes, beside all examples at once


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each framework, device, rung and batch size of the chapter, from the top.

    Each rung takes the same steps on the same examples; those of NumPy, on all at once, and of a
    long fit need not put them in order each time. `seconds` is the geometric mean over launches
    with its 95 % interval, `ratio` how many times those of the baseline at that batch size, with
    the interval of that. The last rows are the baseline: without a framework, whatever
    is fastest at a batch size. Where none of the chapter's batch sizes was timed, all are shown.
    """
    launches = per_launch(tables)
    launches = launches.assign(seconds=launches.seconds * launches.epoch_steps)
    launches = launches[launches.batch_size.isin(_sizes(launches))]
    below = dict(
        iter(launches.merge(fastest(steptime.summarise(tables))[CELL]).groupby("batch_size"))
    )
    found = []
    for whose, own in launches.groupby(["framework", "device"], sort=False):
        for rung, does in RUNGS.items():
            chosen = own[(own[["implementation", "loader"]] == [*does]).all(axis=1)]
            for size, rows in chosen.groupby("batch_size"):
                ratio = of_ratio(rows.seconds, below[size].seconds)
                found.append((*whose, rung, size, *_row(rows), *ratio))
    for size, rows in below.items():
        found.append((rows.framework.iloc[0], "cpu", BASELINE, size, *_row(rows), 1, 1, 1))
    return pd.DataFrame(found, columns=COLUMNS)


def _sizes(launches: pd.DataFrame) -> set[int]:
    """The chapter's batch sizes, of those that were timed; all if it has none of them."""
    every = set(launches.batch_size)
    full = set(launches.batch_size[launches.epoch_steps == 1])
    return every & {*CHAPTERS, *full} or every


def _row(rows: pd.DataFrame) -> tuple[str, float, float, float]:
    return "+".join(sorted(set(rows.machine))), *of_times(rows.seconds)


COLUMNS = [
    *("framework", "device", "rung", "batch_size", "machine"),
    *("seconds", "seconds_low", "seconds_high", "ratio", "ratio_low", "ratio_high"),
]
