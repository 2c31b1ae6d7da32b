"""What is predicted: of planted steps and times, the sizes tried and the seconds."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.stages.predict import COLUMNS, chosen, make, predict
from minibatch.summaries import problem
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

SIZES = np.array([1, 2, 5, 10, 20, 50, 100, 500, 1500])
TARGET = {"loss": 0.25, "lowest": 0.01}


@pytest.mark.parametrize(
    ("best", "never", "expected"),
    [
        (20, (), [1, 10, 20, 50, 100, 1500]),  # 50 is nearer to 40 by ratio than 20
        (1, (), [1, 2, 10, 100, 1500]),
        (1500, (), [1, 10, 100, 500, 1500]),
        (20, (1, 50), [10, 20, 100, 1500]),
        (20, tuple(SIZES), []),
    ],
)
def test_sizes_are_the_best_half_and_double_and_the_chapters(best, never, expected):
    seconds = np.where(np.isin(SIZES, never), np.inf, 1 + np.abs(np.log(SIZES / best)))
    assert chosen(SIZES, seconds, 1500) == expected


@pytest.fixture
def tables(monkeypatch):
    """A launch of 1 µs a step and one of 4 µs, of a problem whose floor is known."""
    cells = {("jax", "scratch", "direct", size): [1e-6, 4e-6] for size in (1, 10, 100)}
    examples = pd.DataFrame(np.random.default_rng(0).normal(size=(1500, 6)))
    made = builders.swept() | {"examples": examples, "samples": builders.samples(cells)}
    monkeypatch.setattr(problem, "summarise", lambda _: made["problem"])
    return made


def test_the_prediction_is_steps_times_the_mean_over_launches(tables):
    found = predict(tables, TARGET)
    assert [*found.columns] == [*COLUMNS]
    assert found.batch_size.tolist() == [1, 10, 100]
    assert found.steps.tolist() == [500, 60, 9]
    assert (found.learning_rate == 0.1).all()
    np.testing.assert_allclose(found.seconds, [1e-3, 1.2e-4, 1.8e-5], rtol=0.01)


def test_what_no_size_reaches_is_no_row(tables):
    tables["curves"] = builders.curves({1: 500, 10: 60, 100: 9}, lowest=0.4)
    assert predict(tables, TARGET).empty


def test_where_no_step_was_timed_the_table_is_a_gap(tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    asked, inputs = {"asked": 1}, {}
    for name in ("data/examples", "sweep/curves", "steptime/jax/cpu"):
        path = tmp_path.joinpath(f"results/{name}.parquet")
        path.parent.mkdir(parents=True)
        table = tables.get(path.stem, tables["samples"][:0]).rename(columns=str)
        parquet.write(table, path, parameters=asked, provenance={})
        inputs[path.relative_to(tmp_path)] = digest(asked)
    parameters = {"target": TARGET, "inputs": {str(path): known for path, known in inputs.items()}}
    make(parameters, [*inputs], tmp_path / "out.parquet")
    assert parquet.read(tmp_path / "out.parquet", digest(parameters)).empty


def test_of_a_table_of_the_users_own_no_size_is_tried_for_the_chapters_sake_nor_a_long_run():
    seconds = 1 + np.abs(np.log(SIZES / 20))
    assert chosen(SIZES, seconds, 1500, also=[]) == [10, 20, 50, 1500]
    assert chosen(SIZES, seconds, 1500, also=[], longest_seconds=2) == [10, 20, 50]
