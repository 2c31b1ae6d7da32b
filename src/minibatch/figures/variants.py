"""Runs beside variants of them that differ in one respect, for the exercises 2 to 4."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minibatch.figures import style

ACROSS = 2  # panels beside each other
TOP = 0.3  # of the loss above the floor, which starts at about 0.25; what diverges is drawn there


def draw(
    rows: pd.DataFrame,
    message: str,
    labels: dict[str, str],
    x: str,
    beside: Callable[[Axes, pd.DataFrame], None] = lambda *_: None,
) -> Figure:
    """One panel a run: the mean loss above the floor over `x`, of each variant in `labels`.

    `beside` draws what else belongs into a panel, of all rows of its run.
    """
    runs = dict(iter(rows.groupby("run", sort=False)))
    if not runs:
        return style.empty("No run from scratch keeps its learning rate and visits all examples")
    columns = min(ACROSS, len(runs))
    lines = -(-len(runs) // columns)
    size = 8, 0.9 + 2.9 * lines
    made, panels = style.figure(message, lines, columns, size=size, sharey=True)
    for axes, (name, own) in zip(panels.flat, runs.items(), strict=False):
        for index, (variant, label) in enumerate(labels.items()):
            curve = own[own.variant == variant]
            axes.plot(curve[x], curve.excess.clip(upper=TOP), label=label, **style.line(index))
        beside(axes, own)
        axes.set(yscale="log", xlabel="updates" if x == "step" else x)
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_title(f"{name}: {style.describe(own.iloc[0])}")
    for axes in panels.flat[len(runs) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("loss above the floor")
    style.legend(made, columns=2)
    return made


def ends(rows: pd.DataFrame, variant: str) -> pd.DataFrame:
    """The rows of a variant where the chapter's runs end."""
    return rows[(rows.variant == variant) & (rows.epoch == rows.epochs)]


def ratios(rows: pd.DataFrame) -> str:
    """How many times as far above the floor runs end, by their intervals."""
    said = []
    for row in rows.itertuples():
        change = f"{row.ratio_low:.3g}–{row.ratio_high:.3g}×"
        comparable = 0 < row.ratio < np.inf  # neither of both diverges
        said.append(f"{change if comparable else 'not comparably'} ({row.run})")
    return ", ".join(said)
