"""What the exercises change in the chapter's runs: results/data/examples.parquet → …/variants…."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numba
import numpy as np
import pandas as pd

from minibatch import command
from minibatch.sgd import cases, curves, sweep
from minibatch.sgd.cases import Case
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.tables import parquet, provenance

COLUMNS = {"run": "string", "epochs": "int64", **curves.COLUMNS}
LONGEST = 10  # epochs of every run, as many as the chapter's longest has: what is left shows then
VARIANTS = {
    "plain": {},
    "tenth": {"schedule": "tenth"},
    "inverse": {"schedule": "inverse"},
    "replacement": {"sampling": "replacement"},
    "twice": {"copies": 2},
}


def variants(x: np.ndarray, y: np.ndarray, runs: list[dict], seeds: int) -> Iterator[pd.DataFrame]:
    """The table in parts: of each run as it is, and with each change, by step.

    A batch of all examples is one of all of them where each stands there twice, too.
    """
    moments, start = Moments(x, y), cases.initial_moments(x.shape[1] + 1)
    for run in runs:
        plain = Case.of_epochs(
            run["batch_size"], run["learning_rate"], max(LONGEST, run["epochs"]), len(y)
        )
        chosen = {name: replace(plain, **change) for name, change in VARIANTS.items()}
        if plain.batch_size == len(y):
            chosen["twice"] = replace(chosen["twice"], batch_size=2 * len(y))
        for (name, case), losses in zip(
            chosen.items(), sweep.run(x, y, [*chosen.values()], seeds), strict=True
        ):
            expected = np.nan
            if name == "replacement":
                about = case.batch_size, case.learning_rates, case.points(len(y))
                expected = moments.losses(*start, *about).ravel()
            part = curves.describe(case, name, moments.floor + losses, len(y))
            yield part.assign(run=run["run"], epochs=run["epochs"], expected_loss=expected)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Run all seeds of each run and variant, and summarise their losses."""
    [path] = inputs
    x, y = split(parquet.read(path, parameters["inputs"][str(path)]).to_numpy())
    parts = [*variants(x, y, parameters["runs"], parameters["seeds"])]
    table = pd.concat(parts) if parts else pd.DataFrame(columns=[*COLUMNS])
    about = provenance.collect(frameworks=[f"numba {numba.__version__}"])
    parquet.write(table, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
