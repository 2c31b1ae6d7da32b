"""The chapter's published results beside the ones measured here."""

import numpy as np
import pandas as pd

from minibatch.summaries import chapter
from minibatch.summaries.per_seed import plain

COUNTED = 0.03  # GFLOP, for which the chapter takes a product, whatever the true number


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a published number: ours with low and high, the ratio, and the verdict.

    Published rates are corrected for the chapter's count of a product's operations; its seconds
    stand as they are. Ours are geometric means over launches with their 95 % intervals, and of runs
    medians over seeds with the range. `inside` says for a loss whether the published one lies
    between the lowest and the highest seed. Rows of a framework that was not measured are left out;
    a number that the configuration does not measure again stays, with NaN.
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
            ours = _ours(row, matmul, training)
            rows.append(row | {"device": device} | ours)
    ours = ["device", "machine", "measured", "low", "high"]
    columns = [*published.columns, *ours]  # also of no rows
    result = pd.DataFrame(rows, columns=columns).rename(columns={"value": "published"})
    result["ratio"] = result.measured / result.published.where(result.published > 0)
    between = (result.low <= result.published) & (result.published <= result.high)
    result["inside"] = between.where((result.quantity == "loss") & result.measured.notna(), None)
    return result.astype({"inside": "boolean"})


def _ours(row: dict, matmul: pd.DataFrame, training: pd.DataFrame) -> dict:
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
    return {
        "machine": first.machine,
        "measured": first[middle],
        "low": first[f"{column}_low"],
        "high": first[f"{column}_high"],
    }
