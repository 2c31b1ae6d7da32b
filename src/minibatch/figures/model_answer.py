"""Time to the target of a user's model by batch size: predicted, and where it was trained."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.model_answer import headline, tried_way

WAY = ["implementation", "loader"]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Left the time, right what it is made of: steps, and what a step costs.

    A curve a way of training, its interval as a band; the best size is filled, a broad line is over
    those that may be as good. Real training is a cross with its interval.
    """
    predicted, checked = tables["predicted"], tables["checked"]
    made, panels = style.figure(headline(predicted, checked), 2, 2, size=(8, 5.6), sharex=True)
    grid = panels[0, 0].get_gridspec()
    for axes in panels[:, 0]:
        axes.remove()
    time, (steps, cost) = made.add_subplot(grid[:, 0]), panels[:, 1]
    for index, (way, own) in enumerate(predicted.groupby(WAY, sort=False)):
        label = ", ".join(way)
        _curve(time, own, "seconds_to_target", index, label)
        _curve(cost, own, "step_seconds", index, label, 1e3)
        shown = own.seconds_to_target.where(own.tie)
        look = {"color": style.line(index)["color"], "linewidth": 7, "alpha": 0.3}
        time.plot(own.batch_size, shown, marker="o", markersize=7, markeredgewidth=0, **look)
        best = own[own.best]
        time.plot(best.batch_size, best.seconds_to_target, **style.line(index) | {"markersize": 8})
    _curve(steps, tried_way(predicted), "steps", 0, "")
    for axes, name in ((time, "seconds_to_target"), (steps, "steps")):
        _observed(axes, checked, f"observed_{name}")
    target = predicted.target_loss.iloc[0]
    for axes, title in (
        (time, f"seconds to a loss of {target:.4g}"),
        (steps, "steps to that loss"),
        (cost, "ms a step"),
    ):
        axes.set(yscale="log", title=title)
        style.size_axis(axes, predicted.batch_size)
        axes.xaxis.set_tick_params(labelbottom=True)
    style.legend(made, columns=4)
    return made


def _curve(
    axes: Axes, rows: pd.DataFrame, name: str, index: int, label: str, factor: float = 1
) -> None:
    """A predicted or measured quantity with its interval."""
    middle, low, high = style.interval(rows, name, factor)
    look = style.line(index) | {"markerfacecolor": "white"}
    axes.plot(rows.batch_size, middle, label=label or None, **look)
    known = np.isfinite(high)
    axes.fill_between(
        rows.batch_size[known],
        low[known],
        high[known],
        color=look["color"],
        alpha=0.15,
        linewidth=0,
    )


def _observed(axes: Axes, checked: pd.DataFrame, name: str) -> None:
    """What real training took."""
    there = checked[np.isfinite(checked[name])]
    look = {"linestyle": "", "marker": "x", "color": "black", "zorder": 6, "markersize": 6}
    style.ranges(axes, there.batch_size, style.interval(there, name), label="real training", **look)
