"""The ends of runs, seed by seed, and runs with what the exercises change, against the engine's."""

import numpy as np
import pandas as pd
import pytest
from test_sweep_stage import problem

from minibatch.sgd import objective, sampling, schedules
from minibatch.sgd.curves import GROUPS
from minibatch.sgd.examples import split
from minibatch.stages import finals, variants
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

RUNS = [
    {"run": "all", "batch_size": 60, "learning_rate": 0.5, "epochs": 3},
    {"run": "some", "batch_size": 7, "learning_rate": 0.1, "epochs": 2},
    {"run": "one", "batch_size": 1, "learning_rate": 0.02, "epochs": 11},
]
SEEDS = 40


def job(folder, stage, runs=RUNS):
    """Run a stage on 60 examples: its table."""
    path, output = folder / "examples.parquet", folder / "table.parquet"
    parquet.write(problem(), path, parameters={"rows": 60}, provenance={})
    parameters = {"runs": runs, "seeds": SEEDS, "inputs": {str(path): digest({"rows": 60})}}
    stage.make(parameters, [path], output)
    return parquet.read(output, digest(parameters))


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    return job(tmp_path_factory.mktemp("finals"), finals)


@pytest.fixture(scope="module")
def varied(tmp_path_factory):
    return job(tmp_path_factory.mktemp("variants"), variants)


def loss(run, seed, epochs, method="permutation", schedule="constant", copies=1):
    """The loss of a run after some epochs, step by step in float64."""
    x, y = split(problem().to_numpy())
    parameters = np.float64(sampling.initial_parameters(seed, 2))
    size = run["batch_size"]
    for epoch in range(epochs):
        order = sampling.batch_order(60, seed, epoch, method, copies)
        rate = run["learning_rate"] * schedules.factor(schedule, epoch)
        for begin in range(0, len(order), size):
            batch = order[begin : begin + size]
            parameters -= rate * objective.gradient(x[batch], y[batch], parameters)
    return objective.loss(x, y, parameters)


def test_a_row_a_run_and_seed_with_the_loss_at_the_runs_own_end(ends):
    assert [*ends] == [*finals.COLUMNS]
    for run in RUNS:
        rows = ends[ends.run == run["run"]]
        assert rows.seed.tolist() == [*range(SEEDS)]
        assert (rows[[*run]] == pd.Series(run)).all(axis=None)
        for seed in (0, 1, 39):
            assert rows.loss.iloc[seed] == pytest.approx(loss(run, seed, run["epochs"]), rel=1e-5)


CHANGES = {
    "plain": {},
    "tenth": {"schedule": "tenth"},
    "inverse": {"schedule": "inverse"},
    "replacement": {"method": "replacement"},
}


@pytest.mark.parametrize("variant", CHANGES)
@pytest.mark.parametrize("run", RUNS, ids=lambda run: run["run"])
def test_a_group_is_the_mean_of_its_runs_with_the_change(varied, run, variant):
    """40 seeds are 40 groups, of a seed each."""
    rows = varied[(varied.run == run["run"]) & (varied.variant == variant)].set_index("step")
    per_epoch = -(-60 // run["batch_size"])
    for epochs in (1, 2, 10):
        row = rows.loc[epochs * per_epoch]
        expected = [loss(run, seed, epochs, **CHANGES[variant]) for seed in (0, 1, 39)]
        assert [row[GROUPS[seed]] for seed in (0, 1, 39)] == pytest.approx(expected, rel=1e-5)
    assert rows.index.max() == max(10, run["epochs"]) * per_epoch


def test_twice_as_many_examples_are_as_many_updates_and_a_batch_of_all_stays_one(varied):
    twice = varied[varied.variant == "twice"]
    for run in RUNS:
        rows = twice[twice.run == run["run"]].set_index("step")
        size = 120 if run["run"] == "all" else run["batch_size"]
        assert set(rows.batch_size) == {size}
        assert rows.index.max() == max(10, run["epochs"]) * -(-60 // run["batch_size"])
        doubled = run | {"batch_size": size}
        updates = -(-120 // size)
        assert rows.loc[updates, GROUPS[3]] == pytest.approx(
            loss(doubled, 3, 1, copies=2), rel=1e-5
        )


def test_the_expected_loss_is_known_with_replacement_alone(varied):
    known = varied.groupby("variant").expected_loss.agg(lambda losses: losses.notna().all())
    assert known[known].index.tolist() == ["replacement"]


@pytest.mark.parametrize("stage", [finals, variants])
def test_no_run_is_a_table_without_rows(tmp_path, stage):
    made = job(tmp_path, stage, [])
    assert made.empty
    assert [*made] == [*stage.COLUMNS]
