"""Exercise 1: how batch size and learning rate decide the decline of the loss, and its time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.text import counted, how
from minibatch.summaries.time_to_target import refuted

MOST = 0.25  # loss above the floor that is shown: about that of the initial weights


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Left: the loss above the floor after two epochs. Right: the time to the first target.

    Columns are batch sizes, each with the learning rates of its own; white is what does not fall,
    or never stays at the target.
    """
    surface, times = tables["surface"], tables["time_to_target"]
    target, epochs = surface.target.iloc[0], surface.epochs.iloc[0]
    times = times[(times.target == target) & (times.implementation == "scratch")]
    times = times[times.loader == times.loader.iloc[0]]  # the chapter's, where it is measured
    cells = surface.merge(times[["batch_size", "step_seconds"]])
    cells = cells.assign(
        excess=cells.excess.where(cells.excess < MOST),
        milliseconds=1e3 * cells.steps * cells.step_seconds,
    )
    message = _message(times, tables["confirmed"], target)
    made, [[left, right]] = style.figure(message, 1, 2, size=(8, 4.4), sharey=True)
    left.set_title(f"loss above the floor after {counted(epochs, 'epoch')}")
    _surface(left, cells, "excess")
    right.set_title(f"ms to a loss of {target}, {how('scratch', times.loader.iloc[0])}")
    _surface(right, cells, "milliseconds")
    left.set_ylabel("learning rate η")
    best = times[times.best]
    right.plot(
        *(best.batch_size, best.learning_rate, "*"),
        **{"markersize": 13, "markerfacecolor": "white", "markeredgecolor": "black"},
    )
    return made


def _message(times: pd.DataFrame, confirmed: pd.DataFrame, target: str) -> str:
    """The batch size that is best, by its interval, and the learning rate that goes with it."""
    best = times[times.best]
    if best.empty or refuted(best, confirmed).any():
        why = "" if best.empty else ", since real runs take another time than was predicted"
        return f"Undecided which batch size is soonest at a loss of {target}{why}"
    [row] = best.itertuples()
    sizes = "–".join(map(str, dict.fromkeys([row.best_low, row.best_high])))
    return (
        f"Soonest at a loss of {target}: batch size {sizes}; at {row.batch_size}, "
        f"η = {row.learning_rate:.2g} suits it"
    )


def _surface(axes: Axes, cells: pd.DataFrame, column: str) -> None:
    """Shade each batch size's learning rates by the logarithm of a value."""
    finite = cells[column][np.isfinite(cells[column])]
    scale = LogNorm(finite.min(), finite.max()) if len(finite) else None
    sizes = np.sort(cells.batch_size.unique())
    edges = _edges(sizes.astype(float))
    for index, (_, own) in enumerate(cells.groupby("batch_size")):
        own = own.sort_values("learning_rate")
        values = own[column].where(np.isfinite(own[column])).to_numpy()[:, None]
        mesh = axes.pcolormesh(
            *(edges[index : index + 2], _edges(own.learning_rate.to_numpy()), values),
            **{"norm": scale, "cmap": "cividis", "rasterized": True},
        )
    axes.set(yscale="log")
    style.size_axis(axes, sizes)
    axes.grid(False)
    axes.figure.colorbar(mesh, ax=axes, location="bottom", pad=0.02)


def _edges(values: np.ndarray) -> np.ndarray:
    """The borders between ascending values on a logarithmic axis, and beyond the outer ones."""
    logs = np.log(values)
    middle = (logs[1:] + logs[:-1]) / 2
    first, last = 2 * logs[0] - middle[0], 2 * logs[-1] - middle[-1]
    return np.exp(np.concatenate([[first], middle, [last]]))
