"""The chapter's comparison: loss over time for its runs from scratch, once for each loader."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.per_seed import per_seed

BOTTOM, TOP = 0.232, 0.4


def draw(tables: dict[str, pd.DataFrame], target_loss: float) -> Figure:
    """One line of panels a framework, one panel a loader.

    Median over seeds of time and loss; all losses of the seeds as a band.
    """
    traces = tables["traces"].query("implementation == 'scratch'")
    if traces.empty:
        return style.empty("No run was measured that is written from scratch")
    floor = tables["problem"].floor.iloc[0]
    places = style.by_place(traces)
    loaders, runs = list(traces.loader.unique()), list(traces.run.unique())
    labels = {run: _label(traces[traces.run == run]) for run in runs}
    winners = {name: _winners(own, target_loss) for name, own in places.items()}
    made, panels = style.figure(
        _message(winners, target_loss),
        len(places),
        len(loaders),
        size=(8, (4.4 if len(places) == 1 else 1.1 + 2 * len(places)) + 0.2 * -(-len(runs) // 2)),
        sharey=True,
        sharex=True,
    )
    for line, (name, own) in zip(panels, places.items(), strict=True):
        for axes, loader in zip(line, loaders, strict=True):
            shown = own[(own.loader == loader) & (own.step > 0)]
            shown = shown.assign(value=shown.loss, milliseconds=1e3 * shown.seconds)
            for run, curves in shown.groupby("run", sort=False):
                style.band(axes, curves, "milliseconds", runs.index(run), labels[run], TOP)
            last = axes is line[-1]
            style.level(axes, target_loss, "target" if last else "", "bottom")
            style.floor(axes, floor, named=last)
            axes.set(xscale="log", ylim=(BOTTOM, TOP))
            first = winners[name].get(loader, "none")
            axes.set_title(f"{loader} loader; first: {first}")
        line[0].set_ylabel(name, fontweight="bold")
    for axes in panels[-1]:
        axes.set_xlabel("time without evaluation [ms]")
    made.supylabel("loss, ½ · mean squared error", fontsize=10)
    style.legend(made, columns=2)
    return made


def _label(traces: pd.DataFrame) -> str:
    """A run's name, and its batch size and learning rate where they are the same in all places."""
    settings = traces[["batch_size", "learning_rate"]].drop_duplicates()
    about = f": {style.describe(traces.iloc[0])}" if len(settings) == 1 else ""
    return f"{traces.run.iloc[0]}{about}"


def _winners(traces: pd.DataFrame, target: float) -> dict[str, str]:
    """The run whose median seed is first at the target, by loader."""
    time = per_seed(traces, target).groupby(["loader", "run"]).seconds_to_target
    median = time.quantile(0.5, interpolation="lower")
    return {
        loader: group.idxmin()[1] if np.isfinite(group.min()) else "none"
        for loader, group in median.groupby("loader", sort=False)
    }


def _message(winners: dict[str, dict[str, str]], target: float) -> str:
    """Which run is first, or what that depends on."""
    table = pd.DataFrame(winners).T  # places × loaders
    loss = f"at a loss of {target:g}"
    first = {run for own in winners.values() for run in own.values()}
    several = [
        what for what, count in zip(("framework", "loader"), table.shape, strict=True) if count > 1
    ]
    if first == {"none"}:
        return f"No run reaches a loss of {target:g}"
    if len(first) == 1:
        whatever = f"Whatever the {' and the '.join(several)}, " if several else ""
        return f"{whatever}{first.pop()} is first {loss}"
    varies = {"framework": table.nunique().max() > 1, "loader": table.nunique(axis=1).max() > 1}
    decides = " and the ".join(what for what in several if varies[what])
    return f"Which batch size is first {loss} depends on the {decides}"
