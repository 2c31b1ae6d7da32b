"""What all figures share: sizes, colours that the colour-blind tell apart, and lines for grey."""

import os
import textwrap
from collections.abc import Iterable, Sequence
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
BASELINE = {"color": GREY, "linestyle": (0, (1, 2)), "linewidth": 1.5}  # what has no framework

# Nothing of the user's own settings and fonts: the same tables give the same figures everywhere.
matplotlib.rcdefaults()
# Those that matplotlib ships are read anew, since its list of them may be of another installation.
font_manager.fontManager.ttflist = []
for font in sorted(Path(matplotlib.get_data_path(), "fonts/ttf").glob("*.ttf")):
    font_manager.fontManager.addfont(font)
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


def grid(title: str, count: int, y_label: str) -> tuple[Figure, np.ndarray]:
    """A figure of this many panels of one size, two side by side, on common axes."""
    columns = min(2, count)
    rows = -(-count // columns)
    size = (8, 1.9 + 2.6 * rows)
    made, panels = figure(title, rows, columns, size=size, sharex=True, sharey=True)
    for axes in panels.flat[count:]:
        axes.set_axis_off()
    for axes in panels.flat[:count]:
        axes.xaxis.set_tick_params(labelbottom=True)
    for axes in panels[:, 0]:
        axes.set_ylabel(y_label)
    return made, panels


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


def series(rows: pd.DataFrame) -> pd.Series:
    """The framework, and the device where that is not the CPU."""
    return rows.framework.where(rows.device == "cpu", rows.framework + ", " + rows.device)


def by_place(rows: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows of each framework on each device, by its name, in the order of the table."""
    return dict(iter(rows.groupby(series(rows), sort=False)))


def spread(rows: pd.DataFrame, name: str, factor: float = 1) -> list[pd.Series]:
    """Median, low and high of a column of a summary table, times a factor."""
    return [factor * rows[f"{name}_{end}"] for end in ("median", "low", "high")]


def interval(rows: pd.DataFrame, name: str, factor: float = 1) -> list[pd.Series]:
    """Mean, low and high of a column of a summary table over launches, times a factor."""
    return [factor * rows[end] for end in (name, f"{name}_low", f"{name}_high")]


def ranges(
    axes: Axes, places: Sequence, values: Sequence[pd.Series], *, along: str = "y", **look
) -> None:
    """Draw medians with error bars from low to high: `values` are the three, at `places`.

    Values lie along the y-axis, or along "x".
    """
    middle, low, high = values
    errors = [middle - low, high - middle]
    look = {"elinewidth": 1, "capsize": 2} | look
    if along == "x":
        axes.errorbar(middle, places, xerr=errors, **look)
    else:
        axes.errorbar(places, middle, yerr=errors, **look)


def size_axis(axes: Axes, sizes: Iterable[int], label: str = "batch size") -> None:
    """Make the x-axis a logarithmic one of sizes, with ticks at those whose labels have room."""
    sizes = sorted(set(sizes), reverse=True)
    columns = axes.get_subplotspec().get_gridspec().ncols
    width = 0.85 * axes.figure.get_figwidth() / columns
    room = width / (0.1 + 0.085 * len(str(sizes[0])))  # labels, at 10 points
    step = (sizes[0] / sizes[-1]) ** (1 / room)
    ticks = sizes[:1]
    for size in sizes[1:]:
        if ticks[-1] >= step * size:
            ticks.append(size)
    axes.set(xscale="log", xlabel=label)
    axes.set_xticks(ticks, ticks)
    axes.xaxis.minorticks_off()


def level(axes: Axes, value: float, name: str, va: str, **look) -> None:
    """Mark a loss by a horizontal line, and name it in the margin, or nowhere if that is empty."""
    axes.axhline(value, color=GREY, linewidth=1, **look)
    if name:
        axes.annotate(
            f"{name} {value:.4g}",
            (1, value),
            xycoords=("axes fraction", "data"),
            xytext=(3, 0),
            textcoords="offset points",
            va=va,
            color=GREY,
            fontsize=8,
        )


def floor(axes: Axes, value: float, *, named: bool) -> None:
    """Mark the least-squares floor, with its name and value or without."""
    level(axes, value, "floor" if named else "", "top", linestyle=(0, (1, 2)))


def legend(made: Figure, columns: int) -> None:
    """Put one legend for all axes below the figure."""
    pairs = [
        pair for axes in made.axes for pair in zip(*axes.get_legend_handles_labels(), strict=True)
    ]
    handles = {label: handle for handle, label in reversed(pairs)}  # the first of each label
    order = list(dict.fromkeys(label for _, label in pairs))
    made.legend(
        [handles[label] for label in order], order, loc="outside lower center", ncols=columns
    )


def add(made: Figure, line: str) -> None:
    """Put a line below a figure's message."""
    made.suptitle(f"{made.get_suptitle()}\n{_wrap(made, line)}", x=0.01, ha="left")


def warn(made: Figure, lines: Iterable[str]) -> None:
    """Put lines above a figure's message, in red, for what a reader must not miss."""
    if lines := [_wrap(made, line) for line in lines]:
        title = "\n".join([*lines, made.get_suptitle()])
        made.suptitle(title, x=0.01, ha="left", color="#B00000")


def _wrap(made: Figure, text: str) -> str:
    """Break lines at the width of a figure, in the size and weight of its title."""
    return textwrap.fill(text, int(11 * made.get_figwidth()) - 14)
