"""What the chapter states about examples and time to a loss: each batch size at its best rate."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.summaries.draws import Draws, draws, ratio
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.text import digits
from minibatch.summaries.verdict import UNMEASURED, shown, verdict

ALL = None  # the batch of all examples
FEWER = "Batch size 1 needs fewer examples than the full batch to a loss."
# The slower batch size, the faster one, and what the chapter says.
TIMES = (
    (1, ALL, "Batch size 1 takes more time than the full batch to a loss."),
    (1, 10, "Batch size 10 takes less time than batch size 1 to a loss."),
    (ALL, 100, "Batch size 100 takes less time than the full batch to a loss."),
)


def statements(
    tables: dict[str, pd.DataFrame], targets: list[dict], resamples: int
) -> dict[tuple[str, str], list[dict]]:
    """Rows of statements for each framework and device: loader, criterion, verdict, evidence.

    From scratch, as in the chapter, with each loader, and to the first target.
    """
    found = {}
    total = int(tables["problem"].examples.iloc[0])
    for one in draws(tables, targets[:1], resamples):
        framework, device, implementation, loader = one.series
        if implementation == "scratch":
            rows = [{"loader": loader} | row for row in _rows(one, total)]
            found.setdefault((framework, device), []).extend(rows)
    return found


def _rows(one: Draws, total: int) -> Iterator[dict]:
    sizes = {size: index for index, size in enumerate(one.sizes)}
    sizes[ALL] = sizes.get(total)
    best = f"to a loss of {one.target}, each at its best learning rate"
    examples = one.counts * one.sizes
    compared = [(FEWER, examples, "examples", (ALL, 1))]
    compared += [(text, 1e3 * one.times, "ms", (slow, fast)) for slow, fast, text in TIMES]
    for text, values, unit, pairs in compared:
        row = {"statement": text}
        row |= {"criterion": f"the 95 % interval of the ratio lies above 1, {best}"}
        indices = [sizes.get(size) for size in pairs]
        if None in indices or not np.isfinite(values[0, indices]).all():
            yield row | {
                "verdict": UNMEASURED,
                "evidence": "a batch size is not in both sweep and steptime, or not at the loss",
            }
            continue
        slow, fast = values[:, indices].T
        found = (slow[0] / fast[0], *of_resamples(ratio(slow, fast)))
        evidence = f"{shown(found)}: {digits(slow[0])} {unit} against {digits(fast[0])}"
        yield row | {"verdict": verdict(found, least=1), "evidence": evidence}
    yield _between(one, sizes, best)


def _between(one: Draws, sizes: dict, best: str) -> dict:
    row = {
        "statement": "Some batch size in between takes less time than either extreme to a loss.",
        "criterion": (
            "the interval of the lesser time of both extremes over that of a size in between lies "
            f"above 1, with 95 % for all of these together, {best}"
        ),
    }
    ends = [sizes.get(1), sizes[ALL]]
    inside = [index for index in range(len(one.sizes)) if index not in ends]
    if None in ends or not inside or not np.isfinite(one.times[0, ends]).all():
        evidence = "an extreme is not in both sweep and steptime, or not at the loss"
        return row | {"verdict": UNMEASURED, "evidence": evidence}
    extremes = one.times[:, ends].min(axis=1)
    ratios = [ratio(extremes, one.times[:, index]) for index in inside]
    found = [(drawn[0], *of_resamples(drawn, len(inside))) for drawn in ratios]
    largest = int(np.argmax([low for _, low, _ in found]))
    said = "does not hold" if max(high for *_, high in found) < 1 else "undecided"
    evidence = f"{shown(found[largest])}, at batch size {one.sizes[inside[largest]]}"
    return row | {
        "verdict": "holds" if found[largest][1] > 1 else said,
        "evidence": evidence,
    }
