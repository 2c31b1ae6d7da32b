"""The exact recursion against all batches there are, against engines' means, and at its limits."""

from itertools import product

import numpy as np
import pytest

from minibatch.sgd import moments as moments_module
from minibatch.sgd import objective
from minibatch.sgd.cases import initial_moments
from minibatch.sgd.moments import Moments

STEPS = np.arange(4)


@pytest.fixture(scope="module")
def small():
    """Three examples with one feature, so that all sequences of batches can be gone through."""
    random = np.random.default_rng(3)
    return random.normal(size=(3, 1)), random.normal(size=3)


def every_sequence(x, y, start, size, rate, steps):
    """The mean loss after each step, over all sequences of batches of independent draws.

    Three draws are an epoch, whose last batch is the smaller one.
    """
    a = objective.with_ones(x)
    points = [np.array(start, dtype=float)]
    losses = []
    sizes = [len(range(3)[first : first + size]) for first in range(0, 3, size)]
    for step in range(steps + 1):
        losses.append(np.mean([objective.loss(x, y, point) for point in points]))
        points = [
            point - rate * a[[*batch]].T @ (a[[*batch]] @ point - y[[*batch]]) / len(batch)
            for point in points
            for batch in product(range(3), repeat=sizes[step % len(sizes)])
        ]
    return losses


@pytest.mark.parametrize(("size", "steps"), [(1, 5), (2, 4), (3, 2)])
def test_the_expected_loss_is_the_mean_over_all_sequences_of_batches(small, size, steps):
    moments, start, rate = Moments(*small), np.array([0.7, -0.2]), 0.3
    [found] = moments.losses(start, np.zeros(2), size, [rate], np.arange(steps + 1))
    expected = every_sequence(*small, start, size, rate, steps)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_random_initial_weights_are_averaged_over(small):
    moments = Moments(*small)
    start, variance = np.array([0.7, -0.2]), np.array([0.04, 0.0])
    found = moments.losses(start, variance, 2, [0.3], STEPS)
    ends = [
        start + np.sqrt(variance),
        start - np.sqrt(variance),
    ]  # mean and variance of these two are as above
    expected = [moments.losses(end, np.zeros(2), 2, [0.3], STEPS) for end in ends]
    np.testing.assert_allclose(found, np.mean(expected, axis=0), rtol=1e-12)


def test_large_batches_have_no_noise_and_the_limit_of_gradient_descent(standardised):
    moments = Moments(*standardised)
    assert moments.noise_floor(10**9, 0.4) == pytest.approx(moments.floor, rel=1e-7)
    assert moments.stability_limit(10**9) == pytest.approx(
        objective.stability_limit(standardised[0]), rel=1e-6
    )


@pytest.mark.parametrize("size", [1, 10, 1500])
def test_the_noise_floor_is_where_the_expected_loss_ends(standardised, size):
    moments, rate = Moments(*standardised), 0.05
    [[last]] = moments.losses(*initial_moments(6), size, [rate], np.array([10**5]))
    assert last == pytest.approx(moments.noise_floor(size, rate), rel=1e-9)
    assert last > moments.floor


@pytest.mark.parametrize("size", [1, 10, 1500])
def test_the_limit_of_stability_is_where_the_expected_loss_begins_to_grow(standardised, size):
    moments = Moments(*standardised)
    rates = moments.stability_limit(size) * np.array([0.99, 1.01])
    start = moments.optimum + 1, np.zeros(6)
    early, late = np.transpose(moments.losses(*start, size, rates, np.array([3000, 6000])))
    assert late[0] == pytest.approx(early[0], rel=0.01)
    assert late[1] > 1e3 * early[1]
    assert moments.noise_floor(size, rates[1]) == np.inf


def test_numbers_of_steps_may_be_any(standardised):
    moments = Moments(*standardised)
    steps = np.array([0, 1, 7, 8, 1000, 1023])
    found = moments.losses(*initial_moments(6), 10, [0.02, 0.1], steps)
    every = moments.losses(*initial_moments(6), 10, [0.02, 0.1], np.arange(1024))
    np.testing.assert_allclose(found, every[:, steps], rtol=1e-10)


def gaussian(count, features, dependent=False):
    """Examples of a line with noise, on Gaussian features of which one may be a sum of others."""
    random = np.random.default_rng(1)
    x = random.normal(size=(count, features)) @ random.normal(size=(features, features))
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    if dependent:
        x = np.column_stack([x, (x[:, 0] + x[:, 1]) / (x[:, 0] + x[:, 1]).std()])
    y = x[:, 0] - 0.5 * x[:, -1] + random.normal(size=count)
    return np.float32(x), np.float32((y - y.mean()) / y.std())


@pytest.mark.parametrize("size", [1, 10, 1000])
def test_the_estimate_is_the_expectation_where_examples_are_gaussian(size):
    x, y = gaussian(20_000, 4)
    exact, estimate = Moments(x, y), Moments(x, y, exact=False)
    limit = exact.stability_limit(size)
    assert estimate.stability_limit(size) == pytest.approx(limit, rel=0.03)
    rates, steps = limit * np.array([0.05, 0.3]), np.array([0, 3, 30, 300])
    about = *initial_moments(5), size, rates, steps
    excess = exact.losses(*about) - exact.floor
    np.testing.assert_allclose(estimate.losses(*about) - exact.floor, excess, rtol=0.05)
    floors = exact.noise_floor(size, rates) - exact.floor
    np.testing.assert_allclose(estimate.noise_floor(size, rates) - exact.floor, floors, rtol=0.05)


def test_columns_that_depend_on_each_other_are_estimated_as_those_that_do_not():
    # the third feature adds a direction in which nothing moves, and weight to those of the others
    x, y = gaussian(500, 3, dependent=True)
    found = Moments(x, y, exact=False)
    assert np.abs(found.optimum).max() < 10  # and not millions, in the direction of no example
    assert (
        0
        < found.stability_limit(1)
        < found.stability_limit(500)
        <= 2.001 / np.linalg.eigvalsh(objective.hessian(x)).max()
    )
    rate = found.stability_limit(10) / 10
    [losses] = found.losses(*initial_moments(5), 10, [rate], np.array([0, 10**5]))
    assert losses[1] == pytest.approx(found.noise_floor(10, rate)[0], rel=1e-6)


def test_a_large_table_is_averaged_over_in_parts(monkeypatch):
    x, y = gaussian(500, 3)
    whole = Moments(x, y)
    monkeypatch.setattr(moments_module, "TOGETHER", 64)
    parts = Moments(x, y)
    assert parts.stability_limit(3) == pytest.approx(whole.stability_limit(3), rel=1e-12)
    about = *initial_moments(4), 3, [0.01], np.array([0, 50])
    np.testing.assert_allclose(parts.losses(*about), whole.losses(*about), rtol=1e-12)
