"""Runs beside variants of them that differ in one respect, for the exercises 2 to 4."""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from minibatch.figures import style

Pairs = dict[str, list[pd.DataFrame]]  # by run: its traces, and those of its variant

BOTTOM, TOP = 1e-4, 0.3  # loss above the floor; the runs start at about 0.25


def draw(
    tables: dict[str, pd.DataFrame],
    key: str,
    label: Callable[[pd.Series], str],
    title: Callable[[Pairs], str],
    *,
    x: str,
    x_label: str,
) -> Figure:
    """One panel a pair of a run and its variant: loss above the floor over `x`.

    Runs come in pairs, a run before its variant; `value` in the traces that `title` makes the
    figure's message of is the loss above the floor.
    """
    traces, floor = tables["traces"], tables["problem"].floor.iloc[0]
    traces = traces[traces.loader == traces.loader.iloc[-1]]
    traces = traces.assign(value=traces.loss - floor)
    pairs = _pairs(traces, key)
    made, [panels] = style.figure(title(pairs), 1, len(pairs), size=(8, 4.2), sharey=True)
    for axes, (name, pair) in zip(panels, pairs.items(), strict=True):
        for index, run in enumerate(pair):
            style.band(axes, run, x, index, label(run.iloc[0]), TOP)
        axes.set(yscale="log", ylim=(BOTTOM, TOP), xlabel=x_label, xlim=(0, None))
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        axes.set_title(f"{name}\n{style.describe(pair[0].iloc[0])}")
        ends = " → ".join(f"{end(run):.2g}" for run in pair)
        axes.annotate(
            f"median at the end:\n{ends}", (0.05, 0.03), xycoords="axes fraction", fontsize=9
        )
    panels[0].set_ylabel("loss above the floor")
    style.legend(made, columns=2)
    return made


def _pairs(traces: pd.DataFrame, key: str) -> Pairs:
    """Take runs two by two."""
    runs = [run for _, run in traces.groupby("run", sort=False)]
    return {
        run.run.iloc[0]: [run, variant]
        for run, variant in zip(runs[::2], runs[1::2], strict=True)
        if run[key].iloc[0] != variant[key].iloc[0]
    }


def ratios(pairs: Pairs) -> pd.Series:
    """How far above the floor each variant ends, as a multiple of the run's distance."""
    return pd.Series({name: end(variant) / end(run) for name, (run, variant) in pairs.items()})


def end(run: pd.DataFrame) -> float:
    """The median over seeds of the last value."""
    return run.sort_values("step").groupby("seed").nth(-1).value.fillna(np.inf).median()
