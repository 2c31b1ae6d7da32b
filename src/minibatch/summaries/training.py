"""Final loss, seconds per epoch and time to the target loss of every run."""

import pandas as pd

from minibatch.summaries.per_seed import COSTS, RUN, per_seed, spread


def summarise(tables: dict[str, pd.DataFrame], target_loss: float) -> pd.DataFrame:
    """One row for each run and loader (and batch size and learning rate, in a grid).

    Median, lowest and highest over the seeds of the final loss, of the seconds per epoch and of
    the seconds to the target loss; the share of seeds that diverged.
    """
    seeds = per_seed(tables["traces"], target_loss).rename(
        columns={cost: f"{cost}_per_epoch" for cost in COSTS}
    )
    groups = seeds.groupby(RUN, sort=False)
    spreads = [
        groups[column].apply(spread).unstack().add_prefix(f"{column}_")
        for column in seeds.columns.drop([*RUN, "seed", "diverged"])
    ]
    counts = groups.diverged.agg(seeds="size", diverged="mean")
    return pd.concat([counts, *spreads], axis=1).reset_index()
