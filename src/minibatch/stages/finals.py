"""How the chapter's runs end, seed by seed: results/data/examples.parquet → …/finals.parquet."""

import sys
from pathlib import Path

import numba
import numpy as np
import pandas as pd

from minibatch import command
from minibatch.sgd import sweep
from minibatch.sgd.cases import Case
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.tables import parquet, provenance

COLUMNS = {
    **{"run": "string", "batch_size": "int64", "learning_rate": "float64", "epochs": "int64"},
    **{"seed": "int64", "loss": "float64"},
}


def finals(x: np.ndarray, y: np.ndarray, runs: list[dict], seeds: int) -> pd.DataFrame:
    """One row for each run and seed: the loss at the end; infinite where the run diverged."""
    floor = Moments(x, y).floor
    cases = [
        Case.of_epochs(run["batch_size"], run["learning_rate"], run["epochs"], len(y))
        for run in runs
    ]
    parts = [
        pd.DataFrame(run | {"seed": np.arange(seeds), "loss": floor + losses[:, -1, 0]})
        for run, losses in zip(runs, sweep.run(x, y, cases, seeds), strict=True)
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=[*COLUMNS])


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Run all seeds of each run to its end."""
    [path] = inputs
    x, y = split(parquet.read(path, parameters["inputs"][str(path)]).to_numpy())
    table = finals(x, y, parameters["runs"], parameters["seeds"])
    about = provenance.collect(frameworks=[f"numba {numba.__version__}"])
    parquet.write(table, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
