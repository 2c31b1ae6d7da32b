"""GFLOP/s by strategy, size and block width, and what bounds the machine, from the launches."""

import numpy as np
import pandas as pd

from minibatch.sgd.strategies import STRATEGIES, flop, intensity
from minibatch.summaries.intervals import of_times

CASE = ["framework", "device", "threads", "strategy", "n", "block", "precision", "level"]
COLUMNS = [
    *("machine", *CASE, "launches", "busy", "seconds", "seconds_low", "seconds_high"),
    *("rate", "rate_low", "rate_high", "to_full", "to_full_low", "to_full_high", "intensity"),
]


def per_launch(samples: pd.DataFrame) -> pd.DataFrame:
    """One row for each case and launch, from the median of its repeats.

    Columns: machine, those of CASE, launch; `seconds` of a whole n×n product at the pace of what
    was computed of it, of a copy of n numbers, or of a call; `rate` in GFLOP/s, of a copy in GB/s
    (read and written); and whether the machine was busy.
    """
    groups = samples.assign(pace=samples.seconds / samples.work).groupby(
        ["machine", *CASE, "launch"], sort=False
    )
    found = groups.pace.median().to_frame().assign(busy=groups.busy.any()).reset_index()
    work = [_work(*case) for case in zip(found.strategy, found.n, strict=True)]
    return found.assign(seconds=found.pace * work, rate=1e-9 / found.pace).drop(columns="pace")


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a case: its launches, how many were busy, its seconds and its rate.

    Those are geometric means over launches, with their 95 % intervals. `to_full` is its time over
    that of the full product of the same size and precision, launch by launch; NaN where there is
    none. `intensity` is FLOP per byte that a call of a strategy moves at least; NaN for others.
    """
    launches = per_launch(pd.concat([tables["matmul"], tables["ceilings"]], ignore_index=True))
    same = ["framework", "device", "n", "precision", "launch"]
    full = launches[launches.strategy == "full"].set_index(same).seconds.rename("full")
    launches = launches.join(full, on=same)
    found = [
        {"machine": "+".join(sorted(set(rows.machine))), **dict(zip(CASE, case, strict=True))}
        | {"launches": len(rows), "busy": int(rows.busy.sum())}
        | _ends("seconds", rows.seconds)
        | _ends("rate", rows.rate)
        | _ends("to_full", rows.seconds / rows.full)
        | {"intensity": _intensity(**dict(zip(CASE, case, strict=True)))}
        for case, rows in launches.groupby(CASE, sort=False)
    ]
    return pd.DataFrame(found, columns=COLUMNS)


def _ends(name: str, values: pd.Series) -> dict[str, float]:
    """A mean over launches and both ends of its interval."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), of_times(values), strict=True))


def _work(strategy: str, n: int) -> int:
    """FLOP of a product of n×n matrices, or bytes read and written by copying n numbers."""
    return 2 * 4 * n if strategy == "copy" else flop(n)


def _intensity(strategy: str, n: int, block: int, precision: str, **_) -> float:
    return intensity(strategy, n, block, precision) if strategy in STRATEGIES else np.nan
