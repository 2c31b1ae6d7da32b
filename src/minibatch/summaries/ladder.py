"""What an epoch costs on each rung from a framework's loader down to a plain compiled loop."""

import pandas as pd

from minibatch.summaries.per_seed import plain_epochs, spread

# What changes from one rung to the next: implementation and loader.
RUNGS = {
    "framework loader": ("scratch", "framework"),
    "direct indexing": ("scratch", "direct"),
    "concise": ("concise", "direct"),
    "compiled": ("compiled", "direct"),
}
BELOW = {"numba": "baseline", "scikit-learn": "library"}


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each framework, device, rung and batch size that the baseline has, from the top.

    The machine, or several; median, lowest and highest seconds per epoch, and the median's `ratio`
    to that of the Numba loop. All seeds of all runs that do the same work are one sample. The last
    rows, on the CPU, are "numba", rung "baseline", and "scikit-learn", rung "library".
    """
    traces, baseline = tables["traces"], tables["baseline"]
    seconds = plain_epochs(traces)
    seconds = seconds[seconds.batch_size.isin(baseline.batch_size)].sort_values("batch_size")
    work = ["framework", "device", "implementation", "loader"]
    parts = [
        seconds[(seconds[work] == [*whose, *does]).all(axis=1)].assign(rung=rung)
        for whose in traces[["framework", "device"]].drop_duplicates().to_numpy()
        for rung, does in RUNGS.items()
    ]
    rungs = baseline.implementation.map(BELOW)
    parts.append(baseline.assign(framework=baseline.implementation, device="cpu", rung=rungs))
    key = ["framework", "device", "rung", "batch_size"]
    groups = pd.concat(parts).groupby(key, sort=False)
    spreads = [
        (*values, "+".join(sorted(set(group.machine))), *spread(group.seconds))
        for values, group in groups
    ]
    columns = [*key, "machine", "seconds_median", "seconds_low", "seconds_high"]
    rows = pd.DataFrame(spreads, columns=columns)
    least = rows[rows.rung == "baseline"].set_index("batch_size").seconds_median
    return rows.assign(ratio=rows.seconds_median / rows.batch_size.map(least))
