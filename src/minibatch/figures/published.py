"""The chapter's published results beside the ones measured here."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style

PANELS = {
    "gflops": "matrix product [GFLOP/s]",
    "seconds_per_epoch": "time per epoch [s]",
    "loss": "final loss",
}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a quantity, one row an experiment: hollow as published, filled as measured."""
    rows = tables["published"]
    made, [panels] = style.figure(_message(rows), 1, len(PANELS), size=(8, 3.6))
    for axes, (quantity, title) in zip(panels, PANELS.items(), strict=True):
        _panel(axes, rows[rows.quantity == quantity].iloc[::-1].reset_index(drop=True))
        axes.set_title(title)
        if quantity != "loss":
            axes.set_xscale("log")
    style.legend(made, panels[0], columns=2)
    return made


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw published and measured values, the latter with the range of samples or seeds."""
    errors = [rows.measured - rows.low, rows.high - rows.measured]
    axes.hlines(
        rows.index,
        rows.published.where(rows.published > 0),
        rows.measured,
        color="#bbbbbb",
        linewidth=1,
    )
    axes.errorbar(
        rows.measured,
        rows.index,
        xerr=errors,
        label="measured here",
        **style.line(0) | {"linestyle": "", "markersize": 6, "capsize": 3},
    )
    axes.plot(
        rows.published.where(rows.published > 0),
        rows.index,
        label="published",
        **style.line(1) | {"linestyle": "", "markersize": 7, "markerfacecolor": "white"},
    )
    for index, row in rows[rows.published == 0].iterrows():
        axes.annotate(
            "published as 0.000",
            (row.measured, index),
            xytext=(6, 6),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xmargin(0.1)
    names = rows.experiment.where(rows.implementation != "concise", "concise")
    axes.set_yticks(rows.index, names)
    axes.margins(y=0.15)


def _message(rows: pd.DataFrame) -> str:
    losses = rows[(rows.quantity == "loss") & rows.measured.notna()]
    inside = int(losses.inside.sum())
    faster = rows[(rows.quantity == "seconds_per_epoch")].ratio.median()
    return (
        f"{inside} of {len(losses)} published losses lie within our seeds; "
        f"an epoch takes {style.times(faster)} the published time"
    )
