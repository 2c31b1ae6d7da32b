"""Losses by batch size and learning rate: results/data/examples.parquet → results/sweep/curves…."""

import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pandas as pd

from minibatch import command
from minibatch.errors import UserError
from minibatch.sgd import cases, sweep
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.tables import parquet, provenance

# Of seeds: one half of them chooses the learning rate, the other says what it takes.
GROUPS = [f"group_{number}" for number in range(40)]
QUANTILES = {"quantile_05": 0.05, "quantile_50": 0.5, "quantile_95": 0.95}
FEWER = 4  # of the seeds with replacement, where the expected loss is known besides

COLUMNS = {
    **{"variant": "string", "batch_size": "int64", "learning_rate": "float64"},
    **{"step": "int64", "examples": "int64", "seeds": "int64"},
    **dict.fromkeys(["mean_loss", "standard_error", "expected_loss"], "float64"),
    **dict.fromkeys([*QUANTILES, *GROUPS], "float32"),
}


def describe(case: cases.Case, variant: str, losses: np.ndarray, examples: int) -> pd.DataFrame:
    """The rows of COLUMNS for the losses of a case, shape (seeds, points, rates).

    A group is of consecutive seeds, and has their mean. Means are infinite from where one of their
    runs has diverged.
    """
    seeds, points, rates = losses.shape
    found = sweep.in_threads(_at_a_point, (losses[:, point] for point in range(points)))
    mean, error, quantiles, groups = (np.concatenate(part) for part in zip(*found, strict=True))
    steps = case.points(examples)
    epochs, rest = np.divmod(steps, case.steps_per_epoch(examples))
    return pd.DataFrame(
        {
            "variant": variant,
            "batch_size": case.batch_size,
            "learning_rate": np.tile(case.learning_rates, points),
            "step": np.repeat(steps, rates),
            "examples": np.repeat(epochs * examples * case.copies + rest * case.batch_size, rates),
            "seeds": seeds,
            "mean_loss": mean,
            "standard_error": error,
            **dict(zip(QUANTILES, quantiles.T, strict=True)),
            **dict(zip(GROUPS, groups.T, strict=True)),
        }
    )


def _at_a_point(losses: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean, standard error, quantiles and means of groups of losses, shape (seeds, rates)."""
    losses = np.ascontiguousarray(losses.T)
    seeds = losses.shape[1]
    groups = losses.reshape(len(losses), len(GROUPS), -1).mean(axis=2, dtype=float)
    with np.errstate(invalid="ignore"):
        error = losses.std(axis=1, ddof=1, dtype=float) / np.sqrt(seeds)
    ranks = [round(share * (seeds - 1)) for share in QUANTILES.values()]
    losses.partition(ranks, axis=1)
    return groups.mean(axis=1), np.nan_to_num(error, nan=np.inf), losses[:, ranks], groups


def curves(x: np.ndarray, y: np.ndarray, parameters: dict) -> Iterator[pd.DataFrame]:
    """The table in parts: for each batch size with permutations, then with replacement."""
    moments = Moments(x, y)
    sizes, rates = parameters["batch_sizes"], parameters["learning_rates"]
    every = cases.planned(moments, sizes, rates, parameters["excess"])
    start = cases.initial_moments(x.shape[1] + 1)
    seeds = {"plain": parameters["seeds"]}
    seeds["replacement"] = _whole(parameters["seeds"] // FEWER)
    for variant, sampling in (("plain", "permutation"), ("replacement", "replacement")):
        chosen = [replace(case, sampling=sampling) for case in every]
        found = sweep.run(x, y, chosen, seeds[variant])
        for case, losses in zip(chosen, found, strict=True):
            part = describe(case, variant, moments.floor + losses, len(y))
            expected = np.nan
            if variant == "replacement":
                part[GROUPS] = np.nan  # which no one chooses a learning rate by
                about = case.batch_size, case.learning_rates, case.points(len(y))
                expected = moments.losses(*start, *about).T.ravel()
            yield part.assign(expected_loss=expected)
            logging.info("%s, batch size %d: %d steps", variant, case.batch_size, case.horizon)


def _whole(seeds: int) -> int:
    """As many seeds in each group."""
    return max(1, seeds // len(GROUPS)) * len(GROUPS)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Run all seeds of all batch sizes and learning rates, and summarise their losses."""
    if numba.config.DISABLE_JIT:
        raise UserError(
            "the sweep: not run, because Numba compiles nothing: see NUMBA_DISABLE_JIT in the "
            "environment, and .numba_config.yaml in this folder"
        )
    [path] = inputs
    examples = parquet.read(path, parameters["inputs"][str(path)]).to_numpy()
    x, y = map(np.ascontiguousarray, split(examples))
    table = pd.concat(curves(x, y, parameters), ignore_index=True)
    about = provenance.collect(frameworks=[f"numba {numba.__version__}"])
    parquet.write(
        table[[*COLUMNS]], output, parameters=parameters, provenance=about, columns=COLUMNS
    )


if __name__ == "__main__":
    sys.exit(command.run(make))
