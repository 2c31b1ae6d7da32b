"""The chapter's runs by its own clock: what an epoch takes, and which run takes less."""

import numpy as np
import pandas as pd

from minibatch.sgd.protocols import BOOK, PROTOCOLS, Protocol
from minibatch.summaries.intervals import of_times, over_launches
from minibatch.summaries.text import digits

PLACE = {"framework": "pytorch", "device": "cpu"}  # where it is measured
CELL = ["batch_size", *Protocol._fields]
COLUMNS = [
    *("machine", "batch_size", "epochs", *Protocol._fields, "launches", "runs"),
    *("seconds", "seconds_low", "seconds_high"),
    *("mean_seconds", "mean_seconds_low", "mean_seconds_high", "least_seconds", "most_seconds"),
    *("first_seconds", "first_seconds_low", "first_seconds_high", "published_seconds"),
    *("ratio", "ratio_low", "ratio_high", "faster", "full_collections", "objects"),
]


def per_epoch(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples with their seconds per epoch in the place of those of all epochs."""
    return samples.assign(seconds=samples.seconds / samples.epochs)


def means(samples: pd.DataFrame) -> pd.DataFrame:
    """Mean seconds per epoch over a launch's runs, without its first: launches × (CELL).

    The mean, and not the median, since a full collection falls into some runs and not into others.
    """
    later = per_epoch(samples[samples["round"] > 0])
    return later.pivot_table(index="launch", columns=CELL, values="seconds", aggfunc="mean")


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each protocol and batch size, the full batch first, in seconds per epoch.

    `seconds` is the geometric mean over launches of each one's median, `mean_seconds` the mean of
    their means; the ends of both are 95 % intervals, with launches as the sample. `least_seconds`
    and `most_seconds` are of single runs, `first_seconds` of those that a process begins with.
    `ratio` is how many times as long the full batch takes, by the means of a launch, and `faster`
    the share of pairs of single runs of a launch in which it takes longer.
    """
    samples = per_epoch(tables["samples"])
    found, averages = dict(iter(samples.groupby(CELL))), means(tables["samples"])
    sizes = sorted(set(samples.batch_size), reverse=True)
    rows = [
        _row(found[size, *way], found[sizes[0], *way])
        | _published(tables["published"], found[size, *way].iloc[0], way)
        | _interval("mean_seconds", over_launches(averages[size, *way]))
        | _interval("ratio", of_times(averages[sizes[0], *way] / averages[size, *way]))
        for way in PROTOCOLS
        for size in sizes
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["faster"] = table.faster.where(table.batch_size != sizes[0])
    return table


def _row(runs: pd.DataFrame, full: pd.DataFrame) -> dict:
    """What single runs say, and the medians of launches; `full` are the runs of the full batch."""
    first, later, full = runs[runs["round"] == 0], runs[runs["round"] > 0], full[full["round"] > 0]
    pairs = later[["launch", "seconds"]].merge(full[["launch", "seconds"]], on="launch")
    begins = of_times(first.seconds) if len(first) else (np.nan, np.nan, np.nan)
    return {
        "machine": "+".join(sorted(set(runs.machine))),
        **runs.iloc[0][["batch_size", "epochs", *Protocol._fields]],
        "launches": later.launch.nunique(),
        "runs": len(later),
        **_interval("seconds", of_times(later.groupby("launch").seconds.median())),
        "least_seconds": later.seconds.min(),
        "most_seconds": later.seconds.max(),
        **_interval("first_seconds", begins),
        "faster": (pairs.seconds_x < pairs.seconds_y).mean(),
        "full_collections": later.full_collections.mean(),
        "objects": int(runs.objects.median()),
    }


def _interval(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _published(published: pd.DataFrame, run: pd.Series, way: Protocol) -> dict[str, float]:
    """The chapter's time of a run by its own protocol, where it has one."""
    same = (
        (published.framework == PLACE["framework"])
        & (published.implementation == "scratch")
        & (published.quantity == "seconds_per_epoch")
        & (published.batch_size == run.batch_size)
        & (published.epochs == run.epochs)
        & np.isclose(published.learning_rate, run.learning_rate)
    )
    known = same.any() and way == BOOK
    return {"published_seconds": published[same].value.iloc[0] if known else np.nan}


def timed(protocol: pd.DataFrame, way: Protocol) -> pd.DataFrame:
    """The rows of a summary that are timed in a way, the full batch first."""
    return protocol[(protocol[[*Protocol._fields]] == [*way]).all(axis=1)]


def verdict(low: float, high: float) -> str:
    """Whether something is more than once something else, by the interval of its ratio to it."""
    if low > 1:
        return "holds"
    return "does not hold" if high < 1 else "undecided"


def statement(protocol: pd.DataFrame) -> dict:
    """What the chapter says of its two runs, judged by its own protocol."""
    full, small = timed(protocol, BOOK).to_dict("records")
    size = small["batch_size"]
    what = f"Batch size {size} costs less time per epoch than GD"
    return PLACE | {
        "statement": f"{what}, by the book's protocol.",
        "loader": BOOK.loader,
        "criterion": "the 95 % interval of the ratio over launches lies above 1",
        "verdict": verdict(small["ratio_low"], small["ratio_high"]),
        "evidence": (
            f"in the mean {_milliseconds(full)} per epoch for the full batch and "
            f"{_milliseconds(small)} for batch size {size}: {digits(small['ratio'])} times as long "
            f"({digits(small['ratio_low'])} to {digits(small['ratio_high'])}); batch size {size} "
            f"took less in {small['faster']:.0%} of the pairs of single runs"
        ),
    }


def _milliseconds(row: dict) -> str:
    return f"{digits(1e3 * row['mean_seconds'])} ms"
