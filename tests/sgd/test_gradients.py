"""Gradients of batches, against differences of the loss and against every batch there is."""

from itertools import combinations, product

import numpy as np
import pytest

from minibatch.sgd import gradients, objective, sampling

VALUES = np.random.default_rng(2).normal(size=(5, 2)) ** 3 + [1.0, -2.0]
EVERY = {  # the batches of a size, all of them as likely
    "permutation": combinations,
    "replacement": lambda values, size: product(values, repeat=size),
}


def means(method, size):
    """The mean of every batch of a size, shape (batches, 2)."""
    return np.array([np.mean(batch, axis=0) for batch in EVERY[method](VALUES, size)])


def test_the_gradient_of_an_example_is_the_slope_of_its_loss(small):
    x, y = small
    point = np.array([0.3, -0.7, 1.1])
    found = gradients.per_example(x.astype(np.float32), y.astype(np.float32), point)
    assert found.dtype == float
    for at in (slice(0, 1), slice(7, 8)):
        for index, unit in enumerate(np.eye(3) * 1e-4):
            ends = [objective.loss(x[at], y[at], point + side * unit) for side in (1, -1)]
            slope = (ends[0] - ends[1]) / 2e-4
            assert found[at][0, index] == pytest.approx(slope, rel=1e-5)


def test_their_mean_is_the_slope_of_the_loss_over_all(small):
    point = np.array([0.3, -0.7, 1.1])
    units = np.eye(3) * 1e-4
    slopes = [
        (objective.loss(*small, point + unit) - objective.loss(*small, point - unit)) / 2e-4
        for unit in units
    ]
    found = gradients.per_example(*small, point).mean(axis=0)
    assert found == pytest.approx(np.array(slopes), rel=1e-7)


def test_the_trace_is_that_of_the_covariance():
    assert gradients.trace(VALUES) == pytest.approx(np.trace(np.cov(VALUES.T, ddof=0)))


@pytest.mark.parametrize("method", sampling.METHODS)
def test_the_variance_of_a_batch_is_that_over_every_batch(method):
    sizes = np.arange(1, 6)
    found = gradients.trace(VALUES) * gradients.variance(sizes, 5, method)
    assert found == pytest.approx(
        [np.trace(np.cov(means(method, size).T, ddof=0)) for size in sizes], abs=1e-12
    )


@pytest.mark.parametrize("method", sampling.METHODS)
def test_mean_and_variance_of_all_batches_are_those_of_every_batch(method):
    found, variances = gradients.over_all_batches(VALUES, method)
    for size in range(1, 6):
        every = means(method, size)
        assert found[size - 1] == pytest.approx(every.mean(axis=0))
        spread = np.trace(np.cov(every.T, ddof=0))
        assert variances[size - 1] == pytest.approx(spread, abs=1e-12)


@pytest.mark.parametrize("method", sampling.METHODS)
def test_a_drawn_batch_is_one_of_an_epoch_of_its_own_in_turn_from_every_place(method):
    sizes, counts = np.array([2, 3, 7]), []
    found = gradients.drawn(np.eye(7), sizes, method, 9)
    for seed in range(9):
        order = sampling.batch_order(7, seed, 0, method, 1)
        places = [order[2 * (seed % 3) :][:2], order[3 * (seed % 2) :][:3], order]
        counts.append([np.bincount(place, minlength=7) for place in places])
    np.testing.assert_allclose(found * sizes[:, None], counts, atol=1e-12)


def test_values_of_any_shape_are_drawn_alike():
    sizes = np.array([1, 4])
    both = gradients.drawn(np.stack([VALUES, -VALUES], axis=1), sizes, "permutation", 3)
    assert both.shape == (3, 2, 2, 2)
    np.testing.assert_allclose(both[:, :, 0], -both[:, :, 1])
    np.testing.assert_allclose(both[:, :, 0], gradients.drawn(VALUES, sizes, "permutation", 3))


def test_along_a_path_the_quadratics_are_those_of_all_examples_gradients(monkeypatch):
    monkeypatch.setattr(gradients, "TOGETHER", 7)
    random = np.random.default_rng(2)
    x, y = random.normal(size=(30, 2)), random.normal(size=30)
    points = random.normal(size=(4, 3))
    floor = objective.loss(x, y, objective.optimum(x, y))
    excess, squared, trace = gradients.along(x, y, points)
    for index, point in enumerate(points):
        single = gradients.per_example(x, y, point)
        assert excess[index] == pytest.approx(objective.loss(x, y, point) - floor)
        assert squared[index] == pytest.approx((single.mean(axis=0) ** 2).sum())
        assert trace[index] == pytest.approx(gradients.trace(single))
