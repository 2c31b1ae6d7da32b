"""Loss over epochs of each of the chapter's runs, every seed in a band."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style

BOTTOM, TOP = 0.232, 0.35


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a run; the loss does not depend on the loader, so one of them is shown."""
    traces, problem = tables["traces"], tables["problem"].iloc[0]
    traces = traces[traces.loader == traces.loader.iloc[0]].assign(value=lambda t: t.loss)
    runs = [run for _, run in traces.groupby("run", sort=False)]
    columns = min(3, len(runs))
    rows = -(-len(runs) // columns)
    made, grid = style.figure(
        _message(runs, problem), rows, columns, size=(8, 0.6 + 2.4 * rows), sharey=True
    )
    for index, (axes, run) in enumerate(zip(grid.flat, runs, strict=False)):
        first = run.iloc[0]
        style.band(axes, run, "epoch", index, "", TOP)
        style.floor(axes, problem.floor)
        axes.set(ylim=(BOTTOM, TOP), xlim=(0, first.epochs), title=f"{first.run}\n{_about(first)}")
        axes.set_xlabel("epoch")
        if first.batch_size >= problem.examples * first.copies:
            _stability(axes, first, problem)
    for axes in grid[:, 0]:
        axes.set_ylabel("loss, ½ · mean squared error")
    for axes in grid.flat[len(runs) :]:
        axes.set_axis_off()
    return made


def _about(run: pd.Series) -> str:
    return style.describe(run) + (", loss without ½" if run.objective == "mse" else "")


def _stability(axes, run: pd.Series, problem: pd.Series) -> None:
    """Say on which side of the stability limit a full-batch run is."""
    side = ">" if run.learning_rate > problem.stability_limit else "≤"
    ends = "diverges" if side == ">" else "converges"
    axes.annotate(
        f"η {side} 2/λmax = {problem.stability_limit:.4f}:\n{ends}",
        (0.97, 0.95),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=9,
    )


def _message(runs: list[pd.DataFrame], problem: pd.Series) -> str:
    last = pd.concat(runs).sort_values("step").groupby(["run", "seed"]).nth(-1)
    middle = last.loss.fillna(np.inf).groupby(last.run).median()
    full = [
        run.iloc[0]
        for run in runs
        if run.batch_size.iloc[0] >= problem.examples * run.copies.iloc[0]
    ]
    rising = [run.run for run in full if run.learning_rate > problem.stability_limit]
    text = f"{middle.idxmin()} ends closest to the floor ({middle.min():.4f}, median seed)"
    return text + (f"; {', '.join(rising)} diverges" if rising else "")
