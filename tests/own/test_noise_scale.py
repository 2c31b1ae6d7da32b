"""The noise scale of a stretch of training, from estimates whose truth is known."""

from itertools import permutations

import numpy as np
import pytest

from minibatch.own.noise import two_sizes
from minibatch.sgd import gradients, objective
from minibatch.summaries.noise_scale import noise_scale, over_steps


def estimates(values, size, count, draws):
    """|G|² and tr Σ from disjoint batches, shape (2, draws, …), by orders of the examples."""
    means = values[draws[..., : size * count]]
    means = means.reshape(*draws.shape[:-1], count, size, -1).mean(axis=-2)
    small = (means**2).sum(axis=-1).mean(axis=-1)
    large = (means.mean(axis=-2) ** 2).sum(axis=-1)
    return np.array(two_sizes(small, large, size, size * count, len(values)))


def every():
    """Estimates from all disjoint pairs of batches of two out of five examples, and the truth."""
    values = np.random.default_rng(2).normal([1.0, -2.0], size=(5, 2))
    truth = gradients.trace(values) / (values.mean(axis=0) ** 2).sum()
    return estimates(values, 2, 2, np.array([*permutations(range(5))])), truth


def mean_of_ratios(squared, trace):
    return np.mean(trace / squared)


def median_of_ratios(squared, trace):
    return np.median(trace / squared)


def test_over_all_batches_the_ratio_of_means_is_exact():
    pair, truth = every()
    middle, low, high = noise_scale(*pair)
    assert middle == pytest.approx(truth)
    assert low < truth < high


@pytest.mark.parametrize("wrong", [mean_of_ratios, median_of_ratios])
def test_a_mean_of_ratios_is_seen_over_all_batches(wrong):
    pair, truth = every()
    assert abs(wrong(*pair) / truth - 1) > 0.02


@pytest.fixture(scope="module")
def way(real):
    """Gradients of examples along full-batch descent on the airfoil data, and B of each point."""
    scaled = ((real - real.mean(axis=0)) / real.std(axis=0))[:1500]
    x, y = scaled[:, :5], scaled[:, 5]
    rate = objective.stability_limit(x) / 2
    points = objective.descend(x, y, np.zeros(6), rate, 5)
    single = np.array([gradients.per_example(x, y, point) for point in points])
    squared = (single.mean(axis=1) ** 2).sum(axis=-1)
    return single, np.array([gradients.trace(one) for one in single]) / squared


def coverage(single, truth, size, count, repeats, interval, studies=400):
    """The share of studies whose interval has the mean of the points' noise scales inside."""
    random = np.random.default_rng(3)
    orders = np.tile(np.arange(single.shape[1]), (repeats, len(single), 1))
    inside = 0
    for _ in range(studies):
        drawn = random.permuted(orders, axis=-1)[..., : size * count]
        pairs = [estimates(values, size, count, drawn[:, at]) for at, values in enumerate(single)]
        _, low, high = interval(*np.swapaxes(pairs, 0, 1))
        inside += low <= truth.mean() <= high
    return inside / studies


@pytest.mark.parametrize("points", [[0], [4], [0, 1, 2, 3, 4, 5]], ids=str)
@pytest.mark.parametrize(("size", "count", "repeats"), [(10, 20, 10), (50, 10, 5), (100, 15, 5)])
def test_the_interval_has_the_truth_inside_as_often_as_it_says(way, points, size, count, repeats):
    single, truth = (part[points] for part in way)
    assert coverage(single, truth, size, count, repeats, noise_scale) >= 0.9


def of_normal_ratios(squared, trace):
    """An interval that takes single ratios for normal ones."""
    ratios = (trace / squared).mean(axis=0)
    half = 1.96 * ratios.std(ddof=1) / np.sqrt(len(ratios))
    return ratios.mean(), ratios.mean() - half, ratios.mean() + half


def test_an_interval_of_a_mean_of_ratios_is_seen_to_have_it_too_rarely(way):
    single, truth = (part[[3]] for part in way)
    assert coverage(single, truth, 10, 20, 40, of_normal_ratios, studies=200) < 0.8


def test_a_weight_is_a_share_of_the_mean():
    random = np.random.default_rng(0)
    squared, trace = (random.normal(level, 0.01, size=(2, 8)) for level in (1, [[20], [400]]))
    first, second = (noise_scale(*pair) for pair in zip(squared, trace, strict=True))
    both = noise_scale(squared, trace, [1, 3])
    assert both[0] == pytest.approx((first[0] + 3 * second[0]) / 4)
    for end in (1, 2):
        distance = np.hypot(first[end] - first[0], 3 * (second[end] - second[0])) / 4
        assert abs(both[end] - both[0]) == pytest.approx(distance)
    assert noise_scale(squared, trace, [2, 0]) == pytest.approx(first)
    assert noise_scale(squared, trace) == pytest.approx(noise_scale(squared, trace, [5, 5]))


def test_what_does_not_vary_has_an_interval_without_width():
    assert noise_scale(np.full(3, 2.0), np.full(3, 8.0)) == pytest.approx((4, 4, 4))


@pytest.mark.parametrize(
    ("squared", "middle"), [([1.0, -0.5, 1.0, -0.4], 400 / 11), ([-1.0, -0.5, 1.0, 0.4], np.inf)]
)
def test_where_the_slope_is_not_separated_from_0_there_is_no_upper_end(squared, middle):
    trace = np.array([10.0, 11.0, 9.0, 10.0])
    found = noise_scale(squared, trace)
    assert found[0] == pytest.approx(middle)
    assert 0 <= found[1] < 15
    assert found[2] == np.inf
    both = noise_scale([squared, [1.0, 1.1, 0.9, 1.0]], [trace, trace])
    assert both[1] < 20
    assert both[2] == np.inf


def test_one_estimate_says_nothing_about_its_error():
    assert noise_scale([2.0], [8.0]) == (4.0, 0.0, np.inf)


def test_the_ends_are_where_the_difference_is_just_separated_from_0():
    """Fieller's: at both, the mean of tr Σ − B|G|² is the quantile of t times its error from 0."""
    random = np.random.default_rng(4)
    squared, trace = random.normal(1, 0.3, 6), random.normal(10, 2, 6)
    _, *ends = noise_scale(squared, trace)
    for end in ends:
        apart = trace - end * squared
        distance = abs(apart.mean()) / (apart.std(ddof=1) / np.sqrt(6))
        assert distance == pytest.approx(2.5706, rel=1e-4)  # Student's, 5 degrees of freedom


def test_over_steps_the_mean_is_that_of_the_trapezoidal_rule():
    steps, scales = [0, 1, 4, 10], np.array([20.0, 31, 80, 393])
    weights = over_steps(steps)
    assert weights @ scales == pytest.approx(np.trapezoid(scales, steps))
    assert weights.sum() == 10
