"""GFLOP/s of the full product by size and precision, a panel a device."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.text import digits


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One colour a framework, one kind of line a precision; medians and 90 % of the samples."""
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
            errors = [
                curve.rate_median - curve.rate_low,
                curve.rate_high - curve.rate_median,
            ]
            label = f"{framework}, {precision}"
            axes.errorbar(curve.n, curve.rate_median, errors, label=label, elinewidth=1, **look)
        axes.set(xscale="log", yscale="log", xlabel="n of the n×n matrices", title=device)
        axes.set_xticks(sizes, sizes, rotation=60)
        axes.minorticks_off()
        axes.legend(fontsize=8, handlelength=3.5)
    panels[0].set_ylabel("GFLOP/s")
    return made


def _message(rows: pd.DataFrame) -> str:
    """The fastest of each device, and the precision in which it is."""
    best = rows.loc[rows.groupby("device", sort=False).rate_median.idxmax()]
    said = [
        f"{digits(row.rate_median)} GFLOP/s on {row.device} ({row.framework}, {row.precision})"
        for row in best.itertuples()
    ]
    return f"The fastest full product: {', '.join(said)}"
