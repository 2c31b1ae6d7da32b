"""The chapter's runs by its own clock: what an epoch takes, and which run takes less."""

import numpy as np
import pandas as pd

from minibatch.sgd.protocols import BOOK, PROTOCOLS, Protocol
from minibatch.summaries.intervals import of_times, over_launches
from minibatch.summaries.text import digits
from minibatch.summaries.verdict import Ratio, shown, verdict

PLACE = {"framework": "pytorch", "device": "cpu"}  # where it is measured
CELL = ["batch_size", *Protocol._fields]
COLUMNS = [
    *("machine", "batch_size", "epochs", *Protocol._fields, "launches", "runs"),
    *("seconds", "seconds_low", "seconds_high", "least_seconds", "most_seconds"),
    *("ratio", "ratio_low", "ratio_high", "faster"),
    *("longer", "longer_low", "longer_high"),
    *("full_collections", "objects", "published_seconds"),
]


def per_epoch(samples: pd.DataFrame) -> pd.DataFrame:
    """The samples with their seconds per epoch in the place of those of all epochs."""
    return samples.assign(seconds=samples.seconds / samples.epochs)


def means(samples: pd.DataFrame) -> pd.DataFrame:
    """Mean seconds per epoch over a launch's runs, a row a launch, a column a cell (CELL).

    The mean, and not the median, since a full collection falls into some runs and not into others.
    """
    return per_epoch(samples).pivot_table(
        index="launch", columns=CELL, values="seconds", aggfunc="mean"
    )


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each protocol and batch size, the full batch first, in seconds per epoch.

    `seconds` is the mean over launches of their means, with its 95 % interval; `least_seconds` and
    `most_seconds` are of single runs. `ratio` is how many times as long the full batch takes: the
    geometric mean over launches, with its interval; `faster` the share of pairs of single runs of a
    launch in which the full batch takes longer, and `longer` by how many seconds it does, with its
    interval: means of launches, so that a collection counts in full. `full_collections` of Python's
    garbage are those in a run, on average; `objects` is how many there were to search at the start.
    """
    samples = per_epoch(tables["samples"])
    runs, averages = dict(iter(samples.groupby(CELL))), means(tables["samples"])
    sizes = sorted(set(samples.batch_size), reverse=True)
    rows = []
    for way in PROTOCOLS:
        full = (sizes[0], *way)
        for size in sizes:
            own = (size, *way)
            rows.append(
                _runs(runs[own])
                | _interval("seconds", over_launches(averages[own]))
                | _interval("ratio", of_times(averages[full] / averages[own]))
                | {"faster": _faster(runs[own], runs[full]) if own != full else np.nan}
                | _interval("longer", over_launches(averages[full] - averages[own]))
                | {"published_seconds": _published(tables["published"], runs[own].iloc[0], way)}
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def _runs(runs: pd.DataFrame) -> dict:
    """What the single runs of a cell say."""
    return {
        "machine": "+".join(sorted(set(runs.machine))),
        **runs.iloc[0][["batch_size", "epochs", *Protocol._fields]],
        "launches": runs.launch.nunique(),
        "runs": len(runs),
        "least_seconds": runs.seconds.min(),
        "most_seconds": runs.seconds.max(),
        "full_collections": runs.full_collections.mean(),
        "objects": int(runs.objects.median()),
    }


def _interval(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _faster(runs: pd.DataFrame, others: pd.DataFrame) -> float:
    """In how many pairs of runs of a launch the first takes less."""
    pairs = runs.merge(others, on="launch", suffixes=("", "_of_other"))
    return (pairs.seconds < pairs.seconds_of_other).mean()


def _published(published: pd.DataFrame, run: pd.Series, way: Protocol) -> float:
    """The chapter's time of a run by its own protocol, where it has one."""
    same = (
        (published.framework == PLACE["framework"])
        & (published.implementation == "scratch")
        & (published.quantity == "seconds_per_epoch")
        & (published.batch_size == run.batch_size)
        & (published.epochs == run.epochs)
        & np.isclose(published.learning_rate.astype(float), run.learning_rate)
    )
    return published[same].value.iloc[0] if same.any() and way == BOOK else np.nan


def timed(protocol: pd.DataFrame, way: Protocol) -> pd.DataFrame:
    """The rows of a summary that are timed in a way, the full batch first."""
    return protocol[(protocol[[*Protocol._fields]] == [*way]).all(axis=1)]


def ratio(row: dict) -> Ratio:
    """How many times as long the full batch takes, and the ends of its interval."""
    return row["ratio"], row["ratio_low"], row["ratio_high"]


def longer(row: dict) -> Ratio:
    """How many seconds longer the full batch takes, and the ends of its interval."""
    return row["longer"], row["longer_low"], row["longer_high"]


def statement(protocol: pd.DataFrame) -> dict:
    """What the chapter says of its two runs, judged by its own protocol."""
    full, small = timed(protocol, BOOK).to_dict("records")
    size = small["batch_size"]
    what = f"Batch size {size} costs less time per epoch than the full batch"
    return PLACE | {
        "statement": f"{what}, by the book's protocol.",
        "loader": BOOK.loader,
        "criterion": "the 95 % interval of the difference over launches lies above 0",
        "verdict": verdict(longer(small), least=0),
        "evidence": (
            f"{shown(ratio(small))}: all examples {digits(1e3 * full['seconds'])} ms per epoch, "
            f"batch size {size} {digits(1e3 * small['seconds'])} ms, which took less in "
            f"{small['faster']:.0%} of the pairs of single runs"
        ),
    }
