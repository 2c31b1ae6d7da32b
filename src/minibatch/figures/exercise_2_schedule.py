"""Exercise 2: the learning rate cut to a tenth after each epoch."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import variants

LABELS = {"constant": "constant", "tenth": "a tenth after each epoch"}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each run with a constant and with a falling learning rate."""
    return variants.draw(
        tables,
        "schedule",
        lambda run: LABELS[run.schedule],
        _message,
        x="epoch",
        x_label="epoch",
    )


def _message(pairs: variants.Pairs) -> str:
    ratios = variants.ratios(pairs)
    better = ", ".join(ratios.index[ratios < 1]) or "no run"
    worse = ", ".join(ratios.index[ratios > 1]) or "no run"
    return f"Cutting the learning rate helps {better}; it hurts {worse}"
