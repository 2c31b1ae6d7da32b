"""What the chapter states, and whether it holds on this machine: a verdict is computed."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.sgd import objective
from minibatch.sgd.examples import split
from minibatch.summaries import product_statements, protocol, time_statements
from minibatch.summaries.matmul import per_launch
from minibatch.summaries.per_seed import per_seed, plain
from minibatch.summaries.text import counted

CERTAIN = 0.9  # the share of comparisons that must agree for a verdict
SIZES = {"sgd": 1, "minibatch_10": 10, "minibatch_100": 100}  # gd has all
HORIZON = 50  # steps of gradient descent to look ahead
COLUMNS = ["framework", "device", "statement", "loader", "criterion", "verdict", "evidence"]


def summarise(tables: dict[str, pd.DataFrame], target_loss: float) -> pd.DataFrame:
    """One row a statement, framework, device and loader: verdict, criterion, and the numbers."""
    timed = time_statements.statements(tables)
    seeds = per_seed(tables["traces"], target_loss)
    seeds["loss"] = seeds.loss.fillna(np.inf)  # of what diverged
    rows = []
    places = per_launch(tables["matmul"]).groupby(["framework", "device"], sort=False)
    for (framework, device), launches in places:
        trained = seeds.query("framework == @framework and device == @device")
        found = [
            *product_statements.of_products(launches),
            *timed.get((framework, device), []),
            *_descent(tables, trained),
            *_training(trained, target_loss, len(tables["examples"])),
        ]
        rows += [{"framework": framework, "device": device} | row for row in found]
    machine = product_statements.of_memory(per_launch(tables["ceilings"]))
    rows += [{"framework": "numpy", "device": "cpu"} | row for row in machine]
    if "protocol" in tables:
        rows.append(protocol.statement(tables["protocol"]))
    return pd.DataFrame(rows, columns=COLUMNS)  # also where none has a loader, or there are none


def verdict(share: float) -> str:
    """The verdict where a statement held in a share of all comparisons."""
    if share >= CERTAIN:
        return "holds"
    return "does not hold" if share <= 1 - CERTAIN else "undecided"


def _chapters(seeds: pd.DataFrame, examples: int) -> dict[str, pd.DataFrame]:
    """The runs that the statements are about, by name, with their seeds as index.

    Without one that has become another: of another batch size, of several learning rates, or no
    plain one.
    """
    found = {}
    for name, run in seeds[plain(seeds)].groupby("run"):
        own = run[run.batch_size == SIZES.get(name, examples)]
        if len(own) and own.learning_rate.nunique() == 1:
            found[name] = own.set_index("seed")
    return found


def _descent(tables: dict[str, pd.DataFrame], seeds: pd.DataFrame) -> Iterator[dict]:
    x, y = split(tables["examples"].to_numpy())
    gd = _chapters(seeds[seeds.objective == "half_mse"], len(y)).get("gd")
    if gd is None:
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
        "verdict": verdict(float(stalls)),
        "evidence": (
            f"{rate:g} is {'above' if rate > limit else 'below'} the stability limit "
            f"2/λmax = {limit:.4f}; in closed form from θ = 0 the loss is {losses[lowest]:.5f} at "
            f"step {lowest}, {losses[10]:.5f} at 10 and {losses[HORIZON]:.4g} at {HORIZON}; "
            f"measured after {counted(gd.epochs.iloc[0], 'step')}: "
            f"{gd.loss.min():.4f} to {gd.loss.max():.4f}"
        ),
    }


def _training(seeds: pd.DataFrame, target: float, examples: int) -> Iterator[dict]:
    for loader, group in seeds.groupby("loader"):
        runs = _chapters(group, examples)
        for slow, fast, text in (
            ("sgd", "minibatch_10", "Batch size 10 beats batch size 1 in time to a loss."),
            ("gd", "minibatch_100", "Batch size 100 beats GD in time to a loss."),
        ):
            if not {slow, fast} <= runs.keys() or _implementation(runs, slow) != _implementation(
                runs, fast
            ):
                continue
            seconds = [runs[name].seconds_to_target for name in (fast, slow)]
            a, b = seconds[0].align(seconds[1], join="inner")  # seeds of both
            if np.isfinite([a, b]).any():
                yield {
                    "statement": text,
                    "loader": loader,
                    "criterion": f"less time to a loss of {target} with {CERTAIN:.0%} of the seeds",
                    "verdict": verdict((a < b).mean()),
                    "evidence": f"{fast} {_milliseconds(a)}, {slow} {_milliseconds(b)}",
                }


def _implementation(runs: dict[str, pd.DataFrame], name: str) -> str:
    return runs[name].implementation.iloc[0]


def _milliseconds(values: pd.Series) -> str:
    median = values.quantile(0.5, interpolation="lower")
    return f"{1e3 * median:.3g} ms" if np.isfinite(median) else "never"
