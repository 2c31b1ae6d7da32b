"""GFLOP/s by size and by block width."""

import pandas as pd
from matplotlib.figure import Figure

from minibatch.figures import style
from minibatch.sgd.strategies import STRATEGIES
from minibatch.summaries.text import digits

ENOUGH = 0.8  # of the rate of the full product


def draw(tables: dict[str, pd.DataFrame]) -> Figure:
    """Left: every strategy over n. Right: the block width at one n, beside the full product.

    All in float32; the full product in further precisions, too.
    """
    rows = tables["matmul"][tables["matmul"].strategy.isin([*STRATEGIES])]
    further = rows[(rows.precision != "float32") & (rows.strategy == "full")]
    rows = rows[rows.precision == "float32"]
    widths = rows[rows.strategy == "block"].groupby("n").filter(lambda group: len(group) > 1)
    made, [[left, right]] = style.figure(_message(rows, widths), 1, 2, size=(8, 4.2), sharey=True)

    compared = _common_width(rows)
    shown = pd.concat([rows[rows.block.isin([0, compared])], further]).sort_values(
        "n", kind="stable"
    )
    groups = shown.groupby(["strategy", "precision"], sort=False)
    for index, ((strategy, precision), curve) in enumerate(groups):
        label = f"block of {compared}" if strategy == "block" else strategy
        label += "" if precision == "float32" else f", {precision}"
        left.plot(curve.n, curve.rate, label=label, **style.line(index))
        left.fill_between(
            curve.n, curve.rate_low, curve.rate_high, alpha=0.15, color=style.line(index)["color"]
        )
    left.set(yscale="log", ylabel="GFLOP/s")
    style.size_axis(left, shown.n, "n of the n×n matrices")
    style.legend(made, columns=4)
    left.set_title("mean over launches, its 95 % interval")

    if widths.empty:
        right.set_axis_off()
        return made
    n = widths.n.iloc[0]
    widths = widths.sort_values("block")
    style.ranges(right, widths.block, style.interval(widths, "rate"), **style.line(3))
    for strategy, place in (("full", "full product"), ("column", "one column at a time")):
        rate = rows[(rows.strategy == strategy) & (rows.n == n)].rate
        if not rate.empty:
            right.axhline(rate.iloc[0], color=style.GREY, linestyle="--", linewidth=1)
            right.annotate(
                f"{place}: {digits(rate.iloc[0])}",
                (widths.block.min(), rate.iloc[0]),
                xytext=(0, 4),
                textcoords="offset points",
                color=style.GREY,
            )
    right.set_title(f"block width at n = {n}")
    style.size_axis(right, widths.block, "columns in a block")
    return made


def _common_width(rows: pd.DataFrame) -> int:
    """The block width that was measured at the most sizes; 0 where none was."""
    return max(rows[rows.strategy == "block"].block.mode()[:1], default=0)


def _message(rows: pd.DataFrame, widths: pd.DataFrame) -> str:
    """The least width that is nearly as fast as the full product, by the interval of the ratio."""
    if widths.empty:
        return "GFLOP/s by size"
    n = widths.n.iloc[0]
    if rows[(rows.n == n) & (rows.strategy == "full")].empty:
        return "GFLOP/s by size and block width"
    enough = widths[widths.to_full_high <= 1 / ENOUGH].block
    if not enough.empty:
        return f"Blocks of {enough.min()} columns reach 80 % of the full product at n = {n}"
    if (widths.to_full_low > 1 / ENOUGH).all():
        return f"No block width up to {widths.block.max()} reaches 80 % of the full product"
    return f"Undecided whether a block width reaches 80 % of the full product at n = {n}"
