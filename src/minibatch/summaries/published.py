"""The chapter's published results beside the ones measured here."""

import numpy as np
import pandas as pd

from minibatch.summaries import chapter
from minibatch.summaries.per_seed import plain
from minibatch.summaries.runs import of_problem

COUNTED = 0.03  # GFLOP, for which the chapter takes a product, whatever the true number
ROUNDED = 0.0005  # as far as a published loss, of three decimals, may be from what it was
CENTRAL = 0.025, 0.975  # where 95 % of all seeds are


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a published number: ours with low and high, the ratio, and the verdict.

    Published rates are corrected for the chapter's count of a product's operations; its seconds
    stand as they are. Ours are geometric means over launches with their 95 % intervals, of times of
    runs medians over seeds with the range, and of losses medians over thousands of seeds with where
    95 % of these lie. `percentile_low` and `percentile_high` are the shares of seeds that end below
    a published loss, for all that it may have been before it was rounded, and `inside` whether some
    of that lies among the 95 %. Rows of a framework that was not measured are left out; a number
    that the configuration does not measure again stays, with NaN.
    """
    published = tables["published"]
    counted = published.value * chapter.GFLOP / COUNTED
    published = published.assign(
        value=published.value.where(published.quantity != "gflops", counted)
    )
    rows = []
    for (framework, device), matmul in tables["matmul"].groupby(
        ["framework", "device"], sort=False
    ):
        training = tables["training"].query("framework == @framework and device == @device")
        for row in published[published.framework == framework].to_dict("records"):
            ours = _ours(row, matmul, training, tables["finals"])
            rows.append(row | {"device": device} | ours)
    ours = ["device", "machine", "measured", "low", "high", "percentile_low", "percentile_high"]
    columns = [*published.columns, *ours]  # also of no rows
    result = pd.DataFrame(rows, columns=columns).rename(columns={"value": "published"})
    result["ratio"] = result.measured / result.published.where(result.published > 0)
    between = (result.percentile_high >= CENTRAL[0]) & (result.percentile_low <= CENTRAL[1])
    result["inside"] = between.where((result.quantity == "loss") & result.measured.notna(), None)
    return result.astype({"inside": "boolean"})


def _ours(row: dict, matmul: pd.DataFrame, training: pd.DataFrame, finals: pd.DataFrame) -> dict:
    """What corresponds to a published row, with low and high."""
    if row["quantity"] in ("seconds", "gflops"):
        found = chapter.products(matmul)
        found = found[found.strategy == row["experiment"]]
        column = middle = "seconds" if row["quantity"] == "seconds" else "rate"
    else:
        # The chapter's loader; a grid has other epochs or stands behind the run itself.
        found = training[
            (training.loader == "framework")
            & (training.implementation == row["implementation"])
            & (training.batch_size == row["batch_size"])
            & (training.epochs == row["epochs"])
            & np.isclose(training.learning_rate, row["learning_rate"])
            & plain(training)
        ]
        column = row["quantity"]
        middle = f"{column}_median"
    if found.empty:
        return {"machine": None} | dict.fromkeys(("measured", "low", "high"), np.nan)
    first = found.iloc[0]
    if row["quantity"] == "loss":
        seeds = finals.loss[of_problem(first, finals)]
        return {"machine": first.machine} | _among(row["value"], seeds)
    return {
        "machine": first.machine,
        "measured": first[middle],
        "low": first[f"{column}_low"],
        "high": first[f"{column}_high"],
    }


def _among(published: float, losses: pd.Series) -> dict:
    """Where a published loss lies among those of all seeds."""
    middle, low, high = np.quantile(losses, [0.5, *CENTRAL], method="inverted_cdf")
    return {
        "measured": middle,
        "low": low,
        "high": high,
        "percentile_low": (losses < published - ROUNDED).mean(),
        "percentile_high": (losses <= published + ROUNDED).mean(),
    }
