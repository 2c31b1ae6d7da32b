"""GFLOP/s of each strategy against what the machine could do (Williams et al., 2009)."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from minibatch.figures import style
from minibatch.summaries.chapter import BLOCK, N
from minibatch.summaries.text import digits

ASIDE = {
    "row": ((-9, -4), "right"),
    "block": ((-9, -12), "right"),
    "full": ((9, -14), "left"),
}  # labels that would collide


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One point a strategy at the chapter's size, below the roof of copying and computing."""
    rows = tables["matmul"]
    points = rows[(rows.n == N) & rows.block.isin([0, BLOCK]) & rows.intensity.notna()]
    points = points[points.precision == "float32"]
    peaks = rows[rows.strategy == "product"].sort_values("rate_median")
    copy = rows[rows.strategy == "copy"].iloc[0]
    rates = points.set_index("strategy").rate_median

    made, [[axes]] = style.figure(_message(rates), size=(8, 4.6))
    right = max(200, 3 * peaks.rate_median.max() / copy.rate_median)
    intensity = np.geomspace(0.1, right, 400)
    for peak in peaks.itertuples():
        roof = np.minimum(intensity * copy.rate_median, peak.rate_median)
        axes.plot(intensity, roof, color=style.GREY, linewidth=2)
        several = len(peaks) > 1  # roofs of about the same height: labels stand behind them
        what = peak.precision if several else "largest product"
        axes.annotate(
            f"{what}, n = {peak.n}: {digits(peak.rate_median)} GFLOP/s",
            (right, peak.rate_median),
            xytext=(4, 0) if several else (0, 10),
            textcoords="offset points",
            ha="left" if several else "right",
            va="center" if several else "baseline",
            fontsize=8 if several else 10,
            color=style.GREY,
        )
    axes.annotate(
        f"slope, copying {copy.n * 4 // 2**20} MiB: {digits(copy.rate_median)} GB/s",
        (0.02, 0.92),  # whatever the machine, no point is so high at so small an intensity
        xycoords="axes fraction",
        color=style.GREY,
    )
    for index, point in enumerate(points.itertuples()):
        low, high = point.rate_median - point.rate_low, point.rate_high - point.rate_median
        look = style.line(index) | {"linestyle": "", "markersize": 8}
        axes.errorbar(point.intensity, point.rate_median, [[low], [high]], capsize=3, **look)
        offset, side = ASIDE.get(point.strategy, ((9, -4), "left"))
        axes.annotate(
            f"{_name(point)}  {digits(point.rate_median)}",
            (point.intensity, point.rate_median),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            path_effects=[withStroke(linewidth=3, foreground="white")],  # legible on a line
        )
    axes.set(
        xscale="log",
        yscale="log",
        xlabel="arithmetic intensity of one call [FLOP per byte]",
        ylabel="GFLOP/s",
        title=f"{N}×{N}, float32; the matrices fit in cache, so a point may lie above the slope",
    )
    axes.set_ylim(top=peaks.rate_median.max() * 3)
    return made


def _name(point) -> str:
    return f"block of {point.block}" if point.block else point.strategy


def _message(rates: pd.Series) -> str:
    if not {"element", "full"} <= set(rates.index):
        return "The more work in one call, the faster the product"
    ratio = style.times(rates["full"] / rates["element"])
    return f"One call for the whole product is {ratio} as fast as one call an element"
