"""GFLOP/s by strategy, size and block width, and the machine's ceilings."""

import numpy as np
import pandas as pd

from minibatch.sgd.strategies import STRATEGIES, flop, intensity
from minibatch.summaries.per_seed import spread


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a case: seconds and rate as median, and as 5th and 95th percentile of all samples.

    `rate` is GFLOP/s, and GB/s (read and written) where the strategy is "copy"; `intensity` is
    FLOP per byte that a call of a strategy moves at least, and NaN for the two ceilings.
    """
    key = ["machine", "framework", "device", "threads", "strategy", "n", "block", "precision"]
    seconds = tables["matmul"].groupby(key, sort=False).seconds
    result = seconds.apply(spread, 0.05, 0.95).unstack().add_prefix("seconds_")
    result.insert(0, "samples", seconds.size())
    result = result.reset_index()
    work = pd.Series([_work(*case) for case in zip(result.strategy, result.n, strict=True)])
    for low, high in (("median", "median"), ("low", "high"), ("high", "low")):
        result[f"rate_{low}"] = work / 1e9 / result[f"seconds_{high}"]
    cases = result[["strategy", "n", "block", "precision"]].itertuples(index=False, name=None)
    result["intensity"] = [intensity(*case) if case[0] in STRATEGIES else np.nan for case in cases]
    return result


def _work(strategy: str, n: int) -> int:
    """FLOP of a product of n×n matrices, or bytes read and written by copying n numbers."""
    return 2 * 4 * n if strategy == "copy" else flop(n)
