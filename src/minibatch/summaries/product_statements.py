"""What the chapter states of matrix products and of memory, and whether it holds here."""

from collections.abc import Iterator

import pandas as pd

from minibatch.sgd.precisions import PRECISIONS
from minibatch.summaries import chapter
from minibatch.summaries.text import digits
from minibatch.summaries.verdict import ABOUT, UNMEASURED, Ratio, ratio, shown, verdict

LARGE = 1024  # n from which on the matrices are larger than what caches next to a core hold
TENTH = 0.1  # of what the processor can take: a mid-range server's memory gives less
PARTS = "element, column or row"  # whichever is the fastest in a launch
LESS = "the 95 % interval of the ratio of their times over launches is below 1"
WITHIN = f"the 95 % interval of the ratio of their times over launches lies within {ABOUT}×"
BYTES = PRECISIONS["float32"].itemsize  # of each of both operands of a multiply-add, two FLOP


def of_products(launches: pd.DataFrame) -> Iterator[dict]:
    """The statements on products in one framework on one device.

    `launches` is as `matmul.per_launch` makes it. A statement whose cases are missing is not
    measured.
    """
    cases = _by_strategy(chapter.products(launches))
    for one, other in (("column", "element"), ("row", "element")):
        statement = f"One {one} at a time is faster than one {other} at a time."
        yield _compared(statement, LESS, cases, one, other, most=1)
    vectors = ("element", "column", "row")
    parts = {name: cases[name].seconds for name in vectors if name in cases}
    if parts:
        fastest = pd.DataFrame(parts).min(axis=1)
        cases[PARTS] = pd.DataFrame({"seconds": fastest, "rate": chapter.GFLOP / fastest})
    statement = f"The whole product is faster than one {PARTS} at a time."
    yield _compared(statement, LESS, cases, "full", PARTS, most=1)
    statement = f"Blocks of {chapter.BLOCK} columns are about as fast as one product."
    yield _compared(statement, WITHIN, cases, "block", "full", least=1 / ABOUT, most=ABOUT)
    yield _contiguous(launches)


def _by_strategy(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The time and the rate of each strategy by launch."""
    groups = rows.set_index("launch").groupby("strategy")
    return {name: group[["seconds", "rate"]] for name, group in groups}


def _contiguous(launches: pd.DataFrame) -> dict:
    """Whether rows, which lie together in memory, are faster than columns, at the largest size."""
    statement = "One row at a time is faster than one column, whose numbers lie apart."
    rows = chapter.by_strategy(launches)
    sizes = [n for n, group in rows.groupby("n") if {"row", "column"} <= {*group.strategy}]
    if max(sizes, default=0) < LARGE:
        return _missing(statement, LESS, f"no rows and columns of matrices from n = {LARGE} on")
    cases = _by_strategy(rows[rows.n == max(sizes)])
    found = _compared(statement, LESS, cases, "row", "column", most=1)
    return found | {"evidence": f"at n = {max(sizes)}: {found['evidence']}"}


def _compared(
    statement: str, criterion: str, cases: dict[str, pd.DataFrame], one: str, other: str, **limits
) -> dict:
    """A statement on the ratio of the times of two cases, launch by launch."""
    if missing := [name for name in (one, other) if name not in cases]:
        return _missing(statement, criterion, f"no {' and no '.join(missing)} at n = {chapter.N}")
    found = ratio(cases[one].seconds, cases[other].seconds)
    rates = " against ".join(digits(cases[name].rate.median()) for name in (one, other))
    return _judged(statement, criterion, found, f"the time, {rates} GFLOP/s", **limits)


def of_memory(launches: pd.DataFrame) -> Iterator[dict]:
    """The statements on caches and memory, from the launches of NumPy's product and copies."""
    copies = launches[launches.strategy == "copy"]
    rates = copies.pivot(index="launch", columns="n", values="rate")
    levels = copies.drop_duplicates("n").set_index("n").level
    cached = [n for n in rates if levels[n] not in ("", "memory")]
    beyond = [n for n in rates if levels[n] == "memory"]
    slower = "Caches are faster than memory."
    below = "the 95 % interval of the ratio of copying rates over launches is below 1"
    starved = "Memory supplies less than a tenth of what the processor can take."
    tenth = f"the 95 % interval of the ratio over launches is below {TENTH}"
    if not beyond:
        why = "no copy that is twice as large as the largest cache"
        yield _missing(slower, below, why)
        yield _missing(starved, tenth, why)
        return
    memory = rates[max(beyond)]
    if cached:
        best = rates[cached].median().idxmax()
        said = f"{_rate(memory)} in memory against {_rate(rates[best])} in {levels[best]}"
        yield _judged(slower, below, ratio(memory, rates[best]), said, most=1)
    else:
        yield _missing(slower, below, "no copy that fits into a cache")
    product = launches[launches.strategy == "product"].set_index("launch").rate
    taken = product / 2 * (2 * BYTES)  # a multiply-add is two FLOP, and has two operands
    said = f"copying gives {_rate(memory)}, and {digits(product.median())} GFLOP/s take "
    said += f"{_rate(taken)} of operands"
    yield _judged(starved, tenth, ratio(memory, taken), said, most=TENTH)


def _rate(rates: pd.Series) -> str:
    return f"{digits(rates.median())} GB/s"


def _judged(statement: str, criterion: str, found: Ratio, said: str, **limits) -> dict:
    return {
        "statement": statement,
        "criterion": criterion,
        "verdict": verdict(found, **limits),
        "evidence": f"{shown(found)}: {said}",
    }


def _missing(statement: str, criterion: str, why: str) -> dict:
    about = {"statement": statement, "criterion": criterion}
    return about | {"verdict": UNMEASURED, "evidence": f"the configuration has {why}"}
