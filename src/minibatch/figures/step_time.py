"""Time of a step against batch size in every framework, with the line that it follows."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.stepcost import calls
from minibatch.summaries.steptime import BASELINE, SERIES, fastest
from minibatch.summaries.text import digits, how

WAY = ["implementation", "loader"]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a framework and device, one curve an implementation and loader.

    Means over launches with their 95 % intervals, t₀ + c·b where that fits, and the baseline.
    """
    steps, lines = tables["steptime"], tables["stepcost"]
    measured = steps[steps.implementation != BASELINE]
    places = style.by_place(measured)
    ways = list(dict.fromkeys(zip(*(measured[name] for name in WAY), strict=True)))
    made, panels = style.grid(_message(measured), len(places), "µs per step")
    for axes, (name, part) in zip(panels.flat, places.items(), strict=False):
        for index, way in enumerate(ways):
            own = part[(part[WAY] == [*way]).all(axis=1)].sort_values("batch_size")
            if not own.empty:
                _curve(axes, own, _line(lines, own), index, how(*way))
        least = fastest(steps)
        axes.plot(least.batch_size, 1e6 * least.seconds, label="no framework", **style.BASELINE)
        axes.set(yscale="log", title=name)
        style.size_axis(axes, steps.batch_size)
    style.legend(made, columns=3)
    return made


def _line(lines: pd.DataFrame, own: pd.DataFrame) -> pd.Series | None:
    """The fitted line of a curve, unless it does not fit."""
    found = lines[(lines[SERIES] == own[SERIES].iloc[0]).all(axis=1) & (lines.line != "no")]
    return None if found.empty else found.iloc[0]


def _curve(axes: Axes, own: pd.DataFrame, line: pd.Series | None, index: int, label: str) -> None:
    look = style.line(index)
    values = style.interval(own, "seconds", 1e6)
    style.ranges(axes, own.batch_size, values, label=label, **look | {"linestyle": ""})
    if line is not None:
        # a batch size that does not divide has fewer examples in a step, in the mean
        fitted = 1e6 * (line.t0_seconds + line.c_seconds * own.examples + calls(own))
        look = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1}
        axes.plot(own.batch_size, fitted, **look, label="_line")


def _message(steps: pd.DataFrame) -> str:
    """The fastest step at the least and at the greatest batch size, if intervals tell it apart."""
    said = []
    for size in sorted({steps.batch_size.min(), steps.batch_size.max()}):
        found = steps[steps.batch_size == size].sort_values("seconds")
        first, others = found.iloc[0], found.iloc[1:]
        name = f"{style.series(found).iloc[0]} {how(first.implementation, first.loader)}"
        if others.empty or first.seconds_high < others.seconds_low.min():
            least, most = (digits(1e6 * first[f"seconds_{end}"]) for end in ("low", "high"))
            said.append(f"{name} at batch size {size} ({least} to {most} µs)")
        else:
            said.append(f"undecided at batch size {size}")
    return f"The fastest step of a framework: {', '.join(said)}"
