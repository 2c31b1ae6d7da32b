"""Seconds per epoch against batch size, on several machines."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.ladder import RUNGS
from minibatch.summaries.text import times


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One row of panels a framework, one panel a rung of the ladder, one colour a machine.

    Reads "machines", which `summaries.machines` makes. Each point is the mean over launches
    with its 95 % interval; a device other than the CPU has hollow markers and dots.
    """
    rows = tables["machines"]
    rows = rows[(rows.quantity == "seconds_per_epoch") & rows.case.isin(list(RUNGS))]
    if rows.empty:
        return style.empty(_message(rows, ""))
    frameworks = list(rows.framework.unique())
    rungs = [rung for rung in RUNGS if rung in set(rows.case)]
    machines = list(tables["machines"].machine.unique())
    series = [(m, d) for m in machines for d in sorted(rows[rows.machine == m].device.unique())]
    made, panels = style.figure(
        _message(rows, machines[0]),
        len(frameworks),
        len(rungs),
        size=(8, 1.5 + 1.5 * len(frameworks) + 0.2 * len(series)),
        sharex=True,
        sharey=True,
    )
    sizes = sorted(rows.batch_size.unique())
    for framework, line in zip(frameworks, panels, strict=True):
        for rung, axes in zip(rungs, line, strict=True):
            own = rows[(rows.framework == framework) & (rows.case == rung)]
            for machine, device in series:
                chosen = own[(own.machine == machine) & (own.device == device)]
                look = style.line(machines.index(machine))
                if device != "cpu":
                    look |= {"markerfacecolor": "white", "linestyle": ":"}
                label = f"{_hardware(tables['machines'], machine)}: {device}"
                _curve(axes, chosen, look, label)
            if own.empty:
                middle = {"xy": (0.5, 0.5), "xycoords": "axes fraction", "ha": "center"}
                axes.annotate("not measured", **middle, color=style.GREY, fontsize=8)
            axes.set_yscale("log")
            style.size_axis(axes, sizes, "")
        line[0].set_ylabel(f"{framework}\nms per epoch")
    for rung, top, bottom in zip(rungs, panels[0], panels[-1], strict=True):
        top.set_title(rung)
        bottom.set_xlabel("batch size")
    style.legend(made, columns=1)
    return made


def _curve(axes: Axes, rows: pd.DataFrame, look: dict, label: str) -> None:
    """Draw medians and ranges by batch size, in milliseconds."""
    rows = rows.sort_values("batch_size")
    values = [1e3 * rows[column] for column in ("median", "low", "high")]
    style.ranges(axes, rows.batch_size, values, label=label, capsize=0, **look)


def _hardware(rows: pd.DataFrame, machine: str) -> str:
    """What a machine is, and its folder where two are called alike."""
    about = rows[rows.machine == machine].hardware.iloc[0]
    folder = machine.partition(" (")[2]
    return f"{about} ({folder}" if folder else about


def _message(rows: pd.DataFrame, first: str) -> str:
    """How many times an epoch takes on each machine and device what it takes on the first."""
    said = []
    others = rows[(rows.machine != first) & rows.ratio.notna()]
    key = ["machine", "device", "ratio_to"]
    for (machine, device, to), ratios in others.groupby(key, sort=False).ratio:
        ends = " to ".join(dict.fromkeys(times(end) for end in (ratios.min(), ratios.max())))
        where = machine if device == "cpu" else f"{machine}, {device}"
        against = "" if device == to else f" (against {first}'s {to})"
        said.append(f"{ends} {'' if said else 'the time '}on {where}{against}")
    if not said:
        return "No epoch was measured on the first machine and on another one"
    return f"Compared with {first}, an epoch takes {'; '.join(said)}"
