"""The comparison of several machines, laid out as text."""

from pathlib import Path

import numpy as np
import pandas as pd

from minibatch.summaries import chapter
from minibatch.summaries.text import digits, times

SHOWN = {  # for each quantity: title, factor, and what has a column for each of its values
    "seconds_per_epoch": ("Milliseconds per epoch, by batch size", 1e3, "batch_size"),
    "gflops": (f"GFLOP/s of products of {chapter.N}×{chapter.N} matrices", 1, "case"),
    "seconds_to_target": ("Milliseconds to a loss of {:g}", 1e3, "case"),
}


def hardware(origin: dict[str, list]) -> str:
    """What tables were measured on, as `parquet.origin` has it."""
    return "; ".join([*origin["machines"], *origin["gpus"]]) or "unknown machine"


def about(name: str, folder: Path, origin: dict[str, list]) -> str:
    """What a machine is, where its tables are, and what measured them."""
    threads = " or ".join(map(str, origin["threads"]))
    frameworks = ", ".join(origin["frameworks"])
    return f"{name}: {hardware(origin)}; {folder}; threads: {threads}\n  {frameworks}"


def text(rows: pd.DataFrame, target_loss: float) -> str:
    """The table as text: a line for each machine and device, with medians and ratios."""
    first = rows.machine.iloc[0]
    lines = [
        "",
        f"In brackets: the ratio to {first}, on the same device or on the one that is named",
    ]
    for quantity, (title, factor, across) in SHOWN.items():
        part = rows[rows.quantity == quantity]
        if part.empty:
            continue
        index = ["framework", "case", "loader", "machine", "device"]
        index = [name for name in index if name != across and part[name].notna().any()]
        part = part.assign(cell=[_cell(row, first, factor) for row in part.to_dict("records")])
        order = list(dict.fromkeys(part[index].itertuples(index=False, name=None)))
        wide = part.pivot(index=index, columns=across, values="cell").reindex(order).fillna("–")
        columns = part[across].unique() if across == "case" else sorted(wide.columns)
        shown = wide[columns].rename_axis(columns=None).to_string(sparsify=False, line_width=None)
        lines += ["", title.format(target_loss), shown]
    return "\n".join(lines)


def _cell(row: dict, first: str, factor: float) -> str:
    """A median to three digits, with its ratio where it is not the first machine's."""
    value = factor * row["median"]
    if not np.isfinite(value):
        return "never"
    said = digits(value)
    if row["machine"] == first or pd.isna(row["ratio"]):
        return said
    to = "" if row["ratio_to"] == row["device"] else f" {row['ratio_to']}"
    return f"{said} ({times(row['ratio'])}{to})"
