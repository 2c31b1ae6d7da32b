"""The tables that a job reads, by what they hold."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from minibatch.tables import parquet

STAGES = {"matmul": "matmul", "train": "traces", "verify": "verdicts", "confirm": "real"}
STAGES |= dict.fromkeys(("steptime", "protocol"), "samples")
GATED = {"matmul", "samples", "traces"}  # without rows where no framework passed its checks


def by_name(paths: Iterable[Path], expected: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Read tables under results/; those of one measuring stage are stacked.

    Keys: "examples", "matmul", "traces" (all that trained), "samples" of step times or by the
    chapter's clock, "baseline" of step times without a framework, "real" runs, "verdicts" of the
    gate, and each table of results/summary by its name. A table is empty where the gate was closed
    for all.
    `expected` holds the digests of parameters by path, where they are known.
    """
    found = defaultdict(list)
    for path in paths:
        stage, *inner = path.relative_to("results").parts
        name = "baseline" if "baseline" in inner else STAGES.get(stage, path.stem)
        found[name].append(parquet.read(path, expected.get(str(path))))
    return {name: _stack(frames) for name, frames in found.items()}


def _stack(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack tables; the machines, frameworks and threads of all of them go with the whole."""
    measured = [frame for frame in frames if not frame.empty] or frames[:1]
    stacked = pd.concat(measured, ignore_index=True) if len(measured) > 1 else measured[0]
    stacked.attrs = {"provenance": parquet.origin(frames)}
    return stacked
