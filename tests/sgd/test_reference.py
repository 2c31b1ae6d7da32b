"""The reference against a plain loop, and its bound against SGD that really runs in float32."""

import numpy as np
import pytest

from minibatch.sgd import reference

CHAPTER = [(1, 0.005), (10, 0.05), (100, 0.4), (1500, 1.0)]  # batch sizes and learning rates


def begin(seed, epochs=1, examples=1500):
    """Initial (w, b) in float32, and the orders of some epochs."""
    start = np.append(np.random.RandomState([seed, 0]).normal(0, 0.01, 5), 0).astype(np.float32)
    orders = [np.random.RandomState([seed, 1 + e]).permutation(examples) for e in range(epochs)]
    return start, orders


def by_hand(x, y, start, order, size, rate, factor=1):
    """(w, b) after each step: number by number, as the formulas are written down."""
    x, y, w = x.astype(float).tolist(), y.astype(float).tolist(), [float(v) for v in start]
    path = []
    for first in range(0, len(order), size):
        batch = order[first : first + size]
        slope = [0.0] * 6
        for i in batch:
            error = sum(a * b for a, b in zip(x[i], w, strict=False)) + w[5] - y[i]
            for k in range(5):
                slope[k] += error * x[i][k] / len(batch)
            slope[5] += error / len(batch)
        w = [value - rate * factor * down for value, down in zip(w, slope, strict=True)]
        path.append(w)
    return np.array(path)


def products(a, w, y):
    """The gradient's sum by matrix products."""
    return a.T @ (a @ w - y)


def one_by_one(a, w, y):
    """The gradient's sum example by example, the rounding always added to the same number."""
    total = np.zeros(6, dtype=np.float32)
    for row, target in zip(a, y, strict=True):
        total += (row @ w - target) * row
    return total


def in_float32(x, y, start, orders, size, rate, *, factor=1, gradient=products):
    """(w, b) after each step of SGD that never leaves float32."""
    a, w = np.column_stack([x, np.ones_like(y)]), start
    for order in orders:
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            slope = gradient(a[batch], w, y[batch]) / np.float32(len(batch))
            w = w - np.float32(rate) * (np.float32(factor) * slope)
            assert w.dtype == np.float32
            yield w


def followed(x, y, start, orders, size, rate, **options):
    """All steps of several epochs, the bound carried over."""
    path = [(start.astype(float), 0.0)]
    for order in orders:
        parameters, error = path[-1]
        path += reference.follow(x, y, parameters, order, size, rate, error=error, **options)
    return path[1:]


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("size", [1, 3, 40])
def test_a_step_is_that_of_a_plain_loop(examples, size, factor):
    x, y = examples[0][:size], examples[1][:size]
    before = np.random.default_rng(0).normal(size=6)
    after, bound = reference.step(x, y, before, 0.3, factor)
    [expected] = by_hand(x, y, before, np.arange(size), size, 0.3, factor)
    np.testing.assert_allclose(after, expected, rtol=1e-13)
    assert bound.shape == (6,)
    assert (bound > 0).all()
    assert (bound < 1e-4).all()


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize(
    ("size", "steps"), [(1, 60), (7, 9), (30, 2), (31, 2), (59, 2), (60, 1), (99, 1)]
)
def test_an_epoch_is_that_of_a_plain_loop_whether_the_size_divides_or_not(
    examples, size, steps, factor
):
    start, [order] = begin(seed=0, examples=60)
    path = list(reference.follow(*examples, start, order, size, 0.1, factor=factor))
    expected = by_hand(*examples, start, order, size, 0.1, factor)
    assert len(path) == len(expected) == steps
    np.testing.assert_allclose([parameters for parameters, _ in path], expected, rtol=1e-11)


def test_an_order_may_visit_examples_twice_and_leave_others_out(examples):
    start, order = begin(seed=0)[0], np.array([5, 5, 3, 1400, 5])
    path = reference.follow(*examples, start, order, 2, 0.1)
    expected = by_hand(*examples, start, order, 2, 0.1)
    np.testing.assert_allclose([parameters for parameters, _ in path], expected, rtol=1e-12)


def test_the_start_is_left_as_it_was_and_an_epoch_without_examples_has_no_step(examples):
    start, [order] = begin(seed=0)
    kept = start.astype(float)
    list(reference.follow(*examples, kept, order, 100, 0.1))
    np.testing.assert_array_equal(kept, start)
    assert list(reference.follow(*examples, kept, order[:0], 100, 0.1)) == []


def test_two_epochs_are_one_of_twice_the_length_when_the_error_is_carried_over(examples):
    start, orders = begin(seed=0, epochs=2)
    *_, (one, error) = reference.follow(*examples, start, np.concatenate(orders), 100, 0.4)
    *_, (two, carried) = followed(*examples, start, orders, 100, 0.4)
    np.testing.assert_array_equal(one, two)
    assert carried == error
    *_, (_, forgotten) = reference.follow(*examples, two, orders[1], 100, 0.4)
    assert forgotten < 0.6 * error


# A step's own bound, parameter by parameter.


@pytest.mark.parametrize("gradient", [products, one_by_one])
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("rate", [1e-3, 0.1, 10.0])
@pytest.mark.parametrize("size", [1, 10, 1500])
def test_a_step_in_float32_is_within_its_bound(examples, size, rate, factor, gradient):
    for seed in range(5):
        before = np.random.default_rng(seed).normal(size=6).astype(np.float32)
        order = np.random.default_rng(seed).permutation(1500)[:size]
        x, y = examples[0][order], examples[1][order]
        after, bound = reference.step(x, y, before.astype(float), rate, factor)
        options = {"factor": factor, "gradient": gradient}
        [found] = in_float32(x, y, before, [np.arange(size)], size, rate, **options)
        assert (np.abs(found - after) <= bound).all()


