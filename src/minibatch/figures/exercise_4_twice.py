"""Exercise 4: every example stands twice in the dataset."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import variants

LABELS = {"plain": "as it is", "twice": "every example twice"}
SAME = 0.001  # a share of the loss above the floor that rounding may be


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each run with the dataset and with its double, update by update."""
    rows = tables["variants"]
    twice = rows[rows.variant == "twice"]
    apart = twice[["ratio_low", "ratio_high"]].sub(1).abs().max(axis=1)
    same = apart.groupby(twice.run).transform("max") < SAME
    lines = tables["stepcost"]
    lines = lines[lines.implementation == "scratch"].head(1)  # with the chapter's loader, if any
    return variants.draw(rows, _message(twice[same], twice[~same], lines), LABELS, "step")


def _message(same: pd.DataFrame, others: pd.DataFrame, line: pd.DataFrame) -> str:
    """Which runs take the same path, and how far from the floor the others end."""
    said = []
    for run, own in same.groupby("run", sort=False):
        said.append(f"{run} takes the same path" + _cost(own.batch_size.iloc[0], line))
    if not others.empty:
        ratios = variants.ratios(variants.ends(others, "twice"))
        said.append(f"after as many updates others are {ratios} as far above the floor")
    return f"Every example twice: {'; '.join(said)}"


def _cost(examples: int, lines: pd.DataFrame) -> str:
    """By how much a step on twice as many examples takes longer, by the ends of both intervals.

    Empty where no line is sure to fit the steps that were timed.
    """
    lines = lines[lines.line == "yes"]
    if lines.empty:
        return ""
    line = lines.iloc[0]
    low = examples * line.c_seconds_low / (line.t0_seconds_high + examples * line.c_seconds_low)
    high = examples * line.c_seconds_high / (line.t0_seconds_low + examples * line.c_seconds_high)
    return f", each update {100 * low:.0f} to {100 * high:.0f} % longer"
