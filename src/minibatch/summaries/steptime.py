"""What a step costs at each batch size: a row a cell, from the launches that timed it."""

import pandas as pd

from minibatch.summaries.intervals import of_times

SERIES = ["framework", "device", "implementation", "loader"]
CELL = [*SERIES, "batch_size"]


def per_launch(samples: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell and launch: medians over its repeats, of one step.

    Columns: machine, those of CELL, launch, `examples` of a step in the mean (the last one of an
    epoch may be smaller), `seconds`; load_seconds of a batch after the first, and start_seconds,
    what an epoch's first batch takes longer than that, NaN where they cannot be told apart; the CPU
    time over the time, cpu_share; first_call_seconds; whether the machine was busy. Where a repeat
    begins shorter epochs, the start of each counts as in a whole one.
    """
    whole = samples.steps == samples.epochs * samples.epoch_steps
    later = samples.steps - samples.epochs
    load = (samples.load_seconds / later).where(later > 0)
    start = (samples.start_seconds / samples.epochs - load).clip(lower=0)
    amortised = (samples.seconds - samples.epochs * start) / samples.steps
    amortised += start / samples.epoch_steps
    steps = samples.assign(
        examples=samples.examples / samples.steps,
        seconds=(samples.seconds / samples.steps).where(whole, amortised),
        load_seconds=load,
        start_seconds=start,
        cpu_share=samples.cpu_seconds / samples.seconds,
    )
    names = ["examples", "seconds", "load_seconds", "start_seconds", "cpu_share"]
    groups = steps.groupby(["machine", *CELL, "launch"], sort=False)
    medians = groups[[*names, "first_call_seconds"]].median()
    return medians.assign(busy=groups.busy.any()).reset_index()


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each cell: its launches, how many were busy, and what a step costs.

    `seconds` is the geometric mean over launches of each one's median, `seconds_low` and
    `seconds_high` its 95 % interval, with launches as the sample; the rest are medians over
    launches.
    """
    launches = per_launch(tables["samples"])
    found = []
    for values, rows in launches.groupby(CELL, sort=False):
        seconds, low, high = of_times(rows.seconds)
        others = rows[["examples", "load_seconds", "start_seconds", "cpu_share"]].median()
        found.append(
            {"machine": "+".join(sorted(set(rows.machine))), **dict(zip(CELL, values, strict=True))}
            | {"launches": len(rows), "busy": int(rows.busy.sum())}
            | {"seconds": seconds, "seconds_low": low, "seconds_high": high}
            | others.to_dict()
            | {"first_call_seconds": rows.first_call_seconds.median()}
        )
    return pd.DataFrame(found, columns=COLUMNS)


COLUMNS = [
    *("machine", *CELL, "launches", "busy", "seconds", "seconds_low", "seconds_high"),
    *("examples", "load_seconds", "start_seconds", "cpu_share", "first_call_seconds"),
]
