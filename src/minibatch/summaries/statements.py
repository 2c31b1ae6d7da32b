"""What the chapter states, and whether it holds on this machine: a verdict is computed."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.sgd import objective
from minibatch.sgd.examples import split
from minibatch.summaries import (
    answer_statements,
    gradient_statements,
    product_statements,
    protocol,
    time_statements,
)
from minibatch.summaries.matmul import per_launch
from minibatch.summaries.per_seed import per_seed, plain
from minibatch.summaries.text import counted

HORIZON = 50  # steps of gradient descent to look ahead
COLUMNS = ["framework", "device", "statement", "loader", "criterion", "verdict", "evidence"]


def summarise(
    tables: dict[str, pd.DataFrame], *, targets: list[dict], resamples: int
) -> pd.DataFrame:
    """One row a statement, framework, device and loader: verdict, criterion, and the numbers."""
    timed = time_statements.statements(tables)
    reached = answer_statements.statements(tables, targets, resamples)
    seeds = per_seed(tables["traces"], np.inf)  # the time to a loss is none of their business
    seeds["loss"] = seeds.loss.fillna(np.inf)  # of what diverged
    rows = []
    places = per_launch(tables["matmul"]).groupby(["framework", "device"], sort=False)
    for (framework, device), launches in places:
        trained = seeds.query("framework == @framework and device == @device")
        found = [
            *product_statements.of_products(launches),
            *timed.get((framework, device), []),
            *_descent(tables, trained),
            *reached.get((framework, device), []),
        ]
        rows += [{"framework": framework, "device": device} | row for row in found]
    machine = product_statements.of_memory(per_launch(tables["ceilings"]))
    gradient = gradient_statements.statements(tables["gradient_law"])
    rows += [{"framework": "numpy", "device": "cpu"} | row for row in [*machine, *gradient]]
    if "protocol" in tables:
        rows.append(protocol.statement(tables["protocol"]))
    return pd.DataFrame(rows, columns=COLUMNS)  # also where none has a loader, or there are none


def _descent(tables: dict[str, pd.DataFrame], seeds: pd.DataFrame) -> Iterator[dict]:
    x, y = split(tables["examples"].to_numpy())
    gd = seeds[plain(seeds) & (seeds.run == "gd") & (seeds.objective == "half_mse")]
    gd = gd[gd.batch_size == len(y)]  # a run of another batch size, or of several rates, is no GD
    if gd.learning_rate.nunique() != 1:
        return
    rate = gd.learning_rate.iloc[0]
    with np.errstate(over="ignore", invalid="ignore"):
        path = objective.descend(x, y, np.zeros(x.shape[1] + 1), rate, HORIZON)
    losses = np.array([objective.loss(x, y, point) for point in path])
    losses = np.where(np.isnan(losses), np.inf, losses)
    lowest = int(np.argmin(losses[: HORIZON // 2]))
    stalls = losses[lowest:].max() <= 1.01 * losses[lowest]
    limit = objective.stability_limit(x)
    yield {
        "statement": f"Gradient descent at learning rate {rate:g} stalls after a few steps.",
        "criterion": f"its loss stays within 1 % of its lowest for {HORIZON} steps",
        "verdict": "holds" if stalls else "does not hold",
        "evidence": (
            f"{rate:g} is {'above' if rate > limit else 'below'} the stability limit "
            f"2/λmax = {limit:.4f}; in closed form from θ = 0 the loss is {losses[lowest]:.5f} at "
            f"step {lowest}, {losses[10]:.5f} at 10 and {losses[HORIZON]:.4g} at {HORIZON}; "
            f"measured after {counted(gd.epochs.iloc[0], 'step')}: "
            f"{gd.loss.min():.4f} to {gd.loss.max():.4f}"
        ),
    }
