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
    """One row of panels a framework, one panel a quantity, one line an experiment.

    Hollow as published, filled as measured.
    """
    places = style.by_place(tables["published"])
    height = 1.2 + 1.9 * len(places)
    made, panels = style.figure(
        _message(places), len(places), len(PANELS), size=(8, height), sharex="col"
    )
    for line, (name, rows) in zip(panels, places.items(), strict=True):
        for axes, quantity in zip(line, PANELS, strict=True):
            _panel(axes, rows[rows.quantity == quantity].iloc[::-1].reset_index(drop=True))
        line[0].set_ylabel(name, fontweight="bold")
    for axes, (quantity, title) in zip(panels[0], PANELS.items(), strict=True):
        axes.set_title(title)
        if quantity != "loss":
            axes.set_xscale("log")
    style.legend(made, columns=2)
    return made


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw published and measured values, the latter with interval or range."""
    known = rows.published.where(rows.published > 0)
    axes.hlines(rows.index, known, rows.measured, color="#bbbbbb", linewidth=1)
    look = style.line(0) | {"linestyle": "", "markersize": 6, "capsize": 3}
    values = [rows.measured, rows.low, rows.high]
    style.ranges(axes, rows.index, values, along="x", label="measured here", **look)
    look = style.line(1) | {"linestyle": "", "markersize": 7, "markerfacecolor": "white"}
    axes.plot(known, rows.index, label="published", **look)
    for index, row in rows[(rows.published == 0) & rows.measured.notna()].iterrows():
        axes.annotate(
            "published as 0.000",
            (row.measured, index),
            xytext=(6, 6),
            textcoords="offset points",
            fontsize=8,
        )
    axes.set_xmargin(0.1)
    axes.xaxis.set_tick_params(labelbottom=True)
    names = rows.experiment.where(rows.implementation != "concise", "concise")
    axes.set_yticks(rows.index, names)
    axes.margins(y=0.15)


def _message(places: dict[str, pd.DataFrame]) -> str:
    """How many published losses lie within the seeds here, and how many epochs take less time."""
    rows = pd.concat(places.values())
    losses = rows[(rows.quantity == "loss") & rows.measured.notna()]
    epochs = rows[rows.ratio_low.notna()]
    said = []
    if len(losses):
        inside = int(losses.inside.sum())
        said.append(f"{inside} of {len(losses)} published losses lie where 95 % of our seeds do")
    if len(epochs):
        less, more = (epochs.ratio_high < 1).sum(), (epochs.ratio_low > 1).sum()
        counts = f"an epoch takes less time than published in {less} of {len(epochs)} runs"
        rest = {"more": more, "undecided": len(epochs) - less - more}
        said.append(", ".join([counts, *(f"{how} in {n}" for how, n in rest.items() if n)]))
    return "; ".join(said) or "Nothing that the chapter says of its runs was measured again"
