"""GFLOP/s of each strategy against what bounds it: arithmetic, caches and memory, and calls.

After Williams, Waterman and Patterson, Roofline, 2009.
"""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from minibatch.figures import style
from minibatch.sgd.strategies import of_shape
from minibatch.summaries.chapter import BLOCK, N, by_strategy
from minibatch.summaries.text import digits
from minibatch.summaries.verdict import shown

LEFT = 0.04  # FLOP per byte: room for labels beside the points of an element and a row
ASIDE = {
    "row": ((-7, -3), "right"),
    "block": ((-7, -9), "right"),
    "full": ((7, -9), "left"),
}  # labels that would collide
WHITE = [
    withStroke(linewidth=2, foreground="white")
]  # behind text, so that it is legible on a line
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1))]  # of what is copied, the fastest first
CALL = style.COLOURS[1]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a framework and device, one point a strategy, below the roofs of the device.

    Those are the fastest product of any framework or NumPy in each precision, the fastest copy
    within each cache and in memory, and what a call costs in that framework.
    """
    rows = tables["matmul"]
    measured = by_strategy(rows)
    places = style.by_place(rows[rows.framework.isin(measured.framework)])
    points = {name: _points(own) for name, own in places.items()}
    sizes = {n for own in points.values() for n in own.n}
    columns = min(2, len(places))
    lines = -(-len(places) // columns)
    made, panels = style.figure(
        _message(points),
        lines,
        columns,
        size=(8, 5.4 if lines == columns == 1 else 1.9 + 2.9 * lines),
        sharex=True,
        sharey=True,
    )
    bounds = {device: _Bounds(own) for device, own in rows.groupby("device")}
    right = max(400, 2 * max(own.intensity.max() for own in points.values()))
    right = max(right, *(3 * bound.ridge for bound in bounds.values()))
    for axes, (name, own) in zip(panels.flat, places.items(), strict=False):
        bounds[own.device.iloc[0]].draw(axes, right, several=len(bounds) > 1)
        size = f", n = {points[name].n.iloc[0]}" if len(sizes) > 1 else ""
        axes.set(xscale="log", yscale="log", xlim=(LEFT, right), title=f"{name}{size}")
        _call(axes, own, points[name].n.iloc[0])
        for index, point in enumerate(points[name].itertuples()):
            _point(axes, point, index)
    highest = max(bound.peaks.rate.max() for bound in bounds.values())
    lowest = min(own.rate.min() for own in points.values())
    panels[0, 0].set_ylim(lowest / 3, 4 * highest)
    for axes in panels.flat[len(places) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("GFLOP/s")
    for axes in panels.flat[max(0, len(places) - columns) : len(places)]:
        axes.set_xlabel("intensity of a call [FLOP per byte]")
        axes.xaxis.set_tick_params(labelbottom=True)
    style.legend(made, columns=2)
    [legend] = made.legends
    legend.set_title(f"points: {', '.join(f'{n}×{n}' for n in sorted(sizes))}, float32; lines:")
    return made


class _Bounds:
    """What bounds all products on a device, whatever the framework."""

    def __init__(self, rows: pd.DataFrame):
        """Take the fastest product in each precision, and the fastest copy of each level."""
        self._device = rows.device.iloc[0]
        self.peaks = _fastest(rows[~rows.strategy.isin(["copy", "call"])], "precision")
        self._copies = _fastest(rows[(rows.strategy == "copy") & (rows.level != "")], "level")

    @property
    def ridge(self) -> float:
        """The intensity from which on copying does not bound any product; 0 where nothing does."""
        return (self.peaks.rate.max() / self._copies.rate).max() if len(self._copies) else 0

    def draw(self, axes: Axes, right: float, *, several: bool) -> None:
        """Draw a roof for each precision, and the slopes below the highest; name them once.

        The device is named where there are `several`.
        """
        intensity = np.geomspace(LEFT, right, 200)
        where = f"{self._device}: " if several else ""
        for peak in self.peaks.itertuples():
            label = f"{where}{peak.precision}: {digits(peak.rate)} GFLOP/s"
            label += f" ({peak.framework}, n = {peak.n})"
            axes.axhline(peak.rate, color=style.GREY, linewidth=2, label=label)
        top = self.peaks.rate.max()
        for dashes, copy in zip(DASHES, self._copies.itertuples(), strict=False):
            label = f"{where}copies in {copy.level}: {digits(copy.rate)} GB/s"
            slope = np.where(intensity * copy.rate <= top, intensity * copy.rate, np.nan)
            look = {"color": style.GREY, "linewidth": 1.2, "linestyle": dashes}
            axes.plot(intensity, slope, label=label, **look)


def _fastest(rows: pd.DataFrame, by: str) -> pd.DataFrame:
    """The row with the highest rate of each group, the fastest first."""
    return rows.sort_values("rate", ascending=False).drop_duplicates(by)


def _call(axes: Axes, rows: pd.DataFrame, n: int) -> None:
    """Draw what products of ever more rows, then ever more columns reach if calls cost all time."""
    call = rows[rows.strategy == "call"]
    if call.empty:
        return
    [seconds] = call.seconds
    shape = np.geomspace(1, n, 100)
    shapes = [*((rows, 1.0) for rows in shape), *((n, columns) for columns in shape)]
    rates = [2e-9 * n * rows * columns / seconds for rows, columns in shapes]
    label = "calls, if they compute in no time"
    look = {"color": CALL, "linewidth": 1.2, "linestyle": (0, (1, 1))}
    axes.plot([of_shape(n, *shape) for shape in shapes], rates, label=label, **look)
    axes.annotate(
        f"a call: {digits(1e6 * seconds)} µs",
        (0.02, 0.97),
        xycoords="axes fraction",
        va="top",
        fontsize=8,
        color=CALL,
        path_effects=WHITE,
    )


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """The rates of the strategies at the chapter's size and block width, or at the nearest ones."""
    rows = by_strategy(rows)
    rows = rows[rows.n == _nearest(rows.n, N)]
    return rows[rows.block.isin([0, _nearest(rows.block[rows.block > 0], BLOCK)])]


