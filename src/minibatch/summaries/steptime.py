"""What a step costs at each batch size: a row a cell, from the launches that timed it."""

import pandas as pd

from minibatch.summaries.intervals import of_times, over_launches

SERIES = ["framework", "device", "implementation", "loader"]
CELL = [*SERIES, "batch_size"]
BASELINE = "baseline"  # the implementation of all that has no framework
PARTS = ["start_seconds", "load_seconds", "compute_seconds", "update_seconds"]


def per_launch(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each cell and launch: medians over its repeats, of one step.

    Reads "samples" of frameworks, and "baseline" if it is there. Columns: machine, those of CELL,
    launch, `epoch_steps`, `examples` of a step in the mean (the last one of an epoch may be
    smaller), `seconds`; load_seconds of a batch after the first, compute_seconds, update_seconds,
    and start_seconds, what an epoch's first batch takes longer than a later one, or what a call of
    an epoch's steps costs whatever their number, each NaN where it cannot be told apart; the CPU
    time over the time, cpu_share; first_call_seconds; whether the machine was busy. Of a repeat
    that is a part of an epoch, the start counts as in a whole one.
    """
    timed = [tables[name] for name in ("samples", "baseline") if name in tables]
    samples = pd.concat(timed, ignore_index=True)
    whole = samples.steps == samples.epochs * samples.epoch_steps
    later = samples.steps - samples.epochs * whole  # loaded after an epoch's first batch
    # of a single batch, and of a smaller one after it, all loading counts as start
    apart = (later > 0) & ~(
        (samples.epoch_steps == 2) & (samples.examples % samples.batch_size > 0)
    )
    load = (samples.load_seconds / later).where(apart, 0 * samples.load_seconds)
    start = (samples.start_seconds / samples.epochs - load.fillna(0)).clip(lower=0)
    # each step of a part has loaded the batch of the next: without the start it is a whole step
    part = (samples.seconds - samples.start_seconds.fillna(0)) / samples.steps
    part += start.fillna(0) / samples.epoch_steps
    steps = samples.assign(
        examples=samples.examples / samples.steps,
        seconds=(samples.seconds / samples.steps).where(whole, part),
        load_seconds=load,
        compute_seconds=samples.compute_seconds / samples.steps,
        update_seconds=samples.update_seconds / samples.steps,
        start_seconds=start,
        cpu_share=samples.cpu_seconds / samples.seconds,
    )
    names = ["epoch_steps", "examples", "seconds", *PARTS, "cpu_share", "first_call_seconds"]
    groups = steps.groupby(["machine", *CELL, "launch"], sort=False)
    return groups[names].median().assign(busy=groups.busy.any()).reset_index()


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each cell: its launches, how many were busy, and what a step costs.

    `seconds` is the geometric mean over launches of each one's median, `seconds_low` and
    `seconds_high` its 95 % interval, with launches as the sample; `load_share` is the mean share of
    loading in it, the start of epochs included, with its interval. The rest are medians over
    launches, but for first_call_seconds: the longest, since later launches may find in a cache what
    the first has compiled.
    """
    launches = per_launch(tables)
    found = []
    for values, rows in launches.groupby(CELL, sort=False):
        seconds, low, high = of_times(rows.seconds)
        loading = rows.load_seconds + rows.start_seconds / rows.epoch_steps
        share, least, most = over_launches(loading / rows.seconds)
        others = rows[["epoch_steps", "examples", *PARTS, "cpu_share"]].median()
        found.append(
            {"machine": "+".join(sorted(set(rows.machine))), **dict(zip(CELL, values, strict=True))}
            | {"launches": len(rows), "busy": int(rows.busy.sum())}
            | {"seconds": seconds, "seconds_low": low, "seconds_high": high}
            | {"load_share": share, "load_share_low": least, "load_share_high": most}
            | others.to_dict()
            | {"first_call_seconds": rows.first_call_seconds.max()}
        )
    return pd.DataFrame(found, columns=COLUMNS).astype({"epoch_steps": "int64"})


def fastest(steps: pd.DataFrame) -> pd.DataFrame:
    """The baseline of a summary's rows: at each batch size, what is fastest without framework."""
    found = steps[steps.implementation == BASELINE].sort_values(["batch_size", "seconds"])
    return found.drop_duplicates("batch_size")


COLUMNS = [
    *("machine", *CELL, "launches", "busy", "seconds", "seconds_low", "seconds_high"),
    *("load_share", "load_share_low", "load_share_high"),
    *("epoch_steps", "examples", *PARTS, "cpu_share", "first_call_seconds"),
]
