"""Exercise 4: every example stands twice in the dataset."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style, variants


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each run with the dataset and with its double, update by update."""
    return variants.draw(
        tables,
        "copies",
        lambda run: "as it is" if run.copies == 1 else "every example twice",
        _message,
        x="step",
        x_label="update",
    )


def _message(pairs: variants.Pairs) -> str:
    """Say how the time of an update changes."""
    changes = [
        f"{style.times(_update_seconds(variant) / _update_seconds(run))} for {name}"
        for name, (run, variant) in pairs.items()
    ]
    return f"Twice the data, the same path; an update costs {', '.join(changes)}"


def _update_seconds(run: pd.DataFrame) -> float:
    """The median over seeds of the time per update."""
    last = run.sort_values("step").groupby("seed").last()
    return (last.seconds / last.step).median()
