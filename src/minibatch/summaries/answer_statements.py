"""What the chapter states about examples and time to a loss: each batch size at its best rate."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.summaries.text import digits
from minibatch.summaries.time_to_target import Draws, draws, range_of
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
        if None in indices or not np.isfinite(values[:, indices]).all():
            yield row | {
                "verdict": UNMEASURED,
                "evidence": "a batch size is not in both sweep and steptime, or not at the loss",
            }
            continue
        slow, fast = values[:, indices].T
        ratio = (slow[0] / fast[0], *range_of(slow / fast))
        evidence = f"{shown(ratio)}: {digits(slow[0])} {unit} against {digits(fast[0])}"
        yield row | {"verdict": verdict(ratio, least=1), "evidence": evidence}
    yield _between(one, sizes, best)


def _between(one: Draws, sizes: dict, best: str) -> dict:
    row = {
        "statement": "Some batch size in between takes less time than either extreme to a loss.",
        "criterion": (
            "the 95 % interval of the least time of both extremes over the least in between lies "
            f"above 1, {best}"
        ),
    }
    ends = [sizes.get(1), sizes[ALL]]
    if None in ends or not np.isfinite(one.times[:, ends]).all():
        evidence = "an extreme is not in both sweep and steptime, or not at the loss"
        return row | {"verdict": UNMEASURED, "evidence": evidence}
    inside = np.delete(one.times, ends, axis=1)
    ratios = one.times[:, ends].min(axis=1) / inside.min(axis=1)
    ratio = (ratios[0], *range_of(ratios))
    size = np.delete(one.sizes, ends)[np.argmin(inside[0])]
    evidence = f"{shown(ratio)}, at batch size {size}"
    return row | {"verdict": verdict(ratio, least=1), "evidence": evidence}
