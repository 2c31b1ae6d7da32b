"""The engine against the reference in float64, with the bound that a framework is held to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minibatch.sgd import objective, reference, sampling
from minibatch.sgd.engine import Engine
from minibatch.sgd.step_checks import check_loss
from minibatch.stages.train import Run, train, verify

RATES = np.array([0.002, 0.01, 0.05, 0.2])
MANY = np.geomspace(0.001, 0.1, 40)  # more than the lanes that are run together
DIVERGING = np.array([3.0, 30.0])  # far beyond the limit of stability, of any batch size


def problem(examples, features, seed=0):
    """Correlated features and a noisy target, float32."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(examples, features)) @ random.normal(size=(features, features))
    x /= np.sqrt((x**2).sum(axis=1).mean())  # so that a rate of 1 is about stable
    y = x @ random.normal(size=features) + 0.3 * random.normal(size=examples) + 1
    return x.astype(np.float32), y.astype(np.float32)


def orders(examples, seed, epochs, method="permutation", copies=1):
    return np.array(
        [sampling.batch_order(examples, seed, epoch, method, copies) for epoch in range(epochs)]
    )


def check(x, y, start, order, size, rates, decay, found, points):
    """Each loss at each point is the reference's, to what rounding explains."""
    floor = objective.loss(x, y, objective.optimum(x, y))
    for lane, rate in enumerate(rates):
        parameters, error, step = start.astype(float), 0.0, 0
        losses = dict(zip(points, floor + found[:, lane], strict=True))
        check_loss(losses.pop(0), x, y, parameters, 0, "start")
        for epoch, chosen in enumerate(order):
            path = reference.follow(
                x, y, parameters, chosen, size, np.float32(rate) * decay[epoch], error=error
            )
            for parameters, error in path:
                step += 1
                if step in losses:
                    check_loss(losses.pop(step), x, y, parameters, error, f"step {step}, {rate}")
        assert not losses


@settings(max_examples=60, deadline=None)
@given(
    examples=st.integers(1, 60),
    features=st.sampled_from([1, 5, 8, 17]),
    size=st.integers(1, 60),
    epochs=st.integers(1, 4),
    method=st.sampled_from(sampling.METHODS),
    copies=st.integers(1, 2),
    lanes=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_every_loss_is_that_of_the_reference(
    examples, features, size, epochs, method, copies, lanes, seed
):
    x, y = problem(examples, features, seed)
    order = orders(examples, seed, epochs, method, copies)
    start = sampling.initial_parameters(seed, features)
    decay = np.float32(0.1) ** np.arange(epochs, dtype=np.float32)
    points = np.arange(epochs * -(-examples * copies // size) + 1)
    found = Engine(x, y).excess(start, order, size, RATES[:lanes], points, decay)
    assert found.shape == (len(points), lanes)
    check(x, y, start, order, size, RATES[:lanes], decay, found, points)


def three_epochs(examples, size, rates, points, kind=np.int64):
    """The excess losses of three epochs in permutations, with a rate that goes down."""
    order = orders(len(examples[1]), 2, 3).astype(kind)
    start = sampling.initial_parameters(2, 5)
    return Engine(*examples).excess(start, order, size, rates, points, np.array([1, 0.5, 0.25]))


def every(size):
    """All points of three epochs of the 1500 examples."""
    return np.arange(3 * -(-1500 // size) + 1)


@pytest.mark.parametrize("size", [1, 7, 100])
def test_a_run_that_diverges_is_infinite_for_good_and_changes_no_other(examples, size):
    points = every(size)
    found = three_epochs(examples, size, np.concatenate([MANY, DIVERGING]), points)
    for lost in found[:, len(MANY) :].T:
        [first, *_] = np.flatnonzero(np.isinf(lost))
        assert first > 0
        assert np.isinf(lost[first:]).all()
        assert (lost[:first] <= 1e4 * lost[0]).all()
    assert np.isfinite(found[:, : len(MANY)]).all()
    np.testing.assert_array_equal(found[:, : len(MANY)], three_epochs(examples, size, MANY, points))


def test_a_run_that_comes_back_from_where_it_was_given_up_stays_infinite(examples):
    """One step that is far too long, and many that are not: in between it is given up."""
    start, order, decay = sampling.initial_parameters(0, 5), orders(1500, 0, 400), np.ones(400)
    decay[0] = 200

    def excess(points):
        about = 1500, np.array([1e-4, 0.9]), np.array(points), decay
        return Engine(*examples).excess(start, order, *about).T

    assert excess([0, 400])[1, -1] < 0.1 * excess([0])[1, 0]  # where no one looks in between
    small, large = np.isinf(excess([0, 1, 2, 400])).tolist()
    assert small == [False, False, False, False]
    assert large == [False, True, True, True]


@pytest.mark.parametrize("size", [1, 7, 1500])
def test_a_run_alone_is_what_it_is_among_others_bit_for_bit(examples, size):
    points = every(size)
    found = three_epochs(examples, size, MANY, points)
    assert len(np.unique(found[-1])) == len(MANY)
    for lane in (0, 1, 15, 16, 31, 32, 39):
        alone = three_epochs(examples, size, MANY[[lane]], points)
        np.testing.assert_array_equal(alone, found[:, [lane]])


@pytest.mark.parametrize(
    ("size", "coarse"),
    [
        (1, [0, 1, 2, 777, 1500, 1501, 4500]),
        (7, [0, 3, 215, 216, 430, 431, 645]),
        (7, [0, 214, 644]),
        (1500, [0, 3]),
    ],
)
def test_where_a_run_is_looked_at_does_not_alter_it(examples, size, coarse):
    found = three_epochs(examples, size, MANY, every(size))
    np.testing.assert_array_equal(
        three_epochs(examples, size, MANY, np.array(coarse)), found[coarse]
    )


@pytest.mark.parametrize("size", [1, 7])
def test_orders_of_16_and_of_64_bits_agree(size):
    """Also where numbers of examples would be negative if 16 bits had a sign."""
    x, y = problem(40000, 5)
    order = orders(40000, 0, 1)[:, :3000]
    about = size, RATES, np.arange(1, 400, 7) - 1, np.ones(1)
    start = sampling.initial_parameters(0, 5)
    found, other = (
        Engine(x, y).excess(start, indices, *about) for indices in (order, order.astype(np.uint16))
    )
    assert (order > 2**15).any()
    np.testing.assert_array_equal(found, other)


@pytest.mark.parametrize(("size", "rate"), [(7, 0.05), (1000, 0.5)])
def test_pytorch_trains_as_the_engine_does(pytorch, examples, size, rate):
    """Each within the bound on rounding around the reference, at the points of PyTorch's trace."""
    run = Run(
        **{"device": "cpu", "implementation": "scratch", "loader": "direct"},
        **{"objective": "half_mse", "batch_size": size, "learning_rate": rate, "epochs": 3},
        **{"schedule": "tenth", "sampling": "permutation", "copies": 1, "seed": 5},
    )
    trace = train(pytorch, *examples, run)
    points = trace.step.to_numpy()
    order = np.array([run.order(1500, epoch) for epoch in range(3)])
    decay = np.array([run.rate(epoch) / rate for epoch in range(3)])
    start = sampling.initial_parameters(5, 5)
    [found] = Engine(*examples).excess(start, order, size, np.array([rate]), points, decay).T
    losses = found + objective.loss(*examples, objective.optimum(*examples))
    assert len(losses) > 3
    verify(*examples, run, trace)
    verify(*examples, run, trace.assign(loss=losses))
    np.testing.assert_allclose(losses, trace.loss, rtol=2e-6)
