"""GFLOP/s of each strategy against what the machine could do (Williams et al., 2009)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from minibatch.figures import style
from minibatch.summaries.chapter import BLOCK, N, by_strategy
from minibatch.summaries.text import digits

FITS = "; the matrices fit in cache, so a point may lie above the slope"
LEFT = 0.04  # FLOP per byte: room for a label beside the points of an element's and a row's product
ASIDE = {
    "row": ((-7, -3), "right"),
    "block": ((-7, -10), "right"),
    "full": ((6, -12), "left"),
}  # labels that would collide


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a framework; one point a strategy, below the roof of copying and computing."""
    rows = tables["matmul"]
    places = style.by_place(rows)
    points = {name: _points(own) for name, own in places.items()}
    sizes = {n for own in points.values() for n in own.n}
    columns = min(2, len(places))
    lines = -(-len(places) // columns)
    made, panels = style.figure(
        _message(points),
        lines,
        columns,
        size=(8, 5 if lines == columns == 1 else 1.3 + 2.9 * lines),
        sharex=True,
        sharey=True,
    )
    most = max(own.intensity.max() for own in points.values())
    right = max(
        400,
        2 * most,
        3 * max(_peaks(own).rate_median.max() / _copy(own) for own in places.values()),
    )
    for axes, (name, own) in zip(panels.flat, places.items(), strict=False):
        _roofs(axes, own, right)
        for index, point in enumerate(points[name].itertuples()):
            _point(axes, point, index)
        size = f", n = {points[name].n.iloc[0]}" if len(sizes) > 1 else ""
        axes.set(xscale="log", yscale="log", xlim=(LEFT, right), title=f"{name}{size}")
    highest = rows[rows.strategy == "product"].rate_median.max()
    panels[0, 0].set_ylim(rows.rate_median.min() / 3, 30 * highest)  # room for the slope's name
    for axes in panels.flat[len(places) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("GFLOP/s")
    made.supxlabel(
        f"arithmetic intensity of one call [FLOP per byte]\n{_about(sizes)}", fontsize=10
    )
    return made


def _points(rows: pd.DataFrame) -> pd.DataFrame:
    """The rates of the strategies at the chapter's size and block width, or at the nearest ones."""
    rows = by_strategy(rows)
    rows = rows[rows.n == _nearest(rows.n, N)]
    return rows[rows.block.isin([0, _nearest(rows.block[rows.block > 0], BLOCK)])]


def _nearest(values: pd.Series, wanted: int) -> int:
    """The value whose ratio to what is wanted is least; that itself where there are none."""
    return min(values, key=lambda value: abs(np.log(value / wanted)), default=wanted)


def _about(sizes: set[int]) -> str:
    """What holds of the matrices of all points."""
    said = f"{', '.join(f'{n}×{n}' for n in sorted(sizes))}, float32"
    return f"{said}{FITS}" if max(sizes) <= N else said


def _peaks(rows: pd.DataFrame) -> pd.DataFrame:
    """The largest product in each precision, the slowest first."""
    return rows[rows.strategy == "product"].sort_values("rate_median")


def _copy(rows: pd.DataFrame) -> float:
    """The rate of copying, in GB/s."""
    return rows[rows.strategy == "copy"].rate_median.iloc[0]


def _roofs(axes: Axes, rows: pd.DataFrame, right: float) -> None:
    """Draw what copying and the largest product allow, one roof a precision."""
    peaks, copy = _peaks(rows), rows[rows.strategy == "copy"].iloc[0]
    intensity = np.geomspace(LEFT, right, 400)
    several = len(peaks) > 1
    for peak in peaks.itertuples():
        roof = np.minimum(intensity * copy.rate_median, peak.rate_median)
        axes.plot(intensity, roof, color=style.GREY, linewidth=1.5)
    for place, peak in enumerate(peaks[::-1].itertuples()):
        what = f"{peak.precision}, " if several else ""
        axes.annotate(
            f"{what}n = {peak.n}: {digits(peak.rate_median)} GFLOP/s",
            (1, 1),
            xycoords="axes fraction",
            xytext=(-2, -2 - 10 * place),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=8,
            color=style.GREY,
        )
    axes.annotate(
        f"copying {copy.n * 4 // 2**20} MiB:\n{digits(copy.rate_median)} GB/s",
        (0.02, 0.99),  # whatever the machine, no point is so high at so small an intensity
        xycoords="axes fraction",
        va="top",
        fontsize=8,
        color=style.GREY,
    )


def _point(axes: Axes, point, index: int) -> None:
    """Draw the rate of a strategy, with its name."""
    values = [pd.Series([getattr(point, f"rate_{end}")]) for end in ("median", "low", "high")]
    look = style.line(index) | {"linestyle": "", "markersize": 6}
    style.ranges(axes, [point.intensity], values, **look)
    offset, side = ASIDE.get(point.strategy, ((7, -3), "left"))
    axes.annotate(
        f"{_name(point)}  {digits(point.rate_median)}",
        (point.intensity, point.rate_median),
        xytext=offset,
        textcoords="offset points",
        ha=side,
        fontsize=8,
        path_effects=[withStroke(linewidth=2, foreground="white")],  # legible on a line
    )


def _name(point) -> str:
    return f"block of {point.block}" if point.block else point.strategy


def _message(points: dict[str, pd.DataFrame]) -> str:
    """How much faster one call is than many, in the frameworks where it is least and most."""
    rates = {name: rows.set_index("strategy").rate_median for name, rows in points.items()}
    ratios = pd.Series(
        {
            name: rate["full"] / rate["element"]
            for name, rate in rates.items()
            if {"element", "full"} <= {*rate.index}
        }
    )
    if ratios.empty:
        return "The more work in one call, the faster the product"
    return (
        f"One call for the whole product is {style.extremes(ratios)} as fast as one call an element"
    )
