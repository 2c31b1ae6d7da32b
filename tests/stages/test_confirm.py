"""The stage of real runs: a launch with PyTorch, as a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders import verdicts
from minibatch.sgd.real import COLUMNS
from minibatch.stages.confirm import planned
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

SOURCE = Path(__file__).parents[2] / "src"
PREDICTED = pd.DataFrame(
    [
        ("scratch", "framework", 7, 0.05, 11, 0.5),
        ("concise", "direct", 60, 0.3, 3, 1e-3),
        ("compiled", "direct", 10, 0.05, 8, 1e-3),
    ],
    columns=["implementation", "loader", "batch_size", "learning_rate", "steps", "seconds"],
)


@pytest.mark.parametrize(("budget", "expected"), [(9, [5, 5, 5]), (1, [2, 5, 5]), (0.1, [1, 5, 5])])
def test_what_takes_long_has_fewer_seeds_and_one_at_least(budget, expected):
    plan = planned(PREDICTED, first_seed=40, seeds=5, budget_seconds=budget)
    assert [one.seeds for one in plan] == expected
    assert [one.turns for one in plan] == [1, 2, 2]
    assert {one.run.seed for one in plan} == {40}


def job(tmp_path, closed=(), predicted=PREDICTED):
    """The command line of a launch, its parameters, and its output."""
    checked = verdicts(dict.fromkeys(closed, "wrong"), ["products", "scratch", "compiled"])
    table = pd.DataFrame(np.random.RandomState(0).normal(size=(60, 4)).astype(np.float32))
    written = {"examples": table.rename(columns=str), "predicted": predicted, "gate": checked}
    paths = [tmp_path / f"{name}.parquet" for name in written]
    for path, frame in zip(paths, written.values(), strict=True):
        parquet.write(frame, path, parameters={"asked": "this"}, provenance={})
    parameters = {"framework": "pytorch", "device": "cpu", "threads": 1, "launch": 2}
    parameters |= {"seeds": 2, "budget_seconds": 9.0, "beyond": 40}
    parameters["inputs"] = {str(path): digest({"asked": "this"}) for path in paths}
    output = tmp_path / "2.parquet"
    command = [sys.executable, "-P", "-m", "minibatch.stages.confirm"]
    command += ["--parameters", json.dumps(parameters), "--inputs", *map(str, paths)]
    return [*command, "--output", str(output)], parameters, output


def run(command):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_stage_writes_its_launch_with_seeds_that_the_sweep_did_not_use(tmp_path):
    command, parameters, output = job(tmp_path, closed=["compiled"])
    done = run(command)
    assert done.returncode == 0, done.stderr
    table = parquet.read(output, digest(parameters))
    assert [*table.columns] == [*COLUMNS]
    assert set(table.implementation) == {"scratch", "concise"}  # compiled did not pass
    assert set(table.seed) == {42, 43}
    assert table.groupby("implementation").steps.first().to_dict() == {"scratch": 11, "concise": 3}
    ends = table[table.implementation == "concise"].groupby("seed").loss
    assert (ends.max() == ends.min()).all()  # of both turns
    assert ends.first().nunique() == 2


@pytest.mark.parametrize(("closed", "rows"), [(["products", "compiled"], 3), ([], 0)])
def test_where_nothing_can_be_made_the_table_is_a_gap(tmp_path, closed, rows):
    command, parameters, output = job(tmp_path, closed, PREDICTED[:rows])
    done = run(command)
    assert done.returncode == 0, done.stderr
    table = parquet.read(output, digest(parameters))
    assert table.empty
    assert [*table.columns] == [*COLUMNS]
