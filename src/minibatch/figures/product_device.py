"""GFLOP/s of the full product by size and precision, a panel a device."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.text import digits


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One colour a framework, one kind of line a precision; means over launches, 95 % intervals."""
    rows = tables["matmul"]
    rows = rows[rows.strategy == "full"]
    if rows.empty:
        return style.empty("The full product was not measured")
    devices, frameworks = list(rows.device.unique()), list(rows.framework.unique())
    precisions = list(rows.precision.unique())
    made, [panels] = style.figure(
        _message(rows), 1, len(devices), size=(8, 4.4), sharex=True, sharey=True
    )
    sizes = sorted(rows.n.unique())
    for axes, device in zip(panels, devices, strict=True):
        own = rows[rows.device == device]
        for (framework, precision), curve in own.groupby(["framework", "precision"], sort=False):
            look = style.line(frameworks.index(framework))
            look["linestyle"] = style.DASHES[precisions.index(precision)]
            curve = curve.sort_values("n")
            values = style.interval(curve, "rate")
            label = f"{framework}, {precision}"
            style.ranges(axes, curve.n, values, label=label, capsize=0, **look)
        axes.set(yscale="log", title=device)
        style.size_axis(axes, sizes, "n of the n×n matrices")
        axes.legend(fontsize=8, handlelength=3.5)
    panels[0].set_ylabel("GFLOP/s")
    return made


def _message(rows: pd.DataFrame) -> str:
    """The fastest of each device, and the precision in which it is, if intervals tell it apart."""
    said = []
    for device, own in rows.groupby("device", sort=False):
        first, *others = own.sort_values("rate", ascending=False).itertuples()
        if any(other.rate_high >= first.rate_low for other in others):
            said.append(f"undecided on {device}, up to {digits(first.rate)} GFLOP/s")
        else:
            rate = f"{digits(first.rate)} GFLOP/s on {device}"
            said.append(f"{rate} ({first.framework}, {first.precision})")
    return f"The fastest full product: {', '.join(said)}"
