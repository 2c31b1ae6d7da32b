"""Seconds per step against batch size, by the number of ranks that share it."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.summaries.parallel import break_even, speedup
from minibatch.summaries.verdict import shown

ROOM = 2  # of the greatest speed-up, for its interval


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """A row of panels a device: time per step and speed-up, one curve a number of ranks.

    Means over launches with their 95 % intervals.
    """
    rows = tables["parallel"]
    devices = list(rows.device.unique())
    made, panels = style.figure(
        _message(rows), len(devices), 2, size=(8, 0.9 + 3.1 * len(devices)), sharex=True
    )
    names = {count: index for index, count in enumerate(sorted(rows.ranks.unique()))}
    for axes in panels.flat:  # before a line stands at the only size there is, which has no width
        label = "batch size, over all ranks" if axes in panels[-1] else ""
        style.size_axis(axes, rows.batch_size, label)
    for (times, speedups), device in zip(panels, devices, strict=True):
        own = rows[rows.device == device]
        top = min(1.1 * own.speedup_high.max(), ROOM * own.speedup.max())
        for count, index in names.items():
            curve, look = own[own.ranks == count], style.line(index) | {"label": _ranks(count)}
            values = style.interval(curve, "seconds", 1e3)
            style.ranges(times, curve.batch_size, values, **look)
            style.ranges(speedups, curve.batch_size, _cut(curve, top), **look)
        for row in break_even(own).itertuples():
            colour = style.line(names[row.ranks])["color"]
            for axes in (times, speedups):
                axes.axvline(row.batch_size, color=colour, linewidth=1, linestyle=(0, (1, 2)))
            _say(speedups, row, colour, 11 * names[row.ranks] - 8, own.batch_size)
        suffix = f", {device}" if len(devices) > 1 else ""
        times.set(yscale="log", title=f"milliseconds per step{suffix}")
        speedups.set(title=f"times as fast as one rank{suffix}", ylim=(0, top))
    style.legend(made, columns=6)
    return made


def _cut(curve: pd.DataFrame, top: float) -> list[pd.Series]:
    """Speed-ups with intervals, which go out of the panel where a few launches tell little."""
    return [values.clip(upper=2 * top) for values in style.interval(curve, "speedup")]


def _say(axes: Axes, row, colour: str, below: float, sizes: pd.Series) -> None:
    """Name the batch size from which on so many ranks pay, beside its line where there is room."""
    left = row.batch_size**2 > sizes.min() * sizes.max()  # in the right half of a log axis
    axes.annotate(
        f"{_ranks(row.ranks)} from {row.batch_size:,} on",
        (row.batch_size, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-3 if left else 3, -below),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        color=colour,
        fontsize=8,
    )


def _ranks(count: int) -> str:
    return "1 rank" if count == 1 else f"{count} ranks"


def _message(rows: pd.DataFrame) -> str:
    """From which batch size on the fewest further ranks pay, on each device."""
    several = rows.device.nunique() > 1
    found = [
        (f"on {device}: " if several else "") + _verdict(own)
        for device, own in rows.groupby("device", sort=False)
    ]
    said = "; ".join(found)
    return said[0].upper() + said[1:]


def _verdict(rows: pd.DataFrame) -> str:
    """Up to where they are slower on a device, and from where on faster, as far as is decided."""
    more = rows[rows.ranks > 1]
    if more.empty:
        return "one rank alone was measured"
    fewest = more[more.ranks == more.ranks.min()]
    who, pays, slows = (
        ("a second rank", "pays", "does not pay")
        if more.ranks.min() == 2
        else (f"{more.ranks.min()} ranks", "pay", "do not pay")
    )
    largest = fewest.iloc[-1]
    slower = fewest[fewest.pay == "no"].batch_size.tolist()
    faster = break_even(fewest).batch_size.tolist()
    said = [f"{who} {slows} up to batch size {size:,}" for size in slower[-1:]]
    if faster:
        said.append(f"{'' if said else f'{who} '}{pays} from batch size {faster[0]:,} on")
    elif largest.pay == "undecided" and largest.speedup_high <= 1:
        said.append(f"{'' if said else f'{who} '}{slows} at batch size {largest.batch_size:,}")
    elif largest.pay == "undecided":
        what = "it" if said else f"whether {who} {pays}"
        said.append(f"{what} is undecided up to batch size {largest.batch_size:,}")
    named = faster[:1] in ([], [largest.batch_size])
    where = "there" if named else f"at {largest.batch_size:,}"
    return f"{' and '.join(said)}: {shown(speedup(largest))} as fast {where}"
