from pathlib import Path

import pandas as pd
import pytest

import builders
from minibatch.errors import UserError
from minibatch.stages import summary, train
from minibatch.tables import parquet

TRACE = {
    **{"machine": "node", "framework": "jax", "device": "cpu", "run": "gd"},
    "implementation": "scratch",
    **{"objective": "half_mse", "loader": "direct", "batch_size": 1500, "learning_rate": 1.0},
    **{"epochs": 1, "schedule": "constant", "sampling": "permutation", "copies": 1, "seed": 0},
    **{"step": [0, 1], "epoch": [0.0, 1.0], "seconds": [0.0, 0.5], "loss": [0.5, 0.2]},
    **dict.fromkeys(("load_seconds", "compute_seconds", "update_seconds"), 0.0),
}


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def full():
    path = Path("results/train/jax/cpu/gd.parquet")
    about = {"machines": ["here"], "frameworks": ["jax 1"], "threads": [1]}
    parquet.write(pd.DataFrame(TRACE), path, parameters={}, provenance=about)
    return path


@pytest.fixture
def gaps():
    paths = [Path(f"results/train/mxnet/cpu/{run}.parquet") for run in ("gd", "sgd")]
    for path in paths:
        parquet.write_gap(path, train.COLUMNS, parameters={})
    return paths


def make(table, paths, **options):
    output = Path(f"results/summary/{table}.parquet")
    summary.make({"options": options, "inputs": {}}, paths, output)
    return parquet.read(output)


def test_what_was_not_measured_is_not_in_the_summary_of_what_was(full, gaps):
    [row] = make("training", [gaps[0], full, gaps[1]], target_loss=0.25).itertuples()
    assert (row.framework, row.loss_median, row.seconds_to_target_median) == ("jax", 0.2, 0.5)


def test_a_summary_knows_the_machines_of_its_tables(full, gaps):
    about = make("training", [full, *gaps], target_loss=0.25).attrs["provenance"]
    assert (about["machines"], about["frameworks"], about["threads"]) == (["here"], ["jax 1"], [1])


@pytest.mark.parametrize("table", ["training", "agreement", "statements"])
def test_where_nothing_was_measured_the_problem_is_one_line(gaps, table):
    with pytest.raises(UserError) as caught:
        make(table, gaps)
    assert str(caught.value) == (
        "nothing was measured: no framework passed its checks; see results/logs"
    )
    assert not Path("results/summary").exists()


def test_the_published_results_come_from_a_csv_file(full):
    text = "framework,implementation,experiment,quantity,value\njax,,column,gflops,2.0\n"
    published = Path("workflow/published.csv")
    published.parent.mkdir()
    published.write_text(text)
    rates = {"framework": "jax", "device": "cpu", "strategy": "column", "n": 256, "block": 0}
    rates |= {"machine": "node", "precision": "float32"}
    rates |= dict.fromkeys(("rate", "rate_low", "rate_high"), 4.0)
    matmul = Path("results/summary/matmul.parquet")
    about = {"machines": ["here"], "frameworks": [], "threads": [1]}
    parquet.write(pd.DataFrame([rates]), matmul, parameters={}, provenance=about)
    make("training", [full], target_loss=0.25)
    finals = Path("results/sweep/finals.parquet")
    parquet.write(builders.finals([], {}), finals, parameters={}, provenance=about)
    steps = Path("results/steptime/jax/cpu.parquet")
    samples = builders.samples({("jax", "scratch", "framework", 1): [1.0, 2.0]})
    parquet.write(samples, steps, parameters={}, provenance=about)
    read = [published, finals, steps, matmul, Path("results/summary/training.parquet")]
    [row] = make("published", read)[["published", "measured", "ratio"]].to_numpy()
    counted = 2 * 0.033554432 / 0.03  # the chapter's GFLOP
    assert row.tolist() == pytest.approx([counted, 4, 4 / counted])
