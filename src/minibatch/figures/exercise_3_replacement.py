"""Exercise 3: examples drawn with replacement instead of in a permutation."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style, variants

LABELS = {"permutation": "permutation", "replacement": "with replacement"}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each run with both ways to sample."""
    return variants.draw(
        tables,
        "sampling",
        lambda run: LABELS[run.sampling],
        _message,
        x="epoch",
        x_label="epoch",
    )


def _message(pairs: variants.Pairs) -> str:
    ratios = variants.ratios(pairs)
    low, high = style.times(ratios.min()), style.times(ratios.max())
    return f"Drawn with replacement, the loss ends {low} to {high} as far above the floor"
