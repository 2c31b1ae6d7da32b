"""The stage that times the chapter's runs by its own clock: a launch on surrogate examples."""

import gc
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from minibatch.sgd.protocols import BOOK, PROTOCOLS, Run
from minibatch.stages import protocol as stage
from minibatch.stages.protocol import COLUMNS, measure
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

SOURCE = Path(__file__).parents[2] / "src"
RUNS = [Run(1500, 2, 1.0), Run(100, 1, 0.4)]
CELL = ["batch_size", "collector", "drawing", "loader"]


def test_a_launch_has_every_case_once_and_the_books_as_often_as_asked(examples, monkeypatch):
    timed = []
    time = stage.Chapter.time
    monkeypatch.setattr(
        stage.Chapter, "time", lambda self, *case: timed.append(case) or time(self, *case)
    )
    table = measure(*examples, RUNS, repeats=2, launch=3)
    cases = {(run.batch_size, *way): 2 if way == BOOK else 1 for run in RUNS for way in PROTOCOLS}
    assert table.groupby(CELL).size().to_dict() == cases
    assert set(table[table.collector == "on"].groupby(CELL)["repeat"].agg(tuple)) == {(0, 1)}
    assert (table.launch == 3).all()
    assert (table.objects > 10_000).all()
    assert (table.seconds > 0).all()
    assert table[table.collector == "off"].full_collections.eq(0).all()
    warm, rest = timed[:4], timed[4:]  # both loaders, so that no run is a process's first
    assert {way.loader for _, way in warm} == {"framework", "direct"}
    assert all(way.drawing == "none" for _, way in warm)
    assert len(rest) == len(table)


def test_two_launches_have_other_orders_of_cases(examples, monkeypatch):
    said = {"seconds": 1.0, "cpu_seconds": 1.0, "full_collections": 0, "points": 1}
    helper = type("Helper", (), {"time": staticmethod(lambda *_: said)})
    monkeypatch.setattr(stage, "Chapter", lambda *_, **__: helper)
    tables = [measure(*examples, RUNS, repeats=1, launch=launch) for launch in (1, 2)]
    assert not tables[0][CELL].equals(tables[1][CELL])


STATE = """
import gc, sys
from minibatch.stages import protocol

def measure(*arguments, **named):
    print("state", gc.isenabled(), gc.get_freeze_count(), gc.get_threshold())
    print("imported", *sorted(sys.modules))
    sys.exit()

protocol.measure = measure
sys.exit(protocol.command.run(protocol.make))
"""


@pytest.fixture
def job(tmp_path):
    """The arguments of a launch, its parameters, and its output."""
    examples = tmp_path / "examples.parquet"
    table = pd.DataFrame(np.random.RandomState(0).normal(size=(200, 4)).astype(np.float32))
    parquet.write(table.rename(columns=str), examples, parameters={"asked": "this"}, provenance={})
    runs = [Run(200, 3, 0.5), Run(100, 2, 0.4)]
    parameters = {
        "runs": [run._asdict() for run in runs],
        "repeats": 1,
        "threads": 1,
        "launch": 2,
        "inputs": {str(examples): digest({"asked": "this"})},
    }
    output = tmp_path / "2.parquet"
    arguments = ["--parameters", json.dumps(parameters), "--inputs", str(examples)]
    return [*arguments, "--output", str(output)], parameters, output


def call(*command, **variables):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)} | variables
    done = subprocess.run(
        [sys.executable, "-P", *command],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_collector_is_as_python_has_it_in_a_process_with_the_chapters_imports(job):
    state, imported = call("-c", STATE, *job[0]).splitlines()
    assert state == f"state True 0 {gc.get_threshold()}"
    there = {
        "torch",
        "numpy",
        "pandas",
        "PIL.Image",
        "requests",
        "scipy.spatial",
        "matplotlib.pyplot",
    }
    assert there <= set(imported.split())


def test_the_stage_writes_its_launch_whatever_backend_a_notebook_has_set(job):
    arguments, parameters, output = job
    call("-m", "minibatch.stages.protocol", *arguments, MPLBACKEND="module://matplotlib_inline.x")
    table = parquet.read(output, digest(parameters))
    assert [*table.columns] == [*COLUMNS]
    assert len(table) == 2 * len(PROTOCOLS)
    assert (table.launch == 2).all()
    assert table.attrs["provenance"]["threads"] == [1]
    assert table.attrs["provenance"]["frameworks"][0].startswith("torch ")
