"""Time per epoch from a framework's loader down to a plain compiled loop, at each batch size."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.steptime import BASELINE
from minibatch.summaries.text import digits, times

# What the title calls a rung; those of the table, from the top.
RUNGS = {
    "framework loader": "with its own loader",
    "direct indexing": "with direct indexing",
    "concise": "with its own optimiser",
    "compiled": "when compiled",
    "CUDA graph": "as a CUDA graph",
}
LOWEST = "no framework (1×)"


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a batch size, one group of rows a rung, one row a framework.

    Each point is the mean over launches with its 95 % interval, and its ratio to what is fastest
    without a framework.
    """
    rows = tables["ladder"]
    rows = rows.assign(series=style.series(rows).where(rows.rung != BASELINE, ""))
    names = [name for name in rows.series.unique() if name]
    places = _places([rung for rung in (*RUNGS, BASELINE) if rung in set(rows.rung)], names)
    sizes = sorted(rows.batch_size.unique())
    height = 1.7 + (len(sizes) + 1) // 2 * (0.6 + 0.14 * max(map(max, places.values())))
    made, panels = style.figure(
        _message(rows), (len(sizes) + 1) // 2, 2, size=(8, height), sharex=True, sharey=True
    )
    for axes, size in zip(panels.flat, sizes, strict=False):
        _panel(axes, rows[rows.batch_size == size], names, places)
        axes.set_title(f"batch size {size}")
        axes.xaxis.set_tick_params(labelbottom=True)
    for axes in panels.flat[len(sizes) :]:
        axes.set_axis_off()
    first = panels[0, 0]
    middles = [np.mean(place) for place in places.values()]
    first.set_yticks(middles, [rung if rung in RUNGS else LOWEST for rung in places])
    first.set(xscale="log", xlim=(None, 3e4 * rows.seconds_high.max()))  # room for the ratios
    first.set_ylim(max(middles) + 1, -1)
    for axes in panels[-1]:
        axes.set_xlabel("milliseconds per epoch")
    style.legend(made, columns=4)
    return made


def _places(rungs: list[str], names: list[str]) -> dict[str, list[int]]:
    """The height of each framework's row in the group of each rung; the baseline has one row."""
    places, following = {}, 0
    for rung in rungs:
        places[rung] = [following + row for row in range(len(names) if rung in RUNGS else 1)]
        following = places[rung][-1] + 2
    return places


def _panel(axes: Axes, rows: pd.DataFrame, names: list[str], places: dict[str, list[int]]) -> None:
    """Draw the rungs at one batch size."""
    for index, name in enumerate(names):
        heights = {rung: place[index] for rung, place in places.items() if rung in RUNGS}
        _points(axes, rows[rows.series == name], heights, style.line(index), name)
    baseline = rows[rows.rung == BASELINE]
    look = {"color": style.GREY, "marker": "*", "markersize": 7}
    _points(axes, baseline, {BASELINE: places[BASELINE][0]}, look, None)
    axes.axvline(1e3 * baseline.seconds.iloc[0], **style.BASELINE | {"linewidth": 1})
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    for rung in set(places) - set(rows.rung):
        axes.annotate(
            "not measured",
            (0.5, np.mean(places[rung])),
            xycoords=("axes fraction", "data"),
            ha="center",
            va="center",
            color=style.GREY,
            fontsize=8,
        )


def _points(
    axes: Axes, rows: pd.DataFrame, heights: dict[str, int], look: dict, label: str | None
) -> None:
    """Draw means and intervals in milliseconds, with their ratios to the baseline."""
    heights = rows.rung.map(heights)
    values = style.interval(rows, "seconds", 1e3)
    look = look | {"linestyle": "", "capsize": 0}
    style.ranges(axes, heights, values, along="x", label=label, **look)
    for row, height in zip(rows.itertuples(), heights, strict=True):
        axes.annotate(
            f"{digits(1e6 * row.seconds)} µs, {row.framework}"
            if row.rung == BASELINE
            else times(row.ratio),
            (1e3 * row.seconds_high, height),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )


def _message(rows: pd.DataFrame) -> str:
    """The highest and the lowest rung at the smallest batch size, by the intervals of ratios."""
    measured = rows[rows.series != ""]
    size = measured.batch_size.min()
    ratios = measured[measured.batch_size == size].groupby("rung")[["ratio_low", "ratio_high"]]
    ends = ratios.agg({"ratio_low": "min", "ratio_high": "max"})
    rungs = [rung for rung in RUNGS if rung in ends.index]
    ends = {rung: f"{_range(*ends.loc[rung])} {RUNGS[rung]}" for rung in (rungs[0], rungs[-1])}
    said = ", ".join(ends.values())
    return f"Against an epoch without a framework, at batch size {size}: {said}"


def _range(low: float, high: float) -> str:
    """Two ratios, or one if they look the same."""
    return " to ".join(dict.fromkeys([times(low), times(high)]))
