"""Exercise 3: examples drawn with replacement instead of in a permutation."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import variants

LABELS = {"plain": "permutation", "replacement": "with replacement"}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each run with both ways to sample, and the exact expectation with replacement."""
    rows = tables["variants"]
    ratios = variants.ratios(variants.ends(rows, "replacement"))
    message = f"With replacement, the mean loss ends {ratios} as far above the floor"
    return variants.draw(rows, message, LABELS, "epoch", _expected)


def _expected(axes: Axes, rows: pd.DataFrame) -> None:
    drawn = rows[rows.variant == "replacement"]
    look = {"color": "black", "linestyle": (0, (1, 2)), "zorder": 3}
    label = "with replacement, exactly"
    axes.plot(drawn.epoch, drawn.expected.clip(upper=variants.TOP), label=label, **look)
