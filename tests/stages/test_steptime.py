"""The stage of step times: a launch on the real dataset and PyTorch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from builders import verdicts
from minibatch.sgd.pace import COLUMNS, REPEATS, Pace, measure
from minibatch.stages.steptime import cells
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

SOURCE = Path(__file__).parents[2] / "src"
SIZES = [1, 7, 1500]


def test_compiled_epochs_load_by_themselves_whatever_the_loaders(pytorch):
    for loaders in (["framework"], ["framework", "direct"]):
        found = cells(pytorch, "cpu", loaders, SIZES)
        assert {cell.loader for cell in found if cell.implementation == "compiled"} == {"direct"}
        eager = [cell for cell in found if cell.implementation != "compiled"]
        assert len(eager) == 2 * len(loaders) * len(SIZES)
        assert len(set(found)) == len(found)


@pytest.fixture(scope="module")
def launch(pytorch, examples):
    pace = Pace(pytorch, "cpu", *examples, seed=1)
    wanted = cells(pytorch, "cpu", ["framework", "direct"], SIZES)
    wanted = [cell for cell in wanted if cell.implementation != "compiled"]
    return measure(pace, wanted, budget_seconds=0.01, launch=1, threads=1)


def test_a_launch_has_every_cell_as_often(launch):
    groups = launch.groupby(["implementation", "loader", "batch_size"])
    assert len(groups) == 2 * 2 * len(SIZES)
    assert (groups["repeat"].agg(list).map(lambda found: found == [*range(REPEATS)])).all()
    assert (launch.launch == 1).all()


def test_its_numbers_fit_together(launch):
    assert (launch.epoch_steps == -(-1500 // launch.batch_size)).all()
    whole = launch.steps == launch.epochs * launch.epoch_steps
    assert (launch[whole].examples == 1500 * launch[whole].epochs).all()
    assert (launch[~whole].examples == launch[~whole].steps * launch[~whole].batch_size).all()
    assert whole[launch.batch_size == 1500].all()
    phases = ["start_seconds", "load_seconds", "compute_seconds", "update_seconds"]
    np.testing.assert_allclose(launch[phases].sum(axis=1), launch.seconds)
    assert (launch.first_call_seconds > 0).all()


def job(tmp_path, closed=()):
    """The command line of a launch, its parameters, and its output."""
    checked = verdicts(dict.fromkeys(closed, "wrong"), ["products", "scratch", "compiled"])
    gate, examples = tmp_path / "gate.parquet", tmp_path / "examples.parquet"
    asked = {"asked": "this"}
    parquet.write(checked, gate, parameters=asked, provenance={})
    table = pd.DataFrame(np.random.RandomState(0).normal(size=(60, 4)).astype(np.float32))
    parquet.write(table.rename(columns=str), examples, parameters=asked, provenance={})
    parameters = {
        "framework": "pytorch",
        "device": "cpu",
        "threads": 1,
        "loaders": ["direct"],
        "batch_sizes": [1, 7, 60],
        "budget_seconds": 1e-3,
        "launch": 2,
        "inputs": {str(path): digest(asked) for path in (examples, gate)},
    }
    output = tmp_path / "2.parquet"
    command = [sys.executable, "-P", "-m", "minibatch.stages.steptime"]
    command += ["--parameters", json.dumps(parameters), "--inputs", str(examples), str(gate)]
    return [*command, "--output", str(output)], parameters, output


def run(command):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_the_stage_writes_its_launch(tmp_path):
    command, parameters, output = job(tmp_path, closed=["compiled"])
    done = run(command)
    assert done.returncode == 0, done.stderr
    table = parquet.read(output, digest(parameters))
    assert [*table.columns] == [*COLUMNS]
    assert set(table.implementation) == {"scratch", "concise"}  # compiled did not pass
    assert (table.launch == 2).all()
    assert table.attrs["provenance"]["frameworks"]
    assert table.attrs["provenance"]["threads"] == [1]


def test_where_the_gate_is_closed_the_table_is_a_gap(tmp_path):
    command, parameters, output = job(tmp_path, closed=["products", "compiled"])
    assert run(command).returncode == 0
    table = parquet.read(output, digest(parameters))
    assert table.empty
    assert [*table.columns] == [*COLUMNS]
