"""Exercise 3: examples drawn with replacement instead of in a permutation."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import variants
from minibatch.summaries.text import times

LABELS = {"permutation": "permutation", "replacement": "with replacement"}


def draw(tables: dict[str, pd.DataFrame], pairs: list[list[str]]) -> Figure:
    """Each run with both ways to sample."""
    return variants.draw(
        tables,
        pairs,
        lambda run: LABELS[run.sampling],
        _message,
        x="epoch",
        x_label="epoch",
    )


def _message(pairs: variants.Pairs) -> str:
    changes = [f"{times(ratio)} for {run}" for run, ratio in variants.ratios(pairs).items()]
    if not changes:
        return "With replacement, no final loss above the floor can be compared"
    return f"With replacement, the final loss above the floor is {', '.join(changes)}"
