"""What a data-parallel step takes by ranks and batch size, and where further ranks pay."""

import pandas as pd

from minibatch.summaries.intervals import of_times

CELL = ["device", "ranks", "batch_size"]


def per_launch(samples: pd.DataFrame) -> pd.DataFrame:
    """One row for each cell (CELL) and launch: its median `seconds` of a step, and its `speedup`.

    That is over one rank in the same launch, whose steps were taken in turns with these.
    """
    launches = samples.groupby([*CELL, "launch"]).seconds.median().reset_index()
    alone = launches[launches.ranks == 1].drop(columns="ranks")
    key = ["device", "batch_size", "launch"]
    both = launches.merge(alone, on=key, suffixes=("", "_alone"))
    return both.assign(speedup=both.seconds_alone / both.seconds)


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each device, number of ranks and batch size, in this order.

    The launches, the samples in all of them, and geometric means over launches with 95 % intervals:
    `seconds` of a step, and `speedup` over one rank. By these, do this many ranks `pay`? "yes"
    where they lie above 1 here and at all larger sizes, "no" where they lie at 1 or below here and
    at all smaller ones, else "undecided"; missing for one rank. As each of both is asked from one
    end on, until the first size that says otherwise, all answers together of a number of ranks on a
    device are right with 95 % (tests in a fixed sequence; Maurer, Hothorn, Lehmacher 1995).
    """
    samples = pd.concat(tables.values())
    measured, found = samples.groupby(CELL), []
    for values, own in per_launch(samples).groupby(CELL):
        cell = dict(zip(CELL, values, strict=True))
        raw = measured.get_group(values)
        found.append(
            {"machine": _hosts(raw.machine), **cell, "launches": len(own), "samples": len(raw)}
            | _interval("seconds", of_times(own.seconds))
            | _interval("speedup", of_times(own.speedup))
        )
    rows = pd.DataFrame(found)
    return rows.assign(pay=_pay(rows))


def break_even(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the smallest batch size from which on each number of ranks pays, if it does."""
    return rows[rows.pay == "yes"].groupby(["device", "ranks"], sort=False).head(1)


def speedup(row: pd.Series) -> tuple[float, float, float]:
    """How many times as fast as one rank, and the ends of its interval."""
    return row.speedup, row.speedup_low, row.speedup_high


def _hosts(machines: pd.Series) -> str:
    """The hosts of all ranks in all launches; those of ranks stand with a + between them."""
    return "+".join(sorted({host for machine in set(machines) for host in machine.split("+")}))


def _interval(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _pay(rows: pd.DataFrame) -> pd.Series:
    """Whether ranks pay from each batch size on, or do not up to it."""
    groups = [rows.device, rows.ranks]
    faster = (rows.speedup_low > 1)[::-1].groupby(groups).cummin()
    slower = (rows.speedup_high <= 1).groupby(groups).cummin()
    said = pd.Series("undecided", rows.index).mask(faster, "yes").mask(slower, "no")
    return said.where(rows.ranks > 1)
