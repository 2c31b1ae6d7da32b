"""The chapter's published results beside the ones measured here."""

import numpy as np
import pandas as pd

from minibatch.summaries import chapter
from minibatch.summaries.intervals import of_times
from minibatch.summaries.per_seed import plain
from minibatch.summaries.runs import of_problem
from minibatch.summaries.steptime import per_launch

COUNTED = 0.03  # GFLOP, for which the chapter takes a product, whatever the true number
ROUNDED = 0.0005  # as far as a published number, of three decimals, may be from what it was
CENTRAL = 0.025, 0.975  # where 95 % of all seeds are
LOADER = "framework"  # the chapter's
EPOCH = "seconds_per_epoch"


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a published number: ours with low and high, the ratio, and the verdict.

    Published rates are corrected for the chapter's count of a product's operations; its seconds
    stand as they are. Ours are geometric means over launches with their 95 % intervals, where an
    epoch is its steps back to back, and of losses medians over thousands of seeds with where 95 %
    of these lie. `ratio_low` and `ratio_high` are the interval of the ratio of an epoch's times,
    which holds with 95 % for all of them together. `percentile_low` and `percentile_high` are the
    shares of seeds that end below a published loss, and `inside` whether some of that lies among
    the 95 %. Both allow for all that the published number may have been before it was rounded. Rows
    of a framework that was not measured are left out; a number that the configuration does not
    measure again stays, with NaN.
    """
    published = tables["published"]
    counted = published.value * chapter.GFLOP / COUNTED
    published = published.assign(
        value=published.value.where(published.quantity != "gflops", counted)
    )
    places = tables["matmul"][["framework", "device"]].drop_duplicates()
    wanted = places.merge(published, on="framework")[[*published.columns, "device"]]
    epochs, steps = (wanted.quantity == EPOCH).sum(), per_launch(tables)
    rows = []
    for row in wanted.to_dict("records"):
        if row["quantity"] == "loss":
            ours = _loss(row, _of(tables["training"], row), tables["finals"])
        elif row["quantity"] == EPOCH:
            ours = _epoch(row, _of(steps, row), epochs)
        else:
            ours = _product(row, _of(tables["matmul"], row))
        rows.append(row | ours)
    columns = [*wanted.columns, *OURS]  # also of no rows
    result = pd.DataFrame(rows, columns=columns).rename(columns={"value": "published"})
    result["ratio"] = result.measured / result.published.where(result.published > 0)
    between = (result.percentile_high >= CENTRAL[0]) & (result.percentile_low <= CENTRAL[1])
    result["inside"] = between.where((result.quantity == "loss") & result.measured.notna(), None)
    return result.astype({"inside": "boolean"})


def _of(table: pd.DataFrame, row: dict) -> pd.DataFrame:
    """The rows of a table that are of a row's framework on its device."""
    return table[(table.framework == row["framework"]) & (table.device == row["device"])]


def _product(row: dict, matmul: pd.DataFrame) -> dict:
    """Our seconds or rate of a product, with their interval; nothing where it was not timed."""
    found = chapter.products(matmul)
    found = found[found.strategy == row["experiment"]]
    if found.empty:
        return {}
    first, column = found.iloc[0], "seconds" if row["quantity"] == "seconds" else "rate"
    ends = {end: first[f"{column}_{end}"] for end in ("low", "high")}
    return {"machine": first.machine, "measured": first[column]} | ends


def _epoch(row: dict, steps: pd.DataFrame, among: int) -> dict:
    """Our seconds of an epoch, with their interval, and that of the ratio, one of `among`.

    Nothing where such steps were not timed, or an epoch is not of the chapter's examples.
    """
    size = row["batch_size"]
    found = steps[
        (steps.loader == LOADER)
        & (steps.implementation == row["implementation"])
        & (steps.batch_size == size)
        & (steps.epoch_steps == np.ceil(chapter.EXAMPLES / size))
    ]
    if found.empty:
        return {}
    seconds, published = found.seconds * found.epoch_steps, row["value"]
    _, least, most = of_times(seconds, among)
    measured, low, high = of_times(seconds)
    return {
        "machine": "+".join(sorted(set(found.machine))),
        **{"measured": measured, "low": low, "high": high},
        **{"ratio_low": least / (published + ROUNDED), "ratio_high": most / (published - ROUNDED)},
    }


def _loss(row: dict, training: pd.DataFrame, finals: pd.DataFrame) -> dict:
    """Our losses of a run, and where the published one lies among them; nothing of no such run."""
    # A grid has other epochs or stands behind the run itself.
    found = training[
        (training.loader == LOADER)
        & (training.implementation == row["implementation"])
        & (training.batch_size == row["batch_size"])
        & (training.epochs == row["epochs"])
        & np.isclose(training.learning_rate, row["learning_rate"])
        & plain(training)
    ]
    if found.empty:
        return {}
    first = found.iloc[0]
    return {"machine": first.machine} | _among(row["value"], finals.loss[of_problem(first, finals)])


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


OURS = [
    *("machine", "measured", "low", "high"),
    *("percentile_low", "percentile_high", "ratio_low", "ratio_high"),
]
