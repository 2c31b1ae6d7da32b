"""What the chapter states about the time of updates: decided by launches, not by runs."""

from collections.abc import Iterator

import pandas as pd

from minibatch.summaries import stepcost
from minibatch.summaries.intervals import of_ratio, of_times
from minibatch.summaries.steptime import BASELINE, per_launch
from minibatch.summaries.text import digits
from minibatch.summaries.verdict import ABOUT, UNMEASURED, about, ratio, shown, verdict

OVERHEAD = 10  # steps of the baseline: what is considerable
CONCISE = 10  # the batch size of the chapter's concise implementation
# The slower batch size, the faster one, and what the chapter says of an epoch; None: all examples.
EPOCHS = (
    (1, None, "Batch size 1 costs more time per epoch than the full batch."),
    (1, 100, "Batch size 100 costs less time per epoch than batch size 1."),
    (None, 100, "Batch size 100 costs less time per epoch than the full batch."),
    (10, 100, "Batch size 10 costs more time per epoch than batch size 100."),
)

Seconds = dict[int | None, pd.Series]  # of a step or an epoch by batch size, a value a launch


def statements(tables: dict[str, pd.DataFrame]) -> dict[tuple[str, str], list[dict]]:
    """Rows of statements for each framework and device: loader, criterion, verdict, evidence.

    All but the batch sizes is as in the chapter: from scratch, with each loader.
    """
    launches = per_launch(tables)
    measured = launches[launches.implementation != BASELINE]
    loop = launches[(launches.framework == "numba") & (launches.batch_size == 1)]
    found = {}
    for place, rows in measured.groupby(["framework", "device"], sort=False):
        found[place] = []
        for loader, own in rows[rows.implementation == "scratch"].groupby("loader", sort=False):
            concise = rows[(rows.implementation == "concise") & (rows.loader == loader)]
            made = [*_epochs(own), _overhead(own, loop), _concise(own, concise)]
            found[place] += [{"loader": loader} | row for row in made]
    return found


def _by_size(launches: pd.DataFrame) -> Seconds:
    """Seconds of an epoch by batch size, None standing for all examples."""
    found = {}
    for size, rows in launches.groupby("batch_size"):
        seconds = rows.set_index("launch").eval("seconds * epoch_steps")
        found[None if (rows.epoch_steps == 1).all() else size] = seconds
    return found


def _epochs(launches: pd.DataFrame) -> Iterator[dict]:
    epochs = _by_size(launches)
    for slow, fast, text in EPOCHS:
        row = {"statement": text, "criterion": "the 95 % interval of the ratio lies above 1"}
        if missing := [_name(size) for size in (slow, fast) if size not in epochs]:
            yield row | _missing(missing)
            continue
        found = ratio(epochs[slow], epochs[fast])
        times = [f"{_name(size)} {_milliseconds(epochs[size])}" for size in (slow, fast)]
        evidence = f"{shown(found)}: {times[0]} per epoch, {times[1]}"
        yield row | {"verdict": verdict(found, least=1), "evidence": evidence}


def _overhead(launches: pd.DataFrame, loop: pd.DataFrame) -> dict:
    """Python's and the framework's part of a step, against a whole step of a plain loop."""
    row = {
        "statement": "Python and the framework add a considerable overhead to each step.",
        "criterion": (
            "the 95 % interval of t₀, what a step costs whatever its batch, lies above "
            f"{OVERHEAD} steps of a compiled loop at batch size 1"
        ),
    }
    lines = [stepcost.fit(own.examples, own.seconds)[0] for _, own in launches.groupby("launch")]
    if loop.empty or launches.batch_size.nunique() < stepcost.FEWEST or min(lines) <= 0:
        return row | _missing(["t₀ or batch size 1"])
    found = of_ratio(lines, loop.seconds)
    seconds = [digits(1e6 * of_times(values)[0]) for values in (lines, loop.seconds)]
    evidence = f"{shown(found)}: t₀ = {seconds[0]} µs against {seconds[1]} µs"
    return row | {"verdict": verdict(found, least=OVERHEAD), "evidence": evidence}


def _concise(scratch: pd.DataFrame, concise: pd.DataFrame) -> dict:
    row = {
        "statement": "The concise implementation behaves as the one from scratch.",
        "criterion": (
            "the same parameters after the same steps, without which neither is timed, and the "
            f"95 % interval of the ratio of their times within a factor of {ABOUT}"
        ),
    }
    both = [_by_size(rows).get(CONCISE) for rows in (concise, scratch)]
    if any(seconds is None for seconds in both):
        return row | _missing([_name(CONCISE)])
    found = ratio(*both)
    evidence = f"{shown(found)} the time of a step at {_name(CONCISE)}"
    return row | {"verdict": about(found), "evidence": evidence}


def _name(size: int | None) -> str:
    return "all examples" if size is None else f"batch size {size}"


def _missing(what: list[str]) -> dict:
    said = f"{' and '.join(what)}: not among steptime.batch_size, or not timed"
    return {"verdict": UNMEASURED, "evidence": said}


def _milliseconds(seconds: pd.Series) -> str:
    return f"{digits(1e3 * of_times(seconds)[0])} ms"
