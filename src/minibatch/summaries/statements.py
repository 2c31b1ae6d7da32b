"""What the chapter states, and whether it holds on this machine: a verdict is computed."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.sgd import objective
from minibatch.sgd.examples import split
from minibatch.summaries import product_statements
from minibatch.summaries.matmul import per_launch
from minibatch.summaries.per_seed import per_seed, plain
from minibatch.summaries.text import counted

CERTAIN = 0.9  # the share of comparisons that must agree for a verdict
ABOUT = 1.25  # "about as fast": within this factor
SIZES = {"sgd": 1, "minibatch_10": 10, "concise_10": 10, "minibatch_100": 100}  # gd has all
HORIZON = 50  # steps of gradient descent to look ahead
COLUMNS = ["framework", "device", "statement", "loader", "criterion", "verdict", "evidence"]


def summarise(tables: dict[str, pd.DataFrame], target_loss: float) -> pd.DataFrame:
    """One row a statement, framework, device and loader: verdict, criterion, and the numbers."""
    seeds = per_seed(tables["traces"], target_loss)
    seeds["loss"] = seeds.loss.fillna(np.inf)  # of what diverged
    rows = []
    places = per_launch(tables["matmul"]).groupby(["framework", "device"], sort=False)
    for (framework, device), launches in places:
        trained = seeds.query("framework == @framework and device == @device")
        found = [
            *product_statements.of_products(launches),
            *_descent(tables, trained),
            *_training(trained, target_loss, len(tables["examples"])),
        ]
        rows += [{"framework": framework, "device": device} | row for row in found]
    machine = product_statements.of_memory(per_launch(tables["ceilings"]))
    rows += [{"framework": "numpy", "device": "cpu"} | row for row in machine]
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
    per_epoch, to_target = ("seconds", "per epoch"), ("seconds_to_target", f"to a loss of {target}")
    for loader, group in seeds.groupby("loader"):
        runs = _chapters(group, examples)
        for slow, fast, (column, what), text in (
            ("sgd", "gd", per_epoch, "Batch size 1 costs more time per epoch than the full batch."),
            ("gd", "minibatch_100", per_epoch, "Batch size 100 costs less time per epoch than GD."),
            (
                "sgd",
                "minibatch_10",
                to_target,
                "Batch size 10 beats batch size 1 in time to a loss.",
            ),
            ("gd", "minibatch_100", to_target, "Batch size 100 beats GD in time to a loss."),
        ):
            if not {slow, fast} <= runs.keys() or _implementation(runs, slow) != _implementation(
                runs, fast
            ):
                continue
            a, b = runs[fast][column].align(runs[slow][column], join="inner")  # seeds of both
            if np.isfinite([a, b]).any():
                yield {
                    "statement": text,
                    "loader": loader,
                    "criterion": f"less time {what} with {CERTAIN:.0%} of the seeds",
                    "verdict": verdict((a < b).mean()),
                    "evidence": f"{fast} {_milliseconds(a)} {what}, {slow} {_milliseconds(b)}",
                }
        both = [
            _implementation(runs, name) if name in runs else None
            for name in ("minibatch_10", "concise_10")
        ]
        if both == ["scratch", "concise"]:
            yield _concise(runs["minibatch_10"], runs["concise_10"], loader)


def _implementation(runs: dict[str, pd.DataFrame], name: str) -> str:
    return runs[name].implementation.iloc[0]


def _concise(scratch: pd.DataFrame, concise: pd.DataFrame, loader: str) -> dict:
    def inside(one, other):
        return other.loss.min() <= one.loss.median() <= other.loss.max()

    same_loss = inside(scratch, concise) and inside(concise, scratch)
    ratio = concise.seconds.median() / scratch.seconds.median()
    return {
        "statement": "The concise implementation behaves as the one from scratch.",
        "loader": loader,
        "criterion": (
            "the median final loss of each lies in the other's range over seeds, and the medians "
            f"of the time per epoch within a factor of {ABOUT}"
        ),
        "verdict": verdict(float(same_loss and 1 / ABOUT <= ratio <= ABOUT)),
        "evidence": (
            f"final loss {_range(concise.loss)} after "
            f"{counted(concise.epochs.iloc[0], 'epoch')} at learning rate "
            f"{concise.learning_rate.iloc[0]:g} ({concise.objective.iloc[0]}), against "
            f"{_range(scratch.loss)} after {scratch.epochs.iloc[0]} at "
            f"{scratch.learning_rate.iloc[0]:g} ({scratch.objective.iloc[0]}); "
            f"{ratio:.2f} times the time per epoch"
        ),
    }


def _range(values: pd.Series) -> str:
    return f"{values.median():.4f} ({values.min():.4f} to {values.max():.4f})"


def _milliseconds(values: pd.Series) -> str:
    median = values.quantile(0.5, interpolation="lower")
    return f"{1e3 * median:.3g} ms" if np.isfinite(median) else "never"
