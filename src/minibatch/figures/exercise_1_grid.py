"""Exercise 1: how batch size and learning rate decide the decline of the loss, and its time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from minibatch.figures import style
from minibatch.summaries.per_seed import per_seed


def draw(tables: dict[str, pd.DataFrame], target_loss: float) -> Figure:
    """Left: loss above the floor after the last epoch. Right: time to the target loss."""
    floor = tables["problem"].floor.iloc[0]
    traces = tables["traces"]
    traces = traces[traces.loader == traces.loader.iloc[-1]]  # direct, where both were measured
    seeds = per_seed(traces, target_loss)
    cells = seeds.assign(
        excess=seeds.loss.where(~seeds.diverged, np.inf) - floor,
        milliseconds=1e3 * seeds.seconds_to_target,
    ).groupby(["learning_rate", "batch_size"])
    middle = cells[["excess", "milliseconds"]].quantile(0.5, interpolation="lower")
    rate, size = middle.milliseconds.idxmin()
    reached = np.isfinite(middle.milliseconds.min())
    made, [panels] = style.figure(
        f"Fastest to a loss of {target_loss:g}: batch {size} at η = {rate:g}"
        if reached
        else f"No cell of the grid reaches a loss of {target_loss:g}",
        1,
        2,
        size=(8, 4.2),
        sharey=True,
    )
    epochs = traces.epochs.iloc[0]
    _heatmap(panels[0], middle.excess.unstack(), "diverges", "{:.2g}")
    panels[0].set_title(f"loss above the floor after {epochs} epochs")
    _heatmap(panels[1], middle.milliseconds.unstack(), "never", "{:.3g}")
    panels[1].set_title(f"time to a loss of {target_loss:g} [ms], {traces.loader.iloc[0]} loader")
    panels[0].set_ylabel("learning rate η")
    return made


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
