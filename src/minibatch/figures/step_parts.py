"""Where the time of a step goes, against batch size: loading, computing, updating."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style

PARTS = {
    "start": "starting an epoch",
    "load": "loading a batch",
    "compute": "computing",
    "update": "updating",
}
HATCHES = ["//", "", "..", "xx"]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a framework, implementation and loader whose parts can be told apart.

    Medians over launches, stacked as shares of the whole.
    """
    steps = tables["steptime"]
    rows = steps[steps.update_seconds.notna() & (steps.implementation == "scratch")]
    if rows.empty:
        return style.empty("Every device works on after a call: parts cannot be told apart")
    panels = dict(iter(rows.groupby([style.series(rows), "loader"], sort=False)))
    made, axes = style.grid(_message(panels), len(panels), "% of a step")
    for place, ((name, loader), part) in zip(axes.flat, panels.items(), strict=False):
        _stack(place, part.sort_values("batch_size"))
        place.set(title=f"{name}, scratch, {loader} loader", ylim=(0, 100))
        style.size_axis(place, rows.batch_size)
    style.legend(made, columns=4)
    return made


def _stack(axes: Axes, rows: pd.DataFrame) -> None:
    """Draw the shares of the parts, one above the other; the start of an epoch by its steps."""
    seconds = rows[[f"{part}_seconds" for part in PARTS]].copy()
    seconds["start_seconds"] /= rows.epoch_steps
    shares = 100 * seconds.div(seconds.sum(axis=1), axis=0)
    colours = [style.line(index)["color"] for index in range(len(PARTS))]
    layers = axes.stackplot(
        rows.batch_size, shares.to_numpy().T, labels=PARTS.values(), colors=colours, alpha=0.75
    )
    for layer, hatch in zip(layers, HATCHES, strict=True):
        layer.set(hatch=hatch, edgecolor="white", linewidth=0)
    axes.margins(x=0)


def _message(panels: dict[tuple[str, str], pd.DataFrame]) -> str:
    """What share of a step loading takes at the least batch size, by the interval over launches."""
    size = min(part.batch_size.min() for part in panels.values())
    said = []
    for (name, loader), part in panels.items():
        row = part[part.batch_size == size].iloc[0]
        low, high = max(0, row.load_share_low), min(1, row.load_share_high)
        said.append(f"{low:.0%} to {high:.0%} ({name}, {loader} loader)")
    return f"At batch size {size}, loading takes {', '.join(said)} of a step"
