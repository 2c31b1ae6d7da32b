"""Time to a loss against batch size, for every way of training: which size is best here."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.steptime import BASELINE
from minibatch.summaries.text import how
from minibatch.summaries.time_to_target import sentence

WAY = ["implementation", "loader"]
REAL = "real runs"


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel an implementation and loader, one curve a framework and device: the first target.

    The size that is best is filled; a broad line is over those that may be as good. Real runs are
    crosses, by a line to what was predicted.
    """
    times, confirmed = tables["time_to_target"], tables["confirmed"]
    real = confirmed[confirmed.runs > 0]
    target = times.target.iloc[0]
    message = sentence(times, confirmed, target)
    times = times[times.target == target]
    measured = times[times.implementation != BASELINE]
    ways = dict(iter(measured.groupby(WAY, sort=False)))
    names = list(dict.fromkeys(style.series(measured)))
    label = "ms to the loss" if "gain" in target else f"ms to a loss of {target}"  # what has room
    made, panels = style.grid(message, len(ways), label)
    for axes, (way, part) in zip(panels.flat, ways.items(), strict=False):
        for name, own in style.by_place(part).items():
            _curve(axes, own, names.index(name), name)
            made_of = (real[WAY] == [*way]).all(axis=1) & (style.series(real) == name)
            if made_of.any():
                _runs(axes, real[made_of], names.index(name))
        loop = times[(times.implementation == BASELINE) & np.isfinite(times.seconds_to_target)]
        axes.plot(loop.batch_size, 1e3 * loop.seconds_to_target, label="Numba", **style.BASELINE)
        axes.set(yscale="log", title=how(*way))
        style.size_axis(axes, times.batch_size)
    style.legend(made, columns=3)
    return made


def _runs(axes: Axes, own: pd.DataFrame, index: int) -> None:
    """Real runs, each at the end of a stem from what was predicted of it."""
    predicted, observed = 1e3 * own.predicted_seconds, 1e3 * own.observed_seconds
    axes.vlines(own.batch_size, predicted, observed, color=style.line(index)["color"], zorder=6)
    axes.plot(own.batch_size, observed, "x", color="black", markersize=5, zorder=7, label=REAL)


def _curve(axes: Axes, own: pd.DataFrame, index: int, label: str) -> None:
    look = style.line(index)
    own = own[np.isfinite(own.seconds_to_target_high)]
    values = style.interval(own, "seconds_to_target", 1e3)
    style.ranges(axes, own.batch_size, values, label=label, **look | {"markerfacecolor": "white"})
    shown = own.assign(value=1e3 * own.seconds_to_target)
    best, ties = shown[shown.best], shown.value.where(shown.tie)
    look |= {"linestyle": "", "zorder": 5}
    axes.plot(best.batch_size, best.value, **look | {"markersize": 8})
    broad = {"color": look["color"], "linewidth": 7, "alpha": 0.3, "solid_capstyle": "round"}
    broad |= {"marker": "o", "markersize": 7, "markeredgewidth": 0}  # also where one stands alone
    axes.plot(shown.batch_size, ties, **broad)
