"""Loss over epochs of each of the chapter's runs, every seed in a band."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minibatch.figures import style
from minibatch.sgd.factors import gradient
from minibatch.sgd.plain import PLAIN
from minibatch.summaries.per_seed import plain
from minibatch.summaries.runs import of_problem, on_all_examples, unstable

BOTTOM, TOP = 0.228, 0.35


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One line of panels a framework (or more, of many runs), one panel a run.

    The loss does not depend on the loader, so one of them is shown.
    """
    traces, problem = tables["traces"], tables["problem"].iloc[0]
    first = traces.groupby(["framework", "device", "run"]).loader.transform("first")
    traces = traces[traces.loader == first].assign(value=lambda t: t.loss)
    places = style.by_place(traces)
    runs = list(traces.run.unique())
    columns = min(len(runs), 5 if len(places) > 1 else 3)
    lines = -(-len(runs) // columns)
    height = 1 + (1.5 if len(places) > 1 else 2.2) * lines * len(places)
    made, grid = style.figure(
        _message(places, tables["ends"], problem),
        lines * len(places),
        columns,
        size=(8, height),
        sharey=True,
    )
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (name, own) in enumerate(places.items()):
        panels = grid[place * lines : (place + 1) * lines]
        for index, (run, axes) in enumerate(zip(runs, panels.flat, strict=False)):
            if run not in set(own.run):
                continue
            curves, said = own[own.run == run], traces[traces.run == run].iloc[0]
            axes.set_axis_on()
            _panel(axes, curves, index, problem)
            about = _about(curves.iloc[0])
            title = [run] if place == 0 or lines > 1 else []
            if place == 0 or about != _about(said):
                title.append(about)
            axes.set_title("\n".join(title), fontsize=8)
        for axes in panels[:, 0]:
            axes.set_ylabel(name, fontweight="bold")
    made.supxlabel("epoch", fontsize=10)
    made.supylabel("loss, ½ · mean squared error", fontsize=10)
    return made


def _panel(axes: Axes, curves: pd.DataFrame, index: int, problem: pd.Series) -> None:
    """Draw the seeds of a run in a framework, and on which side of the stability limit it is."""
    first = curves.iloc[0]
    style.band(axes, curves, "epoch", index, "", TOP)
    style.floor(axes, problem.floor, named=axes.get_subplotspec().is_last_col())
    axes.set(ylim=(BOTTOM, TOP), xlim=(0, first.epochs))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.tick_params(labelsize=8)
    if on_all_examples(first, problem) and first.schedule == PLAIN["schedule"]:
        _stability(axes, first, problem)


def _about(run: pd.Series) -> str:
    return style.describe(run) + (",\nloss without ½" if run.objective == "mse" else "")


def _stability(axes: Axes, run: pd.Series, problem: pd.Series) -> None:
    """Say on which side of the stability limit a full-batch run is.

    The limit is 2/λmax for half the mean squared error, and half of that without the ½.
    """
    factor = gradient(run.objective)
    limit = problem.stability_limit / factor
    side = ">" if run.learning_rate > limit else "≤"
    ends = "diverges" if side == ">" else "converges"
    axes.annotate(
        f"η {side} {2 / factor:g}/λmax\n= {limit:.4f}:\n{ends}",
        (0.97, 0.95),
        xycoords="axes fraction",
        ha="right",
        va="top",
        fontsize=7,
    )


def _message(places: dict[str, pd.DataFrame], ends: pd.DataFrame, problem: pd.Series) -> str:
    """Which run ends closest to the floor over many seeds, and which diverge for sure.

    What is known of many seeds are plain runs, so that the message says if there are others.
    """
    shown = pd.concat(
        [rows.drop_duplicates("run").assign(place=name) for name, rows in places.items()]
    )
    among = "" if plain(shown).all() else " of the plain runs"
    diverging = ", ".join(shown.run[unstable(shown, problem)].unique())
    diverging = f"; {diverging} diverges" if diverging else ""
    if (ends.closest == "yes").any():
        best = ends[ends.closest == "yes"].iloc[0]
        same = shown[[of_problem(run, ends)[best.name] for _, run in shown.iterrows()]]
        loss, low, high = (f"{best[name]:.5f}" for name in ("loss", "loss_low", "loss_high"))
        return (
            f"Closest to the floor{among} ends {best.run}{_where(same, len(places))}: mean loss "
            f"{loss} ({low} to {high}) over {best.seeds:,} seeds{diverging}"
        )
    if len(ends) and (ends.closest == "no").all():
        return (
            f"Every run{among} diverges with at least one of {ends.seeds.max():,} seeds{diverging}"
        )
    which = " or ".join(ends.run[ends.closest == "undecided"])
    which = f", {which}" if which else ""
    return f"Undecided which run{among} ends closest to the floor{which}{diverging}"


def _where(same: pd.DataFrame, places: int) -> str:
    """In which places runs are one problem; nothing where it is so in all, or none was measured."""
    found = same.place.unique()
    return f" in {', '.join(found)}" if 0 < len(found) < places else ""
