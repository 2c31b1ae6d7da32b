import numpy as np
import pytest

from minibatch.sgd.sampling import METHODS, batch_order, initial_parameters, initial_weights


@pytest.mark.parametrize(
    ("seed", "epoch", "method", "copies", "expected"),
    [
        (0, 0, "permutation", 1, [9, 4, 0, 8, 1, 5, 3, 2, 6, 7]),
        (0, 1, "permutation", 1, [4, 2, 9, 1, 8, 7, 3, 6, 0, 5]),
        (1, 0, "permutation", 1, [0, 6, 2, 7, 9, 8, 3, 1, 4, 5]),
        (0, 0, "permutation", 2, [4, 4, 0, 3, 1, 0, 3, 2, 1, 2]),
        (0, 0, "replacement", 1, [7, 6, 2, 9, 3, 0, 1, 1, 5, 4]),
        (0, 0, "replacement", 2, [4, 2, 3, 1, 3, 0, 1, 1, 4, 2]),
    ],
)
def test_orders_come_from_the_frozen_stream_of_the_legacy_generator(
    seed, epoch, method, copies, expected
):
    assert batch_order(10 // copies, seed, epoch, method, copies).tolist() == expected


@pytest.mark.parametrize(
    ("seed", "expected"),
    [
        (0, [-0.0036259, -0.00415975, 0.00954865, -0.00925502, 0.00631681]),
        (3, [-0.00796515, 0.01078782, 0.00607225, 0.00151984, -0.0138423]),
    ],
)
def test_initial_weights_come_from_the_frozen_stream_in_float32(seed, expected):
    weights = initial_weights(seed, features=5)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, atol=5e-9)


def test_the_bias_starts_at_0_behind_the_weights():
    parameters = initial_parameters(3, features=5)
    assert parameters.dtype == np.float32
    assert parameters.tolist() == [*initial_weights(3, features=5).tolist(), 0]


def test_initial_weights_have_mean_0_and_deviation_a_hundredth():
    weights = np.concatenate([initial_weights(seed, features=100) for seed in range(100)])
    assert abs(weights.mean()) < 5 * 0.01 / np.sqrt(len(weights))
    assert weights.std() == pytest.approx(0.01, rel=5 / np.sqrt(2 * len(weights)))


@pytest.mark.parametrize("copies", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 7])
def test_a_permutation_visits_each_example_exactly_as_often_as_it_stands_there(seed, copies):
    order = batch_order(150, seed, 0, "permutation", copies)
    assert np.bincount(order, minlength=150).tolist() == [copies] * 150


def test_copies_of_an_example_are_scattered_over_the_epoch():
    first, second = np.split(batch_order(1000, 0, 0, "permutation", copies=2), 2)
    # half of the first half's visits would be repeats if 1000 are drawn from 2 × 1000
    assert 0.65 < len(np.unique(first)) / 1000 < 0.85
    assert 0.65 < len(np.unique(second)) / 1000 < 0.85


@pytest.mark.parametrize("copies", [1, 2])
def test_replacement_draws_each_visit_independently_and_uniformly(copies):
    examples = 1000
    order = batch_order(examples, 0, 0, "replacement", copies)
    visits = np.bincount(order, minlength=examples)
    assert order.shape == (examples * copies,)
    assert len(visits) == examples
    assert np.mean(visits == 0) == pytest.approx(np.exp(-copies), abs=0.05)


@pytest.mark.parametrize("method", METHODS)
def test_orders_differ_between_epochs_and_seeds_and_are_the_same_again(method):
    orders = {
        (seed, epoch): batch_order(100, seed, epoch, method, copies=1)
        for seed in range(5)
        for epoch in range(5)
    }
    assert len({order.tobytes() for order in orders.values()}) == 25
    for (seed, epoch), order in orders.items():
        np.testing.assert_array_equal(batch_order(100, seed, epoch, method, copies=1), order)


def test_what_others_draw_meanwhile_changes_nothing():
    np.random.seed(1)
    before = batch_order(100, 0, 0, "permutation", copies=1)
    np.random.seed(2)
    np.testing.assert_array_equal(batch_order(100, 0, 0, "permutation", copies=1), before)
