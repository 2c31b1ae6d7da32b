import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from minibatch import frameworks

THREADS = """
import os, torch
from minibatch import frameworks
frameworks.start("pytorch", {threads})
print(torch.get_num_threads(), os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"])
"""


@pytest.fixture(scope="module")
def batch():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(20, 5)), random.normal(size=20)
    return x.astype(np.float32), y.astype(np.float32)


def loss(x, y, parameters, objective):
    """What a model descends, in float64."""
    errors = x.astype(float) @ parameters[:5] + parameters[5] - y.astype(float)
    return np.mean(errors**2) * {"half_mse": 0.5, "mse": 1.0}[objective]


def slopes(function, point, width=1e-4):
    steps = width * np.eye(len(point))
    return np.array([(function(point + s) - function(point - s)) / (2 * width) for s in steps])


def test_it_is_found_by_its_file_and_says_its_version(pytorch):
    assert "pytorch" in frameworks.names()
    assert pytorch.version() == f"torch {torch.__version__}"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("package_on_path")
def test_it_starts_with_the_threads_that_are_asked_for_whatever_the_environment_says(threads):
    variables = {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"}
    printed = subprocess.run(
        [sys.executable, "-c", THREADS.format(threads=threads)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.split() == [str(threads)] * 3


def test_arrays_are_float32_copies_there_and_back(pytorch):
    values = np.arange(3.0)
    array = pytorch.array(values, "cpu")
    assert array.dtype == torch.float32
    values[0] = 7
    back = pytorch.to_numpy(array)
    np.testing.assert_array_equal(back, np.float32([0, 1, 2]))
    pytorch.write(array, 1, pytorch.array(np.array(9.0), "cpu"))
    np.testing.assert_array_equal(back, np.float32([0, 1, 2]))


@pytest.mark.parametrize("index", [(1, 2), 1, (slice(None), 2), slice(None)])
def test_a_write_changes_the_part_that_is_named_and_returns_the_array(pytorch, index):
    expected = np.zeros((3, 3), dtype=np.float32)
    value = np.float32(1 + np.arange(expected[index].size)).reshape(expected[index].shape)
    expected[index] = value
    array = pytorch.array(np.zeros((3, 3)), "cpu")
    written = pytorch.write(array, index, pytorch.array(value, "cpu"))
    assert written is array
    np.testing.assert_array_equal(pytorch.to_numpy(written), expected)


@pytest.mark.parametrize(
    ("operation", "left", "right"),
    [
        ("dot", (7,), (7,)),
        ("matvec", (3, 7), (7,)),
        ("vecmat", (3,), (3, 7)),
        ("matmul", (3, 7), (7, 2)),
    ],
)
def test_products_are_those_of_float64_to_rounding(pytorch, operation, left, right):
    random = np.random.default_rng(0)
    left, right = (random.normal(size=shape).astype(np.float32) for shape in (left, right))
    found = getattr(pytorch, operation)(pytorch.array(left, "cpu"), pytorch.array(right, "cpu"))
    expected = left.astype(float) @ right.astype(float)
    np.testing.assert_allclose(pytorch.to_numpy(found), expected, atol=1e-6)


@pytest.mark.parametrize("size", [1, 6, 7, 20, 25])
@pytest.mark.parametrize("loader", ["framework", "direct"])
def test_a_loader_gives_the_examples_in_the_order_and_the_last_batch_what_is_left(
    pytorch, batch, loader, size
):
    x, y = batch
    order = np.random.default_rng(1).integers(20, size=25)
    batches = pytorch.LOADERS[loader](pytorch.array(x, "cpu"), pytorch.array(y, "cpu"), order, size)
    found = [
        (pytorch.to_numpy(features), pytorch.to_numpy(targets)) for features, targets in batches
    ]
    chosen = [order[start : start + size] for start in range(0, 25, size)]
    assert len(found) == len(chosen)
    for (features, targets), indices in zip(found, chosen, strict=True):
        np.testing.assert_array_equal(features, x[indices])
        np.testing.assert_array_equal(targets, y[indices])


@pytest.mark.parametrize("implementation", ["scratch", "concise"])
def test_a_model_starts_at_the_given_weights_and_bias_0(pytorch, implementation):
    weights = np.float32([1, 2, 3, 4, 5])
    model = pytorch.IMPLEMENTATIONS[implementation](weights, "half_mse", "cpu")
    parameters = model.parameters()
    assert parameters.dtype == np.float32
    assert parameters.tolist() == [1, 2, 3, 4, 5, 0]
    weights[0] = 9
    assert model.parameters().tolist() == [1, 2, 3, 4, 5, 0]


@pytest.mark.parametrize("objective", ["half_mse", "mse"])
@pytest.mark.parametrize("implementation", ["scratch", "concise"])
def test_each_step_goes_down_the_slope_of_the_objective_times_the_learning_rate(
    pytorch, batch, implementation, objective
):
    x, y = batch
    features, targets = pytorch.array(x, "cpu"), pytorch.array(y, "cpu")
    weights = np.random.default_rng(2).normal(size=5).astype(np.float32)
    model = pytorch.IMPLEMENTATIONS[implementation](weights, objective, "cpu")
    for rate in (0.1, 0.01, 0.3):
        before = model.parameters().astype(float)
        model.compute(features, targets)
        np.testing.assert_array_equal(model.parameters(), before)
        model.update(rate)
        slope = slopes(lambda p: loss(x, y, p, objective), before)
        np.testing.assert_allclose(model.parameters(), before - rate * slope, atol=1e-6)


def test_the_two_implementations_take_the_same_steps(pytorch, batch):
    models = [kind(np.ones(5), "mse", "cpu") for kind in pytorch.IMPLEMENTATIONS.values()]
    features, targets = (pytorch.array(part, "cpu") for part in batch)
    for model in models:
        for _ in range(10):
            model.compute(features, targets)
            model.update(0.1)
    np.testing.assert_allclose(models[0].parameters(), models[1].parameters(), atol=1e-6)
