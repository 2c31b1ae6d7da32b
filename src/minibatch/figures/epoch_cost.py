"""Seconds per epoch against batch size, split into loading, computing and updating."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.per_seed import COSTS, per_seed

LABELS = {
    "seconds": "all",
    "load_seconds": "load",
    "compute_seconds": "compute",
    "update_seconds": "update",
}


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a loader; median and 80 % of all learning rates and seeds of the grid.

    The parts are left out where the device works on after a call, and they cannot be told apart.
    """
    costs = per_seed(tables["traces"], target_loss=0)  # the time to a target is not shown here
    loaders = list(costs.loader.unique())
    made, [panels] = style.figure(
        _message(costs), 1, len(loaders), size=(8, 4.2), sharey=True, sharex=True
    )
    for axes, loader in zip(panels, loaders, strict=True):
        grouped = costs[costs.loader == loader].groupby("batch_size")
        for index, cost in enumerate(cost for cost in COSTS if costs[cost].notna().any()):
            values = 1e3 * grouped[cost].quantile([0.1, 0.5, 0.9]).unstack()
            look = style.line(index) | ({"linewidth": 2.5} if cost == "seconds" else {})
            axes.plot(values.index, values[0.5], label=LABELS[cost], **look)
            axes.fill_between(
                values.index, values[0.1], values[0.9], alpha=0.15, color=look["color"]
            )
        sizes = sorted(costs.batch_size.unique())
        axes.set(yscale="log", title=f"{loader} loader")
        style.size_axis(axes, sizes)
    panels[0].set_ylabel("milliseconds per epoch")
    panels[-1].legend(loc="upper right", title="median, and 80 % of the runs")
    return made


def _message(costs: pd.DataFrame) -> str:
    full = costs.batch_size.max()
    if costs.load_seconds.isna().all():
        medians = costs.groupby("batch_size").seconds.median()
        ratio = style.times(medians[medians.index.min()] / medians[full])
        return f"An epoch at batch size {medians.index.min()} takes {ratio} that at {full}"
    shares = []
    for loader, group in costs[costs.batch_size == full].groupby("loader", sort=False):
        share = (group.load_seconds / group.seconds).median()
        shares.append(f"{share:.0%} of an epoch with the {loader} loader")
    return f"At batch size {full}, loading takes {', '.join(shares)}"
