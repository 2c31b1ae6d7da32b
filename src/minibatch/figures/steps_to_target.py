"""Steps to a loss against batch size: what the statistics ask for, whatever the machine."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.sgd.gradients import variance
from minibatch.summaries.text import digits


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One curve a target: steps at the best learning rate, with 95 % intervals, and the fit."""
    rows, fits = tables["steps"], tables["critical"].set_index("target")
    fits = fits[fits.batch_sizes > 0]
    made, [[axes]] = style.figure(_message(fits), size=(8, 4.6))
    for index, (target, own) in enumerate(rows.groupby("target", sort=False)):
        look = style.line(index)
        reached = own[np.isfinite(own.steps_high)]
        values = style.interval(reached, "steps")
        label = f"loss {own.target_loss.iloc[0]:.4f}" + (f" ({target})" if "%" in target else "")
        style.ranges(axes, reached.batch_size, values, label=label, **look | {"linestyle": ""})
        if target in fits.index:
            fit = fits.loc[target]
            sizes = np.geomspace(own.batch_size.min(), fit.examples, 200)
            fitted = fit.minimum_steps + fit.minimum_examples * variance(sizes, fit.examples)
            look = {"color": look["color"], "linestyle": look["linestyle"], "linewidth": 1}
            axes.plot(sizes, fitted, **look)
    axes.set(yscale="log", ylabel="steps to the loss")
    style.size_axis(axes, rows.batch_size)
    style.legend(made, columns=2)
    return made


def _message(fits: pd.DataFrame) -> str:
    """The critical batch sizes of the first target and of the last, with intervals."""
    if fits.empty:
        return "No loss is reached at enough batch sizes to tell which is the critical one"
    said = [
        f"{_interval(row.critical_batch_size_low, row.critical_batch_size_high)} "
        f"for a loss of {row.Index}"
        for row in dict.fromkeys([*fits.itertuples()][:: max(1, len(fits) - 1)])
    ]
    farthest = fits.residual.abs().max()
    return f"Critical batch size, by a fit within {farthest:.0%}: {', '.join(said)}"


def _interval(low: float, high: float) -> str:
    """An interval; undecided where it goes below 0, since the least steps are not told apart."""
    return f"{digits(low)}–{digits(high)}" if low > 0 else "undecided"
