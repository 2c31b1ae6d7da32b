"""The noise of a batch's gradient by its size, and by how far the loss is from the floor."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.sgd.gradients import variance
from minibatch.summaries.gradient_law import WAYS, sentence
from minibatch.summaries.text import digits

LEAST_SHARE = 5e-4  # that has a digit in per cent


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Standard deviation over batch size at the start, and the noise scale on the way from there.

    The critical batch sizes of the fits to steps are drawn at the loss that they are for.
    """
    law, way = tables["gradient_law"], tables["gradient_noise"]
    made, [[left, right]] = style.figure(_message(law, way), 1, 2, size=(8, 4.6))
    _deviations(left, law[law.point == "start"])
    look = style.line(2) | {"markersize": 3, "linewidth": 1}
    right.plot(way.excess, way.noise_scale, label="simple noise scale tr Σ/|G|²", **look)
    _critical(right, tables["critical"], tables["steps"], way.loss[0] - way.excess[0])
    right.set(xscale="log", yscale="log", xlabel="loss above the floor")
    right.set_title("noise scale, and critical batch size")
    right.invert_xaxis()
    style.legend(made, columns=2)
    return made


def _deviations(axes: Axes, rows: pd.DataFrame) -> None:
    """Lines by the formula, without which none is drawn where it is 0, and points as sampled."""
    examples = rows.examples.iloc[0]
    sizes = np.geomspace(1, examples - 1, 200)
    for index, (method, label) in enumerate(WAYS.items()):
        own, look = rows[rows.sampling == method], style.line(index)
        single = own.exact[own.batch_size == 1].iloc[0]
        line = look | {"marker": None, "linewidth": 1}
        axes.plot(sizes, single * np.sqrt(variance(sizes, examples, method)), **line)
        point = look | {"linestyle": ""}
        style.ranges(axes, own.batch_size, style.interval(own, "sampled"), label=label, **point)
    axes.set(yscale="log")
    axes.set_title("standard deviation of a batch's gradient, at the start")
    style.size_axis(axes, rows.batch_size)


def _critical(axes: Axes, fits: pd.DataFrame, steps: pd.DataFrame, floor: float) -> None:
    """The critical batch size of each loss that has one, with its interval."""
    losses = steps.drop_duplicates("target").set_index("target").target_loss
    fits = fits[fits.batch_sizes > 0]
    if fits.empty:
        return
    look = style.line(3) | {"linestyle": "", "label": "critical batch size for a loss"}
    places = fits.target.map(losses) - floor
    style.ranges(axes, places, style.interval(fits, "critical_batch_size"), **look)


def _message(law: pd.DataFrame, way: pd.DataFrame) -> str:
    """Whether drawn batches are as noisy as computed, and how the noise scale goes."""
    first, last = way.iloc[0], way.iloc[-1]
    share = last.excess / (last.loss - last.excess)
    told = LEAST_SHARE <= share < 1  # else a share of the floor says little
    where = f"{share:.1%} above the floor" if told else f"a loss of {last.loss:.4g}"
    return (
        f"{sentence(law)}; the noise scale goes from {digits(first.noise_scale)} at "
        f"the start to {digits(last.noise_scale)} at {where}"
    )
