"""Exercise 4: every example stands twice in the dataset."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import variants
from minibatch.summaries.text import times

LABELS = {1: "as it is", 2: "every example twice"}


def draw(tables: dict[str, pd.DataFrame], pairs: list[list[str]]) -> Figure:
    """Each run with the dataset and with its double, update by update."""
    return variants.draw(
        tables,
        pairs,
        lambda run: LABELS.get(run.copies, f"every example {run.copies} times"),
        _message,
        x="step",
        x_label="update",
    )


def _message(pairs: variants.Pairs) -> str:
    """Say how the time of an update changes."""
    changes = [
        f"{times(_update_seconds(variant) / _update_seconds(run))} for {name}"
        for name, (run, variant) in pairs.items()
    ]
    copies = {tuple(run.copies.iloc[0] for run in pair) for pair in pairs.values()}
    data = "Twice the data, the same path" if copies == {(1, 2)} else "The data several times"
    return f"{data}; an update costs {', '.join(changes)}"


def _update_seconds(run: pd.DataFrame) -> float:
    """The median over seeds of the time per update."""
    last = run.sort_values("step").groupby("seed").last()
    return (last.seconds / last.step).median()
