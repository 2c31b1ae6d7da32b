"""The chapter's comparison: loss over time for its runs from scratch, once for each loader."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.per_seed import per_seed

BOTTOM, TOP = 0.232, 0.4


def draw(tables: dict[str, pd.DataFrame], target_loss: float) -> Figure:
    """Median over seeds of time and loss; all losses of the seeds as a band."""
    traces = tables["traces"].query("implementation == 'scratch'")
    floor = tables["problem"].floor.iloc[0]
    loaders = list(traces.loader.unique())
    winners = _winners(traces, target_loss)
    made, [panels] = style.figure(
        _message(winners, target_loss), 1, len(loaders), size=(8, 4.8), sharey=True, sharex=True
    )
    for axes, loader in zip(panels, loaders, strict=True):
        shown = traces[(traces.loader == loader) & (traces.step > 0)]
        shown = shown.assign(value=shown.loss, milliseconds=1e3 * shown.seconds)
        for index, (run, curves) in enumerate(shown.groupby("run", sort=False)):
            label = f"{run}: {style.describe(curves.iloc[0])}"
            style.band(axes, curves, "milliseconds", index, label, TOP)
        axes.axhline(target_loss, color=style.GREY, linewidth=1)
        axes.annotate(
            f"target {target_loss:g}",
            (0.01, target_loss),
            xycoords=("axes fraction", "data"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=8,
            color=style.GREY,
        )
        style.floor(axes, floor)
        axes.set(xscale="log", ylim=(BOTTOM, TOP), xlabel="time without evaluation [ms]")
        axes.set_title(f"{loader} loader; first at the target:\n{winners[loader]}")
    panels[0].set_ylabel("loss, ½ · mean squared error")
    style.legend(made, panels[0], columns=2)
    return made


def _winners(traces: pd.DataFrame, target: float) -> dict[str, str]:
    """The run whose median seed is first at the target, by loader."""
    time = per_seed(traces, target).groupby(["loader", "run"]).seconds_to_target
    median = time.quantile(0.5, interpolation="lower")
    return {
        loader: group.idxmin()[1] if np.isfinite(group.min()) else "none"
        for loader, group in median.groupby("loader")
    }


def _message(winners: dict[str, str], target: float) -> str:
    if len(set(winners.values())) == 1:
        return (
            f"Whatever the loader, {next(iter(winners.values()))} is first at a loss of {target:g}"
        )
    return f"Which batch size is first at a loss of {target:g} depends on the loader"
