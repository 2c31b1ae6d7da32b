"""Time of an epoch against batch size in every framework, above what needs no framework."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.steptime import BASELINE, fastest
from minibatch.summaries.text import how, times

WAY = ["implementation", "loader"]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel an implementation and loader, one curve a framework.

    Means over launches and their 95 % intervals: the time of a step times the steps of an epoch.
    """
    steps = tables["steptime"]
    for name in ("seconds", "seconds_low", "seconds_high"):
        steps = steps.assign(**{name: 1e3 * steps[name] * steps.epoch_steps})
    least, epochs = fastest(steps), steps[steps.implementation != BASELINE]
    ways = list(dict.fromkeys(zip(*(epochs[name] for name in WAY), strict=True)))
    made, panels = style.grid(_message(epochs, least), len(ways), "ms per epoch")
    names = list(style.by_place(epochs))
    for axes, way in zip(panels.flat, ways, strict=False):
        own = style.by_place(epochs[(epochs[WAY] == [*way]).all(axis=1)])
        for index, name in enumerate(names):
            if name in own:
                _curve(axes, own[name], name, style.line(index))
        axes.plot(least.batch_size, least.seconds, label="no framework", **style.BASELINE)
        axes.set(yscale="log", title=how(*way))
        style.size_axis(axes, steps.batch_size)
    style.legend(made, columns=5)
    return made


def _curve(axes: Axes, rows: pd.DataFrame, label: str, look: dict) -> None:
    rows = rows.sort_values("batch_size")
    style.ranges(axes, rows.batch_size, style.interval(rows, "seconds"), label=label, **look)


def _message(epochs: pd.DataFrame, least: pd.DataFrame) -> str:
    """The fastest epoch of all frameworks at both ends, against what needs none, by intervals."""
    said = []
    for size in sorted({epochs.batch_size.min(), epochs.batch_size.max()}):
        first = epochs[epochs.batch_size == size].sort_values("seconds").iloc[0]
        other = least[least.batch_size == size].iloc[0]
        # of two intervals, the farthest apart that both allow
        ends = first.seconds_low / other.seconds_high, first.seconds_high / other.seconds_low
        said.append(f"{times(ends[0])} to {times(ends[1])} at batch size {size}")
    return f"The fastest framework's epoch against one without: {', '.join(said)}"
