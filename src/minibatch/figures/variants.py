"""Runs beside variants of them that differ in one respect, for the exercises 2 to 4."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minibatch.figures import style

Pairs = dict[str, list[pd.DataFrame]]  # by name: traces of a run, and of its variant

ACROSS = 4  # panels beside each other

BOTTOM, TOP = 1e-4, 0.3  # loss above the floor; the runs start at about 0.25


def draw(
    tables: dict[str, pd.DataFrame],
    pairs: list[list[str]],
    label: Callable[[pd.Series], str],
    title: Callable[[Pairs], str],
    *,
    x: str,
    x_label: str,
) -> Figure:
    """One panel a pair of a run and its variant: loss above the floor over `x`.

    `pairs` are the names of each run and of its variant; a pair of which one was not measured is
    left out. `value` in the traces that `title` makes the figure's message of is the loss above
    the floor.
    """
    traces, floor = tables["traces"], tables["problem"].floor.iloc[0]
    found = _find(traces.assign(value=traces.loss - floor), pairs)
    if not found:
        return style.empty("No run was measured together with its variant; the report says why")
    columns = min(ACROSS, len(found))
    lines = -(-len(found) // columns)
    made, panels = style.figure(
        title(found), lines, columns, size=(8, 0.6 + 3.6 * lines), sharey=True
    )
    for axes, (name, pair) in zip(panels.flat, found.items(), strict=False):
        for index, run in enumerate(pair):
            style.band(axes, run, x, index, label(run.iloc[0]), TOP)
        axes.set(yscale="log", ylim=(BOTTOM, TOP), xlabel=x_label, xlim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_title(f"{name}\n{style.describe(pair[0].iloc[0])}")
        ends = " → ".join(_said(end(run)) for run in pair)
        axes.annotate(
            f"median at the end:\n{ends}", (0.05, 0.03), xycoords="axes fraction", fontsize=9
        )
    for axes in panels.flat[len(found) :]:
        axes.set_axis_off()
    for axes in panels[:, 0]:
        axes.set_ylabel("loss above the floor")
    style.legend(made, columns=2)
    return made


def _find(traces: pd.DataFrame, pairs: list[list[str]]) -> Pairs:
    """The traces of each pair with the last loader that both have.

    A pair is called as its run, or as its variant where the run has several.
    """
    found, bases = {}, [base for base, _ in pairs]
    for pair in pairs:
        runs = [traces[traces.run == name] for name in pair]
        shared = [
            name for name in traces.loader.unique() if all(name in set(r.loader) for r in runs)
        ]
        if shared:
            name = pair[0] if bases.count(pair[0]) == 1 else pair[1]
            found[name] = [run[run.loader == shared[-1]] for run in runs]
    return found


def _said(value: float) -> str:
    return f"{value:.2g}" if np.isfinite(value) else "diverges"


def ratios(pairs: Pairs) -> pd.Series:
    """How far above the floor each variant ends, as a multiple of the run's distance.

    Without the pairs of which one diverges, or the run ends at the floor itself.
    """
    ends = {name: [end(run) for run in pair] for name, pair in pairs.items()}
    found = {name: b / a for name, (a, b) in ends.items() if a > 0 and np.isfinite([a, b]).all()}
    return pd.Series(found, dtype=float)


def end(run: pd.DataFrame) -> float:
    """The median over seeds of the last value."""
    return run.sort_values("step").groupby("seed").nth(-1).value.fillna(np.inf).median()
