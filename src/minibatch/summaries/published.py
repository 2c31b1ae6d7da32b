"""The chapter's published results beside the ones measured here."""

import numpy as np
import pandas as pd

from minibatch.summaries import chapter
from minibatch.summaries.per_seed import plain


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a published number: ours as median, lowest and highest, the ratio, and the verdict.

    `inside` says for a loss whether the published one lies between the lowest and the highest
    seed. Rows of a framework that was not measured are left out; a number that the configuration
    does not measure again stays, with NaN.
    """
    published = tables["published"]
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
    """Median, lowest and highest of what corresponds to a published row."""
    if row["quantity"] in ("seconds", "gflops"):
        found = chapter.products(matmul)
        found = found[found.strategy == row["experiment"]]
        column = "seconds" if row["quantity"] == "seconds" else "rate"
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
    if found.empty:
        return {"machine": None} | dict.fromkeys(("measured", "low", "high"), np.nan)
    first = found.iloc[0]
    return {
        "machine": first.machine,
        "measured": first[f"{column}_median"],
        "low": first[f"{column}_low"],
        "high": first[f"{column}_high"],
    }
