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
from minibatch.sgd.curves import COLUMNS, GROUPS, describe, whole
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.tables import parquet, provenance

FEWEST = 3  # batch sizes that an answer is from
FLOP = 4  # of an example, for each of its features and the bias, at each learning rate
KEPT_BYTES = 2**29  # of orders, and of the losses of a case, where a table may be large
FEWER = 4  # of the seeds with replacement, where the expected loss is known besides


def curves(x: np.ndarray, y: np.ndarray, parameters: dict) -> Iterator[pd.DataFrame]:
    """The table in parts: for each batch size with permutations, then with replacement."""
    moments = Moments(x, y)
    sizes, rates = parameters["batch_sizes"], parameters["learning_rates"]
    every = cases.planned(moments, sizes, rates, parameters["excess"])
    start = cases.initial_moments(x.shape[1] + 1)
    seeds = {"plain": parameters["seeds"]}
    seeds["replacement"] = whole(parameters["seeds"] // FEWER)
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


def within_budget(x: np.ndarray, y: np.ndarray, parameters: dict) -> Iterator[pd.DataFrame]:
    """The table in parts, without replacement alone, where all of it may take so much arithmetic.

    Goes to shares of the gain, that is of what is between the loss at zero weights and the floor.
    Raises UserError where the budget is enough for too few batch sizes.
    """
    moments = Moments(x, y, exact=False)
    whole = moments.at_zero - moments.floor
    goals = [moments.floor + gain * whole for gain in parameters["gains"]]
    updates = parameters["budget_gflop"] * 1e9 / (FLOP * (x.shape[1] + 1))
    most = cases.Most(updates, parameters["seeds"], len(GROUPS), KEPT_BYTES / 4)
    sizes, rates = parameters["batch_sizes"], parameters["learning_rates"]
    plan = cases.affordable(moments, sizes, rates, goals, most)
    if len(plan) < FEWEST:
        raise UserError(
            f"sweep.budget_gflop: {parameters['budget_gflop']:g} is enough for {len(plan)} batch "
            f"sizes, and {FEWEST} are needed; raise it in config.yaml"
        )
    every, numbers = zip(*plan, strict=True)
    found = sweep.run(x, y, every, numbers, most=KEPT_BYTES)
    for (case, seeds), losses in zip(plan, found, strict=True):
        logging.info("batch size %d: %d steps, %d seeds", case.batch_size, case.horizon, seeds)
        part = describe(case, "plain", moments.floor + losses, len(y))
        yield part.assign(expected_loss=np.nan)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Run all seeds of all batch sizes and learning rates, and summarise their losses."""
    [path] = inputs
    x, y = split(parquet.read(path, parameters["inputs"][str(path)]).to_numpy())
    parts = within_budget if "budget_gflop" in parameters else curves
    table = pd.concat(parts(x, y, parameters), ignore_index=True)
    about = provenance.collect(frameworks=[f"numba {numba.__version__}"])
    parquet.write(table, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
