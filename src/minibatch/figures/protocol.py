"""The chapter's two runs by its own clock, and with ever less beside the steps."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.sgd.protocols import BOOK, WITHOUT, Protocol
from minibatch.summaries.protocol import longer, ratio, timed
from minibatch.summaries.protocol_parts import DIFFERENCE
from minibatch.summaries.text import digits
from minibatch.summaries.verdict import shown, verdict

LABELS = {
    "book": "as in the\nbook",
    "collector": "collector\noff",
    "drawing": "nothing\ndrawn",
    "loader": "direct\nloader",
}
SECONDS = ["seconds", "seconds_low", "seconds_high", "least_seconds", "most_seconds"]


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """One panel a run: milliseconds per epoch as one thing after the other is switched off.

    What each took hangs in a lighter colour over what remains. The last panel has the difference of
    the two runs by its parts.
    """
    rows, parts = tables["protocol"], tables["protocol_parts"]
    sizes = timed(rows, BOOK).batch_size.tolist()
    made, [[*panels, last]] = style.figure(_message(rows), 1, 3, size=(10, 4.4))
    for axes, size in zip(panels, sizes, strict=True):
        own = rows[rows.batch_size == size].set_index([*Protocol._fields])
        steps = own.loc[[BOOK, *WITHOUT.values()]]
        _bars(axes, 1e3 * steps[SECONDS].reset_index(drop=True))
        _publish(axes, 1e3 * steps.published_seconds.iloc[0])
        axes.set_title(f"batch size {size}: ms per epoch")
        axes.set_xticks(range(len(LABELS)), [*LABELS.values()])
        axes.grid(visible=False, axis="x")
    top = 1.1e3 * rows[["seconds_high", "most_seconds"]].to_numpy().max()
    for axes in panels:
        axes.set_ylim(0, top)
    _difference(last, parts[parts.of == DIFFERENCE])
    last.set_title(f"batch size {sizes[0]} less {sizes[1]}: ms per epoch")
    style.legend(made, columns=4)
    return made


def _bars(axes: Axes, steps: pd.DataFrame) -> None:
    """A bar a protocol, in milliseconds, with its interval and the range of single runs."""
    totals, low, high, least, most = (steps[name] for name in SECONDS)
    axes.bar(steps.index, totals, width=0.6, color=style.COLOURS[0])
    less = totals.shift() - totals
    look = {"width": 0.6, "color": style.COLOURS[6], "alpha": 0.5}
    axes.bar(steps.index, less, bottom=totals, label="what was switched off", **look)
    look = {"linestyle": "", "color": style.COLOURS[4], "marker": ""}
    label = "mean over launches, with its 95 % interval"
    style.ranges(axes, steps.index, [totals, low, high], label=label, **look)
    beside = steps.index + 0.2
    axes.vlines(beside, least, most, color=style.GREY, linewidth=3, alpha=0.6, label="single runs")
    for place, total in totals.items():
        top = max(total, high[place], most[place], total + max(less.fillna(0)[place], 0))
        look = {"xytext": (0, 3), "textcoords": "offset points", "ha": "center", "fontsize": 8}
        axes.annotate(digits(total), (place, top), **look)


def _publish(axes: Axes, value: float) -> None:
    """Mark the chapter's number where it has one."""
    if pd.isna(value):
        return
    look = style.line(1) | {"linestyle": "", "markersize": 7, "markerfacecolor": "white"}
    axes.plot([-0.2], [value], label="published, another machine", **look)


def _difference(axes: Axes, parts: pd.DataFrame) -> None:
    """A point a part with its interval, from the whole down."""
    values = style.interval(parts, "seconds", 1e3)
    look = {"linestyle": "", "color": style.COLOURS[4], "marker": "o"}
    style.ranges(axes, range(len(parts)), values, along="x", **look)
    axes.axvline(0, color=style.GREY, linewidth=1)
    axes.set_yticks(range(len(parts)), parts.part)
    axes.invert_yaxis()
    axes.margins(y=0.1)


def _message(rows: pd.DataFrame) -> str:
    """How the two runs compare by the book's protocol, and with all of it switched off."""
    said = []
    for way, where in ((BOOK, "by the book's protocol"), (WITHOUT["loader"], "without all that")):
        small = timed(rows, way).iloc[1]
        undecided = verdict(longer(small), least=0) == "undecided"
        said.append(f"{shown(ratio(small))}{', undecided,' * undecided} {where}")
    what = f"An epoch in full batches over one in batches of {small.batch_size}"
    return f"{what}: {' and '.join(said)}"
