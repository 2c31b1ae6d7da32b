"""Seconds per epoch against batch size in every framework, above a plain compiled loop."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.per_seed import plain_epochs
from minibatch.summaries.text import times

IMPLEMENTATIONS = ["scratch", "concise", "compiled"]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel an implementation, one curve a framework, all with direct indexing.

    Median and range over the learning rates and seeds of all runs.
    """
    costs = plain_epochs(tables["traces"])
    costs = costs[costs.loader == "direct"].assign(series=style.series)
    baseline = tables["baseline"][tables["baseline"].implementation == "numba"]
    names = list(style.series(tables["traces"]).unique())
    found = [name for name in IMPLEMENTATIONS if name in set(costs.implementation)] or ["scratch"]
    made, [panels] = style.figure(
        _message(costs, baseline), 1, len(found), size=(8, 4.2), sharex=True, sharey=True
    )
    sizes = sorted(baseline.batch_size.unique())
    for axes, implementation in zip(panels, found, strict=True):
        own = costs[costs.implementation == implementation]
        for index, name in enumerate(names):
            _curve(axes, own[own.series == name], style.line(index), name)
        _curve(axes, baseline, {"color": style.GREY, "linestyle": (0, (1, 2))}, "Numba loop")
        axes.set(yscale="log", title=implementation)
        style.size_axis(axes, sizes)
    panels[0].set_ylabel("ms per epoch, direct indexing")
    style.legend(made, columns=5)
    return made


def _curve(axes: Axes, costs: pd.DataFrame, look: dict, label: str) -> None:
    """Draw the median and the range of `seconds` by batch size."""
    medians = 1e3 * _medians(costs, ["batch_size"])
    seconds = 1e3 * costs.groupby("batch_size").seconds.agg(["min", "max"])
    values = [medians, seconds["min"], seconds["max"]]
    style.ranges(axes, medians.index, values, label=label, **look)


def _medians(costs: pd.DataFrame, key: list[str]) -> pd.Series:
    """Medians of `seconds`, as in `statistics.spread`, but also of no rows at all."""
    return costs.groupby(key).seconds.quantile(0.5, interpolation="lower")


def _message(costs: pd.DataFrame, baseline: pd.DataFrame) -> str:
    """The fastest at the smallest and at the largest batch size, of those of the baseline."""
    least = _medians(baseline, ["batch_size"])
    compared = costs[costs.batch_size.isin(least.index)]
    medians = _medians(compared, ["batch_size", "series", "implementation"])
    said = []
    for size in sorted({*compared.batch_size.agg(["min", "max"]).dropna()}):
        ratio = times(medians[size].min() / least[size])
        said.append(f"{ratio} at batch size {size:g} ({' '.join(medians[size].idxmin())})")
    if not said:
        return "No run with direct indexing has a batch size of the plain compiled loop"
    return f"The fastest epoch takes {' and '.join(said)} the time of a plain compiled loop"
