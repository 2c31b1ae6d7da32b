"""How far apart one problem ends in different frameworks, implementations and loaders."""

import numpy as np
import pandas as pd

from minibatch.summaries.per_seed import per_seed

PROBLEM = ["batch_size", "learning_rate", "epochs", "objective", "schedule", "sampling", "copies"]
WAY = ["framework", "device", "implementation", "loader"]


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a problem that was solved in several ways, all with the same batches and weights.

    `ways` counts them, `seeds` the seeds, of which some ways may have fewer; `apart` is the largest
    relative difference of a final loss from the median of all ways with the same seed, infinite
    where one of them has no finite loss and most have. A run past the stability limit
    magnifies rounding from epoch to epoch, and may be far apart after many.
    """
    seeds = per_seed(tables["traces"], target_loss=0)  # the time to a target is not shown here
    middle = seeds.groupby([*PROBLEM, "seed"]).loss.transform("median")
    apart = ((seeds.loss - middle) / middle).abs()
    apart = apart.mask(np.isfinite(middle) & ~np.isfinite(seeds.loss), np.inf)
    groups = seeds.assign(apart=apart, way=seeds.groupby(WAY).ngroup()).groupby(PROBLEM, sort=False)
    found = groups.agg(seeds=("seed", "nunique"), ways=("way", "nunique"), apart=("apart", "max"))
    return found[found.ways > 1].reset_index()
