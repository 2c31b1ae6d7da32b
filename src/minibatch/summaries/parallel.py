"""What a data-parallel step takes by ranks and batch size, and where further ranks pay."""

import pandas as pd

from minibatch.summaries.per_seed import spread


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each machine, device, number of ranks and batch size, in this order.

    The samples, median seconds of a step and their 5th and 95th percentile; the `speedup` over one
    rank; and whether this many ranks `pay`: their steps are faster here and at all larger sizes.
    """
    steps = pd.concat(tables.values())
    key = ["machine", "device", "ranks", "batch_size"]
    groups = steps.groupby(key).seconds
    spreads = [(*values, len(found), *spread(found, 0.05, 0.95)) for values, found in groups]
    columns = [*key, "samples", "seconds_median", "seconds_low", "seconds_high"]
    rows = pd.DataFrame(spreads, columns=columns)
    alone = rows[rows.ranks == 1][["device", "batch_size", "seconds_median"]]
    alone = rows[["device", "batch_size"]].merge(alone, how="left").seconds_median
    speedup = alone / rows.seconds_median
    faster = (speedup > 1)[::-1]  # from the largest batch down
    pay = faster.groupby([rows.device, rows.ranks]).cummin()
    return rows.assign(speedup=speedup, pay=pay)


def break_even(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the smallest batch size at which each number of ranks pays, if it does."""
    return rows[rows.pay].groupby(["device", "ranks"], sort=False).head(1)
