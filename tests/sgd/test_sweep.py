"""Runs of many seeds against theory, and against the engine's one by one."""

import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import cases, sampling, sweep, threads
from minibatch.sgd.cases import Case
from minibatch.sgd.engine import Engine
from minibatch.sgd.moments import Moments

CASES = [
    Case(7, (0.01, 0.1), 100),
    Case(1, (0.001, 0.01, 0.1), 300, sampling="replacement"),
    Case(42, (0.1,), 4, copies=2),
    Case(5, (0.1, 5.0), 60, schedule="tenth"),
    Case(5, (0.05, 0.1), 20),
]


def test_any_number_of_threads_gives_the_same_bits(small, monkeypatch):
    found = []
    for count in (1, 2):
        monkeypatch.setattr(threads, "available", lambda count=count: count)
        found.append([*sweep.run(*small, CASES, 9)])
    for case, alone, together in zip(CASES, *found, strict=True):
        assert alone.shape == (9, len(case.points(42)), len(case.learning_rates))
        assert len(np.unique(alone[:, -1, 0])) == 9
        np.testing.assert_array_equal(alone, together)


def test_what_takes_too_much_memory_is_refused_in_a_line(small, monkeypatch):
    monkeypatch.setattr(sweep, "MOST", 10**6)
    with pytest.raises(UserError, match=r"batch_size: 7 takes 100 steps, and with 9000 seeds"):
        next(sweep.run(*small, CASES, 9000))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_seed_has_its_own_start_and_an_order_for_each_epoch(small, case):
    """Whatever cases ran before it, shorter or longer, with this sampling or another."""
    *_, found = sweep.run(*small, [*CASES, case], 3)
    epochs = -(-case.horizon // -(-42 * case.copies // case.batch_size))
    decay = 0.1 ** np.arange(epochs) if case.schedule == "tenth" else np.ones(epochs)
    for seed in range(3):
        order = [
            sampling.batch_order(42, seed, epoch, case.sampling, case.copies)
            for epoch in range(epochs)
        ]
        about = case.batch_size, np.array(case.learning_rates), case.points(42), decay
        start = sampling.initial_parameters(seed, 2)
        expected = Engine(*small).excess(start, np.array(order), *about)
        np.testing.assert_array_equal(found[seed], expected.astype(np.float32))


@pytest.mark.parametrize(
    ("size", "horizon"), [(1, 3000), (10, 450), (7, 430), (700, 60), (1499, 40), (1500, 30)]
)
def test_the_mean_over_seeds_is_the_expected_loss(examples, size, horizon):
    moments = Moments(*examples)
    rates = moments.stability_limit(size) * np.array([0.02, 0.1, 0.3])
    if size == 1499:
        rates = rates / 10  # the last example is a batch by itself
    case = Case(size, tuple(rates), horizon, sampling="replacement")
    points = case.points(1500)
    [losses] = sweep.run(*examples, [case], 400)
    expected = moments.losses(*cases.initial_moments(6), size, rates, points).T - moments.floor
    error = losses.std(axis=0, ddof=1) / np.sqrt(len(losses))
    assert (error < 0.1 * expected).all()
    assert (np.abs(losses.mean(axis=0) - expected) < 4 * error).all()


def test_with_little_memory_for_orders_each_case_has_the_same_bits(small):
    numbers = [40, 40, 80, 40, 40]
    whole = [*sweep.run(*small, CASES, 80)]
    little = [*sweep.run(*small, CASES, numbers, most=80 * 30)]  # a part of a pass over 42
    for number, one, other in zip(numbers, whole, little, strict=True):
        np.testing.assert_array_equal(one[:number], other)
    short = [Case(7, (0.01, 0.1), 3), Case(1, (0.01,), 29)]  # no further than that part
    for one, other in zip(
        sweep.run(*small, short, 80), sweep.run(*small, short, 80, most=80 * 30), strict=True
    ):
        np.testing.assert_array_equal(one, other)
