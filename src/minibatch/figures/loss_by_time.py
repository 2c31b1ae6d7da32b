"""The chapter's comparison: loss over time for its runs from scratch, once for each loader."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.runs import unstable

BOTTOM, TOP = 0.232, 0.4


def draw(tables: dict[str, pd.DataFrame], target_loss: float) -> Figure:
    """One line of panels a framework, one panel a loader.

    Median over seeds of time and loss; all losses of the seeds as a band. Which run is first comes
    from more: the steps of many seeds and the times of all launches.
    """
    traces = tables["traces"].query("implementation == 'scratch'")
    if traces.empty:
        return style.empty("No run was measured that is written from scratch")
    problem = tables["problem"].iloc[0]
    places = style.by_place(traces)
    loaders, runs = list(traces.loader.unique()), list(traces.run.unique())
    labels = {run: _label(traces[traces.run == run]) for run in runs}
    timed = tables["runs_to_target"].query("implementation == 'scratch'")
    winners = {name: _winners(own) for name, own in style.by_place(timed).items()}
    diverging = traces.run[unstable(traces, problem)].unique()
    made, panels = style.figure(
        _message(winners, target_loss, diverging),
        len(places),
        len(loaders),
        size=(8, (4.4 if len(places) == 1 else 1.1 + 2 * len(places)) + 0.2 * -(-len(runs) // 2)),
        sharey=True,
        sharex=True,
    )
    for line, (name, own) in zip(panels, places.items(), strict=True):
        for axes, loader in zip(line, loaders, strict=True):
            shown = own[(own.loader == loader) & (own.step > 0)]
            if shown.empty:  # a framework may have runs with one loader alone
                axes.set_axis_off()
                continue
            shown = shown.assign(value=shown.loss, milliseconds=1e3 * shown.seconds)
            for run, curves in shown.groupby("run", sort=False):
                style.band(axes, curves, "milliseconds", runs.index(run), labels[run], TOP)
            last = axes is line[-1]
            style.level(axes, target_loss, "target" if last else "", "bottom")
            style.floor(axes, problem.floor, named=last)
            axes.set(xscale="log", ylim=(BOTTOM, TOP))
            axes.set_title(f"{loader} loader; first: {winners[name][loader]}")
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


def _winners(timed: pd.DataFrame) -> dict[str, str]:
    """The run that is first at the target, by loader: "none" of them, or "undecided"."""
    found = {}
    for loader, runs in timed.groupby("loader", sort=False):
        first = [*runs.run[runs.soonest == "yes"]]
        never = (runs.soonest == "no").all()
        found[loader] = first[0] if first else "none" if never else "undecided"
    return found


def _message(winners: dict[str, dict[str, str]], target: float, diverging: Sequence[str]) -> str:
    """Which run is first, or what that depends on; and which do not count."""
    said = _first(pd.DataFrame(winners).T, f"a mean loss of {target:g}")
    if not len(diverging):
        return said
    verbs = "diverges and does" if len(diverging) == 1 else "diverge and do"
    return f"{said}; {', '.join(diverging)} {verbs} not count"


def _first(winners: pd.DataFrame, loss: str) -> str:
    """What winners, shape (places, loaders), say of the first at a loss, those that are sure."""
    sure = winners.where(~winners.isin(["none", "undecided"]))
    runs, panels = sure.stack().dropna().unique(), winners.count().sum()
    if (winners == "none").sum().sum() == panels:
        return f"No run reaches {loss}"
    if not len(runs):
        return f"Undecided which run is first at {loss}"
    several = [
        what for what, count in zip(("framework", "loader"), sure.shape, strict=True) if count > 1
    ]
    decided = sure.count().sum()
    if len(runs) == 1 and decided == panels:
        whatever = f"Whatever the {' and the '.join(several)}, " if several else ""
        return f"{whatever}{runs[0]} is first at {loss}"
    if len(runs) == 1:
        return f"{runs[0]} is first at {loss} in {decided} of {panels} panels, no other run in any"
    varies = {"framework": sure.nunique().max() > 1, "loader": sure.nunique(axis=1).max() > 1}
    # of two panels that share neither, one of both decides
    decides = " and the ".join(what for what in several if varies[what]) or " or the ".join(several)
    undecided = (winners == "undecided").sum().sum()
    rest = f"; undecided in {undecided} of {panels} panels" if undecided else ""
    return f"Which run is first at {loss} depends on the {decides}{rest}"
