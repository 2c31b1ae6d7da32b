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
from minibatch.sgd import cases, sweep
from minibatch.sgd.curves import COLUMNS, GROUPS, describe, whole
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.tables import parquet, provenance

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


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Run all seeds of all batch sizes and learning rates, and summarise their losses."""
    [path] = inputs
    x, y = split(parquet.read(path, parameters["inputs"][str(path)]).to_numpy())
    table = pd.concat(curves(x, y, parameters), ignore_index=True)
    about = provenance.collect(frameworks=[f"numba {numba.__version__}"])
    parquet.write(table, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
