"""What all figures share: sizes, colours that the colour-blind tell apart, and lines for grey."""

import os
import textwrap
from collections.abc import Iterable
from pathlib import Path

os.environ.pop("MPLBACKEND", None)  # on import, that of a notebook is an error outside of it

import matplotlib
import numpy as np
import pandas as pd
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito (2008), without the yellow, which is too pale for a line.
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)), (0, (8, 2))]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]
GREY = "#555555"

# Nothing of the user's own settings and fonts: the same tables give the same figures everywhere.
matplotlib.rcdefaults()
SHIPPED = Path(matplotlib.get_data_path())
font_manager.fontManager.ttflist = [
    font for font in font_manager.fontManager.ttflist if Path(font.fname).is_relative_to(SHIPPED)
]
matplotlib.rcParams.update(
    {
        "font.size": 10,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": "#dddddd",
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "figure.titlesize": 12,
        "figure.titleweight": "bold",
        "svg.hashsalt": "minibatch",  # the same figure gives the same file
    }
)


def figure(
    title: str, rows: int = 1, columns: int = 1, *, size: tuple[float, float], **shared
) -> tuple[Figure, np.ndarray]:
    """Make a figure, width and height in inches, with its message as title; axes as an array."""
    made = Figure(figsize=size, layout="constrained")
    made.suptitle(_wrap(made, title), x=0.01, ha="left")
    return made, made.subplots(rows, columns, squeeze=False, **shared)


def empty(title: str) -> Figure:
    """A figure that only says why there is nothing to show."""
    made, [[axes]] = figure(title, size=(8, 1))
    axes.set_axis_off()
    return made


def line(index: int) -> dict:
    """Colour, dashes and marker of the curve of an index, the same in every figure."""
    return {
        "color": COLOURS[index % len(COLOURS)],
        "linestyle": DASHES[index % len(DASHES)],
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4,
    }


def band(axes: Axes, curves: pd.DataFrame, x: str, index: int, label: str, top: float) -> None:
    """Draw the median of `value` over seeds and its range as a band.

    What lies above `top`, or is not finite since the run diverged, is drawn at `top`, with a
    triangle, so that no curve has a gap.
    """
    grouped = curves.assign(value=curves.value.fillna(np.inf).clip(upper=top)).groupby("step")
    middle = grouped[[x, "value"]].median()
    look = line(index) | {"marker": None}
    axes.plot(middle[x], middle.value, label=label, linewidth=1.6, **look)
    low, high = grouped.value.min(), grouped.value.max()
    axes.fill_between(middle[x], low, high, color=look["color"], alpha=0.18, linewidth=0)
    outside = middle[middle.value >= top]
    if outside.empty:  # an unclipped line without points would still stretch a log axis
        return
    axes.plot(outside[x], outside.value, linestyle="", marker=6, color=look["color"], clip_on=False)


def describe(run: pd.Series) -> str:
    """Batch size and learning rate of a run."""
    return f"batch {run.batch_size}, η = {run.learning_rate:g}"


def floor(axes: Axes, value: float) -> None:
    """Mark the least-squares floor."""
    axes.axhline(value, color=GREY, linewidth=1, linestyle=(0, (1, 2)))
    axes.annotate(
        f"floor {value:.4f}",
        (1, value),
        xycoords=("axes fraction", "data"),
        xytext=(-2, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        color=GREY,
        fontsize=8,
    )


def legend(made: Figure, axes: Axes, columns: int) -> None:
    """Put the legend of one of the axes below the figure, for all of them."""
    made.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=columns)


def warn(made: Figure, lines: Iterable[str]) -> None:
    """Put lines above a figure's message, in red, for what a reader must not miss."""
    if lines := [_wrap(made, line) for line in lines]:
        title = "\n".join([*lines, made.get_suptitle()])
        made.suptitle(title, x=0.01, ha="left", color="#B00000")


def _wrap(made: Figure, text: str) -> str:
    """Break lines at the width of a figure, in the size and weight of its title."""
    return textwrap.fill(text, int(11 * made.get_figwidth()) - 14)


def times(ratio: float) -> str:
    """A ratio to two digits, since they span decades: 1.3×, 79×, 72,000×."""
    return f"{float(f'{ratio:.2g}'):,g}×"
