"""Exercise 1: how batch size and learning rate decide the decline of the loss, and its time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minibatch.figures import style
from minibatch.summaries.per_seed import per_seed
from minibatch.summaries.text import counted


def draw(tables: dict[str, pd.DataFrame], target_loss: float) -> Figure:
    """A line of panels a grid. Left: loss above the floor at its end. Right: time to the target."""
    floor = tables["problem"].floor.iloc[0]
    grids = {
        name: _cells(traces, floor, target_loss)
        for name, traces in tables["traces"].groupby("run", sort=False)
    }
    made, panels = style.figure(
        _message({name: cells for name, (cells, _) in grids.items()}, target_loss),
        len(grids),
        2,
        size=(8, 0.6 + 3.6 * len(grids)),
        sharey="row",
    )
    for (left, right), (name, (cells, about)) in zip(panels, grids.items(), strict=True):
        which = f"{name}: " if len(grids) > 1 else ""
        epochs = counted(about.epochs, "epoch")
        _heatmap(left, cells.excess.unstack(), "diverges", "{:.2g}")
        left.set_title(f"{which}loss above the floor after {epochs}")
        _heatmap(right, cells.milliseconds.unstack(), "never", "{:.3g}")
        right.set_title(f"time to a loss of {target_loss:g} [ms], {about.loader} loader")
        left.set_ylabel("learning rate η")
    return made


def _cells(
    traces: pd.DataFrame, floor: float, target_loss: float
) -> tuple[pd.DataFrame, pd.Series]:
    """The medians of a grid by learning rate and batch size, and what all its runs share."""
    traces = traces[traces.loader == traces.loader.iloc[-1]]  # direct, where both were measured
    seeds = per_seed(traces, target_loss)
    cells = seeds.assign(
        excess=(seeds.loss.where(~seeds.diverged, np.inf) - floor).clip(lower=0),  # of rounding
        milliseconds=1e3 * seeds.seconds_to_target,
    ).groupby(["learning_rate", "batch_size"])
    middle = cells[["excess", "milliseconds"]].quantile(0.5, interpolation="lower")
    return middle, traces.iloc[0]


def _message(grids: dict[str, pd.DataFrame], target_loss: float) -> str:
    """The cell of all grids that is first at the target."""
    best = min(grids, key=lambda name: grids[name].milliseconds.min())
    milliseconds = grids[best].milliseconds
    if not np.isfinite(milliseconds.min()):
        return f"No cell of the grid reaches a loss of {target_loss:g}"
    rate, size = milliseconds.idxmin()
    which = f" ({best})" if len(grids) > 1 else ""
    return f"Fastest to a loss of {target_loss:g}: batch {size} at η = {rate:g}{which}"


def _heatmap(axes: Axes, cells: pd.DataFrame, without: str, pattern: str) -> None:
    """Shade cells by the logarithm of their value, write it on them, and frame the lowest."""
    values = cells.to_numpy(dtype=float)
    finite = np.where(np.isfinite(values) & (values > 0), values, np.nan)
    axes.imshow(np.log(finite), cmap="Greys", alpha=0.55, aspect="auto", origin="lower")
    for (i, j), value in np.ndenumerate(values):
        text = pattern.format(value) if np.isfinite(value) else without
        colour, size = ("black", 8) if np.isfinite(value) else (style.COLOURS[1], 7)
        axes.text(j, i, text, ha="center", va="center", color=colour, fontsize=size)
    if np.isfinite(finite).any():
        i, j = np.unravel_index(np.nanargmin(finite), finite.shape)
        frame = {"fill": False, "edgecolor": style.COLOURS[0], "linewidth": 2.5}
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, **frame))
    axes.set_xticks(range(cells.shape[1]), cells.columns)
    axes.set_yticks(range(cells.shape[0]), [f"{rate:g}" for rate in cells.index])
    axes.set_xlabel("batch size")
    axes.grid(False)
