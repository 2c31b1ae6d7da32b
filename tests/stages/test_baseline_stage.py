import json
import os
import platform
import subprocess
import sys
from functools import partial
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest

from minibatch.errors import UserError
from minibatch.sgd import baselines
from minibatch.sgd.pace import COLUMNS, Cell, Pace
from minibatch.stages.baseline import cells
from minibatch.tables import parquet
from minibatch.tables.canonical import digest


def by_hand(x, y, size, rate, seed, epochs=1):
    """(w, b) after epochs of a plain loop in float64, all in the order of the first."""
    x, y = np.column_stack([x, np.ones(len(x))]).astype(float), y.astype(float)
    w, order = begin(x[:, :-1], seed)
    w = w.astype(float)
    for first in [*range(0, len(y), size)] * epochs:
        batch = order[first : first + size]
        w = w - rate * np.mean((x[batch] @ w - y[batch])[:, None] * x[batch], axis=0)
    return w


def begin(x, seed):
    """Initial (w, b) and batch order, by NumPy alone."""
    start = np.random.RandomState([seed, 0]).normal(0, 0.01, x.shape[1])
    order = np.random.RandomState([seed, 1]).permutation(len(x))
    return np.append(start, 0).astype(np.float32), order


@pytest.mark.parametrize(
    ("size", "rate"),
    [(1, 0.005), (1, 0.05), (7, 0.05), (10, 0.05), (100, 0.4), (1499, 1), (1500, 1)],
)
def test_the_compiled_loop_takes_the_steps_of_a_plain_one(examples, size, rate):
    parameters, order = begin(examples[0], seed=3)
    baselines.epoch(parameters, *examples, order, size, np.float32(rate))
    expected = by_hand(*examples, size, rate, seed=3)
    np.testing.assert_allclose(parameters, expected, rtol=0, atol=2e-6)


def test_the_loop_computes_in_float32_throughout(examples):
    parameters, order = begin(examples[0], seed=0)
    baselines.epoch(parameters, *examples, order, 10, np.float32(0.05))
    for signature in baselines.epoch.signatures:
        code = baselines.epoch.inspect_llvm(signature)
        assert "fmul float" in code
        assert "fmul double" not in code


@pytest.mark.parametrize(
    ("name", "size"), [("numba", 7), ("partial_fit", 1), ("fit", 1), ("numpy", 1500)]
)
@pytest.mark.parametrize("epochs", [1, 3])
def test_each_baseline_takes_the_steps_of_a_plain_loop(examples, name, size, epochs):
    start, order = begin(examples[0], seed=3)
    model = baselines.IMPLEMENTATIONS[name](start[:-1], "half_mse", "cpu")
    model.epochs(*examples, order, size, 0.005, epochs)
    expected = by_hand(*examples, size, 0.005, seed=3, epochs=epochs)
    np.testing.assert_allclose(model.parameters(), expected, rtol=0, atol=4e-6)


def test_scikit_learn_has_batch_size_1_and_numpy_all_examples():
    found = [(cell.implementation, cell.batch_size) for cell in cells([1, 10, 1500], 1500)]
    numba = [("numba", size) for size in (1, 10, 1500)]
    assert found == [*numba, ("partial_fit", 1), ("fit", 1), ("numpy", 1500)]
    assert {cell.implementation for cell in cells([10], 1500)} == {"numba"}


right = baselines.epoch


def without_the_half(parameters, x, y, order, size, rate):
    right(parameters, x, y, order, size, 2 * rate)


def whole_batch_sizes(parameters, x, y, order, size, rate):
    """Divides the last, smaller batch by the size of the others."""
    whole = len(order) // size * size
    right(parameters, x, y, order[:whole], size, rate)
    rest = order[whole:]
    right(parameters, x, y, rest, size, np.float32(rate * len(rest) / size))


def bias_left_out(parameters, x, y, order, size, rate):
    right(parameters, x, y, order, size, rate)
    parameters[-1] = 0


def other_order(parameters, x, y, order, size, rate):
    right(parameters, x, y, np.sort(order), size, rate)


def one_example_missing(parameters, x, y, order, size, rate):
    right(parameters, x, y, order[:-1], size, rate)


@pytest.mark.parametrize(
    "wrong", [without_the_half, whole_batch_sizes, bias_left_out, other_order, one_example_missing]
)
@pytest.mark.parametrize("epochs", [1, 1000])
def test_a_wrong_loop_is_not_timed(examples, monkeypatch, wrong, epochs):
    x, y = examples[0][:204], examples[1][:204]
    pace = Pace(baselines, "cpu", x, y, seed=0)
    warm = pace.warm_up(Cell("numba", "direct", 10), 1e-6)
    warm.steps, warm.epochs = warm.epoch_steps, epochs
    pace.time(warm, 1)
    assert pace.verify(warm) < 1
    monkeypatch.setattr(baselines, "epoch", wrong)
    pace.time(warm, 2)
    with pytest.raises(UserError, match=r"^numba, direct loader, batch size 10: not timed") as said:
        pace.verify(warm)
    assert "\n" not in str(said.value)


def test_a_wrong_scikit_learn_is_not_timed(examples, monkeypatch):
    fit = baselines.Fit.epochs
    reverse = lambda self, x, y, order, *more: fit(self, x, y, order[::-1], *more)  # noqa: E731
    monkeypatch.setattr(baselines.Fit, "epochs", reverse)
    pace = Pace(baselines, "cpu", *examples, seed=0)
    with pytest.raises(UserError, match=r"^fit, none loader, batch size 1: not timed"):
        pace.warm_up(Cell("fit", "none", 1), 1e-3)


def job(tmp_path, **more):
    """The command line of a launch, its parameters, and its output."""
    path, output = tmp_path / "examples.parquet", tmp_path / "1.parquet"
    table = np.random.RandomState(0).normal(size=(60, 6)).astype(np.float32)
    parquet.write(
        pd.DataFrame(table, columns=[*"abcdef"]), path, parameters={"rows": 60}, provenance={}
    )
    parameters = {"batch_sizes": [1, 60], "budget_seconds": 1e-3, "launch": 4}
    parameters |= {"inputs": {str(path): digest({"rows": 60})}}
    arguments = ["--parameters", json.dumps(parameters), "--inputs", path, "--output", output]
    command = [sys.executable, "-W", "error", "-P", "-m", "minibatch.stages.baseline"]
    run = partial(subprocess.run, capture_output=True, text=True, check=False)
    return run([*command, *map(str, arguments)], env=os.environ | more), parameters, output


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_the_table_with_the_versions(tmp_path):
    done, parameters, output = job(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    found = parquet.read(output, digest(parameters))
    assert [*found] == [*COLUMNS]
    assert set(found.machine) == {platform.node()}
    assert set(found.implementation) == {"baseline"}
    assert (found.launch == 4).all()
    ways = found[["framework", "loader", "batch_size"]].drop_duplicates()
    assert [*ways.itertuples(index=False, name=None)] == [
        *(("numba", "direct", size) for size in (1, 60)),
        *(("scikit-learn", "direct", 1), ("scikit-learn", "none", 1), ("numpy", "none", 60)),
    ]
    about = found.attrs["provenance"]
    names = ("numba", "scikit-learn", "numpy")
    assert about["frameworks"] == [f"{name} {version(name)}" for name in names]
    assert about["threads"] == [1]


@pytest.mark.usefixtures("package_on_path")
def test_a_loop_that_is_not_compiled_is_refused(tmp_path):
    done, *_ = job(tmp_path, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 1
    assert done.stderr.startswith("error: numba: not timed, because nothing was compiled")
