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
    variant_statements,
)
from minibatch.summaries.matmul import per_launch
from minibatch.summaries.text import counted

HORIZON = 50  # steps of gradient descent to look ahead
COLUMNS = ["framework", "device", "statement", "loader", "criterion", "verdict", "evidence"]


def summarise(
    tables: dict[str, pd.DataFrame], *, targets: list[dict], resamples: int
) -> pd.DataFrame:
    """One row a statement, framework, device and loader: verdict, criterion, and the numbers."""
    timed = time_statements.statements(tables)
    reached = answer_statements.statements(tables, targets, resamples)
    rows = []
    places = per_launch(tables["matmul"]).groupby(["framework", "device"], sort=False)
    for (framework, device), launches in places:
        found = [
            *product_statements.of_products(launches),
            *timed.get((framework, device), []),
            *reached.get((framework, device), []),
        ]
        rows += [{"framework": framework, "device": device} | row for row in found]
    machine = product_statements.of_memory(per_launch(tables["ceilings"]))
    seeds = [*_descent(tables), *variant_statements.statements(tables)]
    gradient = gradient_statements.statements(tables["gradient_law"])
    anywhere = [*machine, *gradient, *seeds]
    rows += [{"framework": "numpy", "device": "cpu"} | row for row in anywhere]
    if "protocol" in tables:
        rows.append(protocol.statement(tables["protocol"]))
    return pd.DataFrame(rows, columns=COLUMNS)  # also where none has a loader, or there are none


def _descent(tables: dict[str, pd.DataFrame]) -> Iterator[dict]:
    """Whether gradient descent stalls at its learning rate, in closed form and over all seeds."""
    x, y = split(tables["examples"].to_numpy())
    found = tables["finals"][tables["finals"].batch_size == len(y)]
    for (run, rate, epochs), own in found.groupby(["run", "learning_rate", "epochs"], sort=False):
        with np.errstate(over="ignore", invalid="ignore"):
            path = objective.descend(x, y, np.zeros(x.shape[1] + 1), rate, HORIZON)
        losses = np.array([objective.loss(x, y, point) for point in path])
        losses = np.where(np.isnan(losses), np.inf, losses)
        lowest = int(np.argmin(losses[: HORIZON // 2]))
        stalls = losses[lowest:].max() <= 1.01 * losses[lowest]
        limit = objective.stability_limit(x)
        low, high = np.quantile(own.loss, [0.025, 0.975], method="inverted_cdf")
        yield {
            "statement": f"Gradient descent at learning rate {rate:g} stalls after a few steps.",
            "criterion": f"its loss stays within 1 % of its lowest for {HORIZON} steps",
            "verdict": "holds" if stalls else "does not hold",
            "evidence": (
                f"{rate:g} is {'above' if rate > limit else 'below'} the stability limit "
                f"2/λmax = {limit:.4f}; in closed form from θ = 0 the loss is "
                f"{losses[lowest]:.5f} at step {lowest}, {losses[10]:.5f} at 10 and "
                f"{losses[HORIZON]:.4g} at {HORIZON}; after the {counted(epochs, 'step')} of {run} "
                f"it is {low:.4f} to {high:.4f} for 95 % of {len(own):,} seeds"
            ),
        }
