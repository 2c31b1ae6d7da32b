"""Exercise 2: the learning rate cut to a tenth after each epoch, or as one over their number."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style, variants

LABELS = {
    "plain": "constant η",
    "tenth": "a tenth after each epoch",
    "inverse": "1/t: η, η/2, η/3, …",
}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Each run with each schedule, and what a constant rate leaves with replacement: its floor."""
    rows = tables["variants"]
    return variants.draw(rows, _message(rows), LABELS, "epoch", _noise_floor)


def _noise_floor(axes: Axes, rows: pd.DataFrame) -> None:
    """The prediction as a line, and as hollow points what was measured."""
    floor = rows.noise_floor.iloc[0]
    axes.axhline(
        floor if np.isfinite(floor) else np.nan,
        **{"color": style.GREY, "linestyle": (0, (1, 2)), "label": "noise floor, predicted"},
    )
    drawn = rows[rows.variant == "replacement"]
    values = drawn.excess.clip(upper=variants.TOP)
    look = {"marker": "o", "markerfacecolor": "white", "markersize": 4, "zorder": 1}
    label = "constant η with replacement"
    axes.plot(drawn.epoch, values, linestyle="", color=style.GREY, label=label, **look)


def _message(rows: pd.DataFrame) -> str:
    said = [
        f"{name} {_effect(variants.ends(rows, variant))}"
        for variant, name in (("tenth", "A tenth after each epoch"), ("inverse", "1/t"))
    ]
    return "; ".join(said)


def _effect(ends: pd.DataFrame) -> str:
    """Which runs end nearer to the floor, which farther, and where that is undecided."""
    helped, hurt = ends.ratio_high < 1, ends.ratio_low > 1
    parts = (("helps", helped), ("hurts", hurt), ("is undecided for", ~helped & ~hurt))
    said = [f"{verb} {', '.join(ends.run[which])}" for verb, which in parts if which.any()]
    return " and ".join(said)
