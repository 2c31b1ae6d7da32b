from pathlib import Path

import pandas as pd
import pytest

from minibatch.errors import UserError
from minibatch.tables import load, parquet
from minibatch.tables.canonical import digest


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def written(path, machine="here", **columns):
    """The path of a table; without columns it is a gap."""
    path = Path("results") / path
    if columns:
        about = {"machines": [machine], "frameworks": [f"on {machine}"], "threads": [1]}
        frame = pd.DataFrame(columns)
        parquet.write(frame, path, parameters={"path": str(path)}, provenance=about)
    else:
        parquet.write_gap(path, {"framework": "string"}, parameters={"path": str(path)})
    return path


def test_tables_are_known_by_what_they_hold_and_those_of_a_stage_are_stacked():
    paths = [
        written("data/examples.parquet", x=[1.0]),
        written("steptime/baseline/cpu.parquet", seconds=[2.0]),
        written("matmul/jax/cpu.parquet", n=[3]),
        written("matmul/mxnet/cpu.parquet", n=[4]),
        written("train/jax/cpu/gd.parquet", "there", loss=[5.0]),
        written("train/jax/cpu/sgd.parquet", "here", loss=[6.0, 7.0]),
        written("verify/jax/cpu.parquet", passed=[True]),
        written("verify/mxnet/cpu.parquet", passed=[False]),
        written("summary/problem.parquet", floor=[8.0]),
        written("summary/matmul_rates.parquet", rate=[9.0]),
    ]
    read = load.by_name(paths, {})
    assert {name: table.iloc[:, 0].tolist() for name, table in read.items()} == {
        **{"examples": [1], "baseline": [2], "matmul": [3, 4], "traces": [5, 6, 7]},
        **{"verdicts": [True, False], "problem": [8], "matmul_rates": [9]},
    }
    assert read["traces"].index.tolist() == [0, 1, 2]
    assert parquet.origin([read["traces"]])["machines"] == ["here", "there"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_gap_among_full_tables_leaves_them_as_they_are(place):
    paths = [
        written("train/jax/cpu/gd.parquet", loss=[0.5, float("nan")], step=[0, 1], run="gd"),
        written("train/jax/cpu/sgd.parquet", "there", loss=[0.25], step=[0], run="sgd"),
    ]
    paths.insert(place, written("train/mxnet/cpu/gd.parquet"))
    [table] = load.by_name(paths, {}).values()
    expected = {"loss": [0.5, float("nan"), 0.25], "step": [0, 1, 0], "run": ["gd", "gd", "sgd"]}
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected))
    assert parquet.origin([table]) == {
        **{"machines": ["here", "there"], "frameworks": ["on here", "on there"]},
        **{"threads": [1], "gpus": []},
    }


@pytest.mark.parametrize("count", [1, 3])
def test_where_there_are_only_gaps_the_table_is_empty_and_from_no_machine(count):
    paths = [written(f"train/jax/cpu/run_{index}.parquet") for index in range(count)]
    [(name, table)] = load.by_name(paths, {}).items()
    assert name == "traces"
    assert table.empty
    assert parquet.origin([table]) == {
        **{"machines": [], "gpus": [], "frameworks": [], "threads": []}
    }


def test_tables_and_gaps_made_with_other_parameters_are_refused():
    for path in (written("train/a.parquet", loss=[0.5]), written("train/b.parquet")):
        right, wrong = digest({"path": str(path)}), digest({})
        assert load.by_name([path], {str(path): right})
        with pytest.raises(UserError, match=f"^{path}: made with other parameters"):
            load.by_name([path], {str(path): wrong})