def _nearest(values: pd.Series, wanted: int) -> int:
    """The value whose ratio to what is wanted is least; that itself where there are none."""
    return min(values, key=lambda value: abs(np.log(value / wanted)), default=wanted)


def _point(axes: Axes, point, index: int) -> None:
    """Draw the rate of a strategy, with its name."""
    values = [pd.Series([getattr(point, name)]) for name in ("rate", "rate_low", "rate_high")]
    look = style.line(index) | {"linestyle": "", "markersize": 6}
    style.ranges(axes, [point.intensity], values, **look)
    offset, side = ASIDE.get(point.strategy, ((7, -3), "left"))
    axes.annotate(
        f"{_name(point)}  {digits(point.rate)}",
        (point.intensity, point.rate),
        xytext=offset,
        textcoords="offset points",
        ha=side,
        fontsize=8,
        path_effects=WHITE,
    )


def _name(point) -> str:
    return f"block of {point.block}" if point.block else point.strategy


def _message(points: dict[str, pd.DataFrame]) -> str:
    """How much faster one call is than many, where that is least and most, with the intervals."""
    found = {}
    for name, own in points.items():
        ratio = own[(own.strategy == "element") & own.to_full.notna()]
        if not ratio.empty:
            found[name] = tuple(values.iloc[0] for values in style.interval(ratio, "to_full"))
    if not found:
        return "How fast products are, by how much of them a call computes"
    ends = dict.fromkeys((min(found, key=found.get), max(found, key=found.get)))
    where = {name: f" in {name}" if len(found) > 1 else "" for name in ends}
    said = " to ".join(f"{shown(found[name])}{where[name]}" for name in ends)
    return f"One call for the whole product is {said} as fast as one call an element"
