"""Seconds per epoch against batch size, split into loading, computing and updating."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.per_seed import COSTS, per_seed
from minibatch.summaries.text import digits, times

LABELS = {
    "seconds": "all",
    "load_seconds": "load",
    "compute_seconds": "compute",
    "update_seconds": "update",
}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One line of panels a grid, one panel a loader; median and 80 % of all rates and seeds.

    The parts are left out where the device works on after a call, and they cannot be told apart.
    """
    costs = per_seed(tables["traces"], target_loss=0)  # the time to a target is not shown here
    grids = dict(iter(costs.groupby("run", sort=False)))
    loaders = list(costs.loader.unique())
    made, panels = style.figure(
        _message(grids),
        len(grids),
        len(loaders),
        size=(8, 0.6 + 3.6 * len(grids)),
        sharey=True,
        sharex=True,
    )
    for line, (name, grid) in zip(panels, grids.items(), strict=True):
        for axes, loader in zip(line, loaders, strict=True):
            own = grid[grid.loader == loader]
            _panel(axes, own)
            which = f"{name}, " if len(grids) > 1 else ""
            axes.set(yscale="log", title=f"{which}{loader} loader")
            style.size_axis(axes, costs.batch_size)
        line[0].set_ylabel("milliseconds per epoch")
    handles = max(
        (axes.get_legend_handles_labels() for axes in panels.flat), key=lambda h: len(h[0])
    )
    panels[0, -1].legend(*handles, loc="upper right", title="median, and 80 % of the runs")
    return made


def _panel(axes: Axes, costs: pd.DataFrame) -> None:
    """Draw what an epoch of a grid costs with a loader, and the parts of that, if known."""
    grouped = costs.groupby("batch_size")
    for index, cost in enumerate(cost for cost in COSTS if costs[cost].notna().any()):
        values = 1e3 * grouped[cost].quantile([0.1, 0.5, 0.9]).unstack()
        look = style.line(index) | ({"linewidth": 2.5} if cost == "seconds" else {})
        axes.plot(values.index, values[0.5], label=LABELS[cost], **look)
        axes.fill_between(values.index, values[0.1], values[0.9], alpha=0.15, color=look["color"])


def _message(grids: dict[str, pd.DataFrame]) -> str:
    said = [
        f"{name}: {_costs(grid)}" if len(grids) > 1 else _costs(grid)
        for name, grid in grids.items()
    ]
    return "; ".join(said)


def _costs(costs: pd.DataFrame) -> str:
    """What loading takes of an epoch, or how an epoch changes with the batch size."""
    full = costs.batch_size.max()
    if costs.load_seconds.isna().all():
        medians = costs.groupby("batch_size").seconds.median()
        if len(medians) == 1:
            return f"An epoch at batch size {full} takes {digits(1e3 * medians[full])} ms"
        ratio = times(medians[medians.index.min()] / medians[full])
        return f"An epoch at batch size {medians.index.min()} takes {ratio} that at {full}"
    shares = []
    for loader, group in costs[costs.batch_size == full].groupby("loader", sort=False):
        share = (group.load_seconds / group.seconds).median()
        shares.append(f"{share:.0%} of an epoch with the {loader} loader")
    return f"At batch size {full}, loading takes {', '.join(shares)}"