def test_the_bound_of_a_step_is_not_met_by_one_in_half_precision(examples):
    before = np.random.default_rng(0).normal(size=6).astype(np.float32)
    after, bound = reference.step(*examples, before.astype(float), 0.1, 1)
    assert (np.abs(after.astype(np.float16) - after) > bound).any()


# The bound on whole traces.


@pytest.mark.parametrize("gradient", [products, one_by_one])
@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize(
    ("size", "rate", "epochs"),
    [
        *((size, rate, 2) for size, rate in CHAPTER[:3]),
        (1, 0.05, 1),
        (7, 0.05, 2),
        (100, 1.0, 2),  # past the stability limit, as are those below
        (1499, 1.0, 5),  # with a last batch of one example
        (1500, 1.0, 10),
        (1500, 3.0, 10),
        (1500, 10.0, 10),
    ],
)
def test_sgd_in_float32_stays_within_the_bound_at_every_step(
    examples, size, rate, epochs, factor, gradient
):
    for seed in range(1 if size < 7 else 4):
        start, orders = begin(seed, epochs)
        path = followed(*examples, start, orders, size, rate, factor=factor)
        options = {"factor": factor, "gradient": gradient}
        found = in_float32(*examples, start, orders, size, rate, **options)
        distances, errors = compare(found, path)
        assert np.isfinite(distances).all()
        assert (distances <= errors).all()


def compare(found, path):
    """How far steps are from the reference's, and the bounds on that."""
    expected, errors = (np.array(part) for part in zip(*path, strict=True))
    return np.linalg.norm(np.array(list(found)) - expected, axis=1), errors


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("size", "rate"), CHAPTER)
def test_the_bound_at_the_end_of_a_run_is_not_absurdly_wide(examples, size, rate, seed):
    start, orders = begin(seed, epochs=2)
    path = followed(*examples, start, orders, size, rate)
    distances, errors = compare(in_float32(*examples, start, orders, size, rate), path)
    assert errors[-1] < 1e5 * distances[-1]
    assert errors[-1] < 2e-3


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("size", "rate"), [*CHAPTER, (1, 0.05), (7, 0.05), (100, 1.0)])
def test_a_learning_rate_that_is_wrong_by_a_thousandth_is_beyond_the_bound(
    examples, size, rate, seed
):
    start, orders = begin(seed, epochs=1)
    path = followed(*examples, start, orders, size, rate)
    distances, errors = compare(
        [parameters for parameters, _ in followed(*examples, start, orders, size, 1.001 * rate)],
        path,
    )
    # at the first steps, before both have come to the same minimum
    assert (distances / errors)[:3].max() > 3


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("rate", [0.1, 0.9, 1.0, 1.5, 10.0])
def test_an_error_at_the_start_is_carried_in_the_direction_that_grows_most(examples, rate, factor):
    """Past the stability limit by no less than it grows, and by little more."""
    x, y = examples
    a = np.column_stack([x, np.ones(1500)]).astype(float)
    values, vectors = np.linalg.eigh(a.T @ a / 1500)
    start, order = np.ones(6), np.arange(1500)
    (one, error), *_ = reference.follow(x, y, start, order, 1500, rate, factor=factor, error=0.5)
    off = [start + 0.5 * vector for vector in vectors.T]
    distances = [
        np.linalg.norm(by_hand(x, y, other, order, 1500, rate, factor)[0] - one) for other in off
    ]
    grown = 0.5 * max(1, rate * factor * values[-1] - 1)
    assert max(distances) <= error
    assert error == pytest.approx(grown, rel=1e-2)


@pytest.mark.parametrize("size", [1, 7, 20])  # the last time a batch of one is left over
def test_an_error_at_the_start_is_carried_through_small_batches(examples, size):
    start, [order] = begin(seed=0, examples=21)
    random = np.random.default_rng(0)
    path = list(reference.follow(*examples, start, order, size, 1.0, error=0.5))
    for _ in range(20):
        shift = random.normal(size=6)
        other = start + 0.5 * shift / np.linalg.norm(shift)
        distances, errors = compare(by_hand(*examples, other, order, size, 1.0), path)
        assert (distances <= errors).all()


def test_a_run_that_overflows_ends_at_infinity_or_no_number_without_a_warning(examples):
    start, orders = begin(seed=0, epochs=400)
    path = followed(*examples, start, orders, 1500, 10.0)
    finite = [np.isfinite(parameters).all() for parameters, _ in path]
    assert finite[:100] == [True] * 100
    assert not finite[-1]
    assert len(path) == 400
    errors = np.array([error for _, error in path])
    assert not np.isfinite(errors[-1])
    assert not (errors[~np.isfinite(errors)] == -np.inf).any()


def test_where_float32_may_overflow_nothing_is_bounded_from_there_on():
    x, y = np.full((100, 1), 3, dtype=np.float32), np.ones(100, dtype=np.float32)
    start, order = np.zeros(2), np.arange(100)
    path = list(reference.follow(x, y, start, order, 1, 1.0))
    infinite = [not np.isfinite(error) for _, error in path]
    largest = [np.abs(parameters).max() for parameters, _ in path]
    assert infinite == [size >= 1e30 for size in largest]
    assert 0 < sum(infinite) < 100
    *_, (_, later) = reference.follow(x, y, start, order, 100, 0.01, error=np.inf)
    assert later == np.inf
