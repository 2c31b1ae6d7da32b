import json
import os
import platform
import subprocess
import sys
import time
from importlib.metadata import version

import numba
import numpy as np
import pandas as pd
import pytest

from minibatch.errors import UserError
from minibatch.sgd import baseline
from minibatch.stages import baseline as stage
from minibatch.stages.baseline import measure
from minibatch.tables import parquet
from minibatch.tables.canonical import digest


def by_hand(x, y, size, rate, seed):
    """(w, b) after one epoch of a plain loop in float64."""
    x, y = np.column_stack([x, np.ones(len(x))]).astype(float), y.astype(float)
    start = np.random.RandomState([seed, 0]).normal(0, 0.01, x.shape[1] - 1)
    w = np.append(start.astype(np.float32), 0).astype(float)
    order = np.random.RandomState([seed, 1]).permutation(len(y))
    for begin in range(0, len(y), size):
        batch = order[begin : begin + size]
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
    baseline.epoch(parameters, *examples, order, size, np.float32(rate))
    expected = by_hand(*examples, size, rate, seed=3)
    np.testing.assert_allclose(parameters, expected, rtol=0, atol=2e-6)


def test_the_loop_computes_in_float32_throughout(examples):
    parameters, order = begin(examples[0], seed=0)
    baseline.epoch(parameters, *examples, order, 10, np.float32(0.05))
    for signature in baseline.epoch.signatures:
        code = baseline.epoch.inspect_llvm(signature)
        assert "fmul float" in code
        assert "fmul double" not in code


@pytest.mark.parametrize("rate", [0.005, 0.05])
def test_an_epoch_of_scikit_learn_is_that_of_a_plain_loop(examples, rate):
    found, _ = stage.scikit_learn_epoch(*examples, *begin(examples[0], 3), 1, rate)
    expected = by_hand(*examples, 1, rate, seed=3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-6)


def test_every_seed_of_every_batch_size_has_a_row_and_scikit_learn_has_batch_size_1(examples):
    found = measure(*examples, batch_sizes=[1, 7, 1500], learning_rate=0.05, seeds=2)
    kinds = found.groupby(["implementation", "batch_size"], sort=False).seed.apply(list).to_dict()
    expected = [("numba", 1), ("numba", 7), ("numba", 1500), ("scikit-learn", 1)]
    assert kinds == {kind: [0, 1] for kind in expected}
    assert (found.seconds > 0).all()
    x, y = (part.astype(float) for part in examples)
    for row in found.itertuples():
        w = by_hand(x, y, row.batch_size, 0.05, row.seed)
        loss = np.mean((x @ w[:-1] + w[-1] - y) ** 2) / 2
        assert row.loss == pytest.approx(loss, rel=1e-6)


def test_without_batch_size_1_there_is_no_scikit_learn(examples):
    found = measure(*examples, batch_sizes=[10], learning_rate=0.05, seeds=1)
    assert set(found.implementation) == {"numba"}


@pytest.mark.timing
def test_the_clock_does_not_count_compiling(examples, monkeypatch):
    def fresh():
        return numba.njit(baseline.epoch.py_func)

    start = time.perf_counter()
    fresh()(*begin(examples[0], 0)[:1], *examples, begin(examples[0], 0)[1], 10, np.float32(0.05))
    compiling = time.perf_counter() - start
    monkeypatch.setattr(baseline, "epoch", fresh())
    found = measure(*examples, batch_sizes=[10], learning_rate=0.05, seeds=3)
    assert found.seconds.max() < compiling / 10


right = baseline.epoch


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
def test_a_wrong_loop_is_not_timed(examples, monkeypatch, wrong):
    x, y = examples[0][:204], examples[1][:204]
    monkeypatch.setattr(baseline, "epoch", wrong)
    with pytest.raises(UserError, match=r"^numba, batch size 10, seed 0: its loss is") as caught:
        measure(x, y, batch_sizes=[10], learning_rate=0.05, seeds=1)
    assert "\n" not in str(caught.value)


def test_a_wrong_scikit_learn_is_not_timed(examples, monkeypatch):
    monkeypatch.setitem(
        stage.EPOCHS,
        "scikit-learn",
        lambda x, y, start, order, size, rate: stage.scikit_learn_epoch(
            x, y, start, order[::-1], size, rate
        ),
    )
    with pytest.raises(UserError, match=r"^scikit-learn, batch size 1, seed 0: its loss is"):
        measure(*examples, batch_sizes=[1], learning_rate=0.005, seeds=1)


def test_a_learning_rate_that_diverges_is_no_error(examples):
    found = measure(*examples, batch_sizes=[1, 10], learning_rate=10.0, seeds=1)
    assert not (found.loss < 1).any()


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_the_table_with_the_versions(tmp_path, examples):
    path, output = tmp_path / "examples.parquet", tmp_path / "stage.parquet"
    frame = pd.DataFrame(np.column_stack([*examples])[:60], columns=[*"abcdef"])
    parquet.write(frame, path, parameters={"rows": 60}, provenance={})
    parameters = {"batch_sizes": [1, 60], "learning_rate": 0.05, "seeds": 2}
    parameters |= {"inputs": {str(path): digest({"rows": 60})}}
    arguments = ["--parameters", json.dumps(parameters), "--inputs", path, "--output", output]
    command = [
        sys.executable,
        "-W",
        "error",
        "-m",
        "minibatch.stages.baseline",
        *map(str, arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    found = parquet.read(output, digest(parameters))
    columns = ["implementation", "batch_size", "learning_rate", "seed", "seconds", "loss"]
    assert list(found) == ["machine", *columns]
    assert set(found.machine) == {platform.node()}
    assert len(found) == 6
    about = found.attrs["provenance"]
    assert about["frameworks"] == [f"{name} {version(name)}" for name in ("numba", "scikit-learn")]
    assert about["threads"] == [1]


DISABLED = """
import numpy as np
from minibatch.stages import baseline
x, y = np.ones((20, 5), np.float32), np.ones(20, np.float32)
baseline.measure(x, y, batch_sizes=[10], learning_rate=0.1, seeds=1)
"""


@pytest.mark.usefixtures("package_on_path")
def test_a_loop_that_is_not_compiled_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", DISABLED],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "UserError: numba: not timed, because nothing was compiled" in done.stderr
