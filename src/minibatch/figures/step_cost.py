"""What a step costs whatever its batch, t₀, and what each example adds, c."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from minibatch.figures import style
from minibatch.summaries.steptime import BASELINE
from minibatch.summaries.text import digits, how

PANELS = {"t0": ("t₀: a step, whatever its batch [µs]", 1e6), "c": ("c: each example [ns]", 1e9)}

NARROW = 30  # times the least value: up to where 1, 2 and 5 of each decade have room


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel t₀, one panel c, one row an implementation and loader, a group a framework.

    Means over launches and their 95 % intervals; hollow where it is not shown that a line fits.
    """
    rows = tables["stepcost"]
    names = style.series(rows).where(rows.implementation != BASELINE, "no framework")
    rows = rows.assign(series=names).reset_index(drop=True)
    heights = rows.index + rows.groupby("series", sort=False).ngroup()  # a gap between groups
    made, [panels] = style.figure(
        _message(rows), 1, 2, size=(8, 1.4 + 0.22 * heights.max()), sharey=True
    )
    for axes, (name, (label, factor)) in zip(panels, PANELS.items(), strict=True):
        _panel(axes, rows, heights, name, factor)
        axes.set_xlabel(label)
    ways = [how(*way) for way in zip(rows.implementation, rows.loader, strict=True)]
    labels = [
        f"{name}: {way}" if name != "no framework" else f"{framework}"
        for name, way, framework in zip(rows.series, ways, rows.framework, strict=True)
    ]
    panels[0].set_yticks(heights, labels)
    panels[0].invert_yaxis()
    return made


def _panel(axes: Axes, rows: pd.DataFrame, heights: pd.Series, name: str, factor: float) -> None:
    """Draw one of the two numbers, each with its value."""
    values = style.interval(rows, f"{name}_seconds", factor)
    known = values[1] > 0  # an interval that holds zero has no place on a logarithmic axis
    for fits, look in ((True, {}), (False, {"markerfacecolor": "white"})):
        shown = known & ((rows.line == "yes") == fits)
        chosen = [value[shown] for value in values]
        look = style.line(0) | {"linestyle": ""} | look
        style.ranges(axes, heights[shown], chosen, along="x", **look)
    for index in rows.index:
        middle, low, high = (value[index] for value in values)
        said = digits(middle) if known[index] else f"{digits(low)} to {digits(high)}"
        axes.annotate(
            said,
            (high, heights[index]) if known[index] else (0.02, heights[index]),
            xycoords="data" if known[index] else ("axes fraction", "data"),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.grid(visible=False, axis="y")
    axes.set_xmargin(0.25)
    axes.set_xscale("log")
    low, high = axes.get_xlim()
    if high < NARROW * low:  # else labels at all of 1 to 9 would lie on one another
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _message(rows: pd.DataFrame) -> str:
    """From where to where t₀ goes, with intervals, where the times follow a line."""
    measured = rows[(rows.series != "no framework") & (rows.line == "yes")].sort_values(
        "t0_seconds"
    )
    if measured.empty:
        return (
            "That the time of a step follows a line in its batch size is not shown in any framework"
        )
    ends = [
        f"{digits(1e6 * row.t0_seconds_low)} to {digits(1e6 * row.t0_seconds_high)} µs ("
        f"{row.series}, {how(row.implementation, row.loader)})"
        for row in (measured.iloc[0], measured.iloc[-1])
    ]
    return (
        f"Where a line fits, a step costs {', up to '.join(dict.fromkeys(ends))} whatever its batch"
    )
