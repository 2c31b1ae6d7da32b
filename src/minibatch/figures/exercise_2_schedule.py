"""Exercise 2: the learning rate cut to a tenth after each epoch."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import variants

LABELS = {"constant": "constant", "tenth": "a tenth after each epoch"}


def draw(tables: dict[str, pd.DataFrame], pairs: list[list[str]]) -> Figure:
    """Each run with a constant and with a falling learning rate."""
    return variants.draw(
        tables,
        pairs,
        lambda run: LABELS[run.schedule],
        _message,
        x="epoch",
        x_label="epoch",
    )


def _message(pairs: variants.Pairs) -> str:
    ends = {name: [variants.end(run) for run in pair] for name, pair in pairs.items()}
    better = ", ".join(name for name, (run, variant) in ends.items() if variant < run) or "no run"
    worse = ", ".join(name for name, (run, variant) in ends.items() if variant > run) or "no run"
    return f"Cutting the learning rate helps {better}; it hurts {worse}"
