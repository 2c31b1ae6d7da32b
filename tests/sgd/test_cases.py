"""The points of runs, and what is run for a batch size, against a search of the exact curve."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from minibatch.errors import UserError
from minibatch.sgd import cases
from minibatch.sgd.cases import Case
from minibatch.sgd.moments import Moments


@given(horizon=st.integers(0, 10**6))
def test_the_grid_is_of_all_steps_up_to_100_and_then_2_per_cent_apart(horizon):
    points = cases.grid(horizon)
    early, late = points[: min(horizon, 100) + 1], points[min(horizon, 100) :]
    assert early.tolist() == [*range(min(horizon, 100) + 1)]
    assert points[-1] == horizon
    apart = np.diff(late)
    assert (apart >= 1).all()
    assert (apart <= late[:-1] / 50).all()
    assert (apart[:-1] >= late[:-2] // 50).all()


@given(horizon=st.integers(2, 10**5))
def test_a_number_of_the_grid_may_stand_for_all_after_the_one_before(horizon):
    points = cases.grid(horizon)
    found = cases.earliest(points[1:])
    assert (found >= 1).all()
    assert (found <= points[:-1] + 1).all()
    assert (found[:99] == points[1:100]).all()
    assert (found >= points[1:] / 1.02).all()
    assert cases.earliest(np.inf) == np.inf


def test_a_case_has_the_end_of_each_epoch_among_its_points():
    points = Case(7, (), 500).points(42 * 30)  # 180 steps an epoch
    assert [*np.setdiff1d(points, cases.grid(500))] == [360]
    assert 180 in points
    assert {*cases.grid(500)} <= {*points}
    assert (np.diff(points) > 0).all()


@pytest.mark.parametrize(
    ("reached", "index"),
    [("1111", 0), ("0111", 1), ("1011", 2), ("0001", 3), ("1110", 4), ("0000", 4)],
)
def test_since_is_from_where_all_is_true(reached, index):
    assert cases.since(np.array([letter == "1" for letter in reached])) == index


@given(arrays(bool, st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 9))))
def test_since_is_along_the_last_axis(reached):
    found = cases.since(reached)
    assert found.shape == reached.shape[:2]
    for place, values in zip(
        np.ndindex(found.shape), reached.reshape(-1, reached.shape[2]), strict=True
    ):
        ends = [start for start in range(len(values) + 1) if values[start:].all()]
        assert found[place] == min(ends)


# Sizes that divide 42 reach a low target. Of the others, whose losses go up and down with the
# smaller last batch, a target that is reached while each step is a point of the grid.
@pytest.mark.parametrize(
    ("size", "excess"), [*((size, 0.03) for size in (1, 6, 21, 42)), (4, 0.5), (37, 0.5), (41, 1)]
)
def test_no_rate_is_sooner_at_the_target_than_the_one_that_is_found(small, size, excess):
    moments = Moments(*small)
    target = (1 + excess) * moments.floor
    rate, steps = cases.reach(moments, size, target)

    def reached(rates):
        start = cases.initial_moments(3)
        losses = moments.losses(*start, size, rates, np.arange(3 * steps + 100))
        return cases.since(losses <= target)

    limit = moments.stability_limit(size)
    fewest = reached(np.linspace(limit / 500, limit, 500, endpoint=False)).min()
    [own] = reached([rate])
    late = steps > 50
    assert steps / (1 + 0.02 * late) - late <= own <= steps  # a point of the grid
    assert fewest <= own <= 1.03 * fewest + 1  # rates are some per cent apart


@pytest.mark.parametrize("count", [2, 64])
def test_rates_go_from_half_the_best_to_past_the_limit(small, count):
    moments = Moments(*small)
    sizes = [42, 6, 4]
    found = cases.planned(moments, sizes, count, 0.1)
    assert [case.batch_size for case in found] == sizes
    for case in found:
        best, steps = cases.reach(moments, case.batch_size, 1.1 * moments.floor)
        rates = np.array(case.learning_rates)
        assert rates.shape == (count,)
        assert rates[0] == pytest.approx(best / 2)
        assert rates[-1] == pytest.approx(1.1 * moments.stability_limit(case.batch_size))
        ratio = (rates[-1] / rates[0]) ** (1 / (count - 1))
        np.testing.assert_allclose(rates[1:] / rates[:-1], ratio)
        assert 1.5 * steps <= case.horizon < 1.5 * steps + 1


def test_a_horizon_is_whole_epochs_and_a_part_of_one():
    assert [Case(10, (), steps).epochs(42) for steps in (1, 5, 6, 10, 11)] == [1, 1, 2, 2, 3]
    assert Case(10, (), 9, copies=2).epochs(42) == 1
    assert Case(100, (), 3).epochs(42) == 3


def test_a_loss_that_takes_too_many_steps_is_refused_in_a_line(small, monkeypatch):
    monkeypatch.setattr(cases, "LONGEST", 1000)
    moments = Moments(*small)
    with pytest.raises(
        UserError, match=r"sweep.batch_size: 7 takes more than 1,000 steps .*lowest"
    ):
        cases.reach(moments, 7, 1.00001 * moments.floor)


GOALS = [0.3, 0.1, 0.03]  # left of the gain


def planned_within(small, updates, sizes=(1, 6, 42), **more):
    """What is affordable, with at least 40 seeds, to shares of the gain."""
    moments = Moments(*small, exact=False)
    losses = [moments.floor + goal * (moments.at_zero - moments.floor) for goal in GOALS]
    amounts = {"seeds": 400, "fewest_seeds": 40, "losses": 1e9} | more
    return cases.affordable(moments, sizes, 4, losses, cases.Most(updates, **amounts))


def taken(plan):
    """The examples that a plan visits, over all seeds and rates."""
    return sum(case.horizon * case.batch_size * 4 * seeds for case, seeds in plan)


def test_with_enough_work_every_size_goes_to_the_lowest_loss_with_all_seeds(small):
    plan = planned_within(small, 1e12)
    moments = Moments(*small, exact=False)
    lowest = moments.floor + GOALS[-1] * (moments.at_zero - moments.floor)
    for (case, seeds), size in zip(plan, (1, 6, 42), strict=True):
        _, steps = cases.reach(moments, size, lowest)
        assert (case.batch_size, seeds, case.horizon) == (size, 400, int(np.ceil(1.5 * steps)))


@pytest.mark.parametrize("share", [0.9, 0.3, 0.1, 0.02])
def test_with_less_there_are_fewer_seeds_then_higher_losses_then_fewer_sizes(small, share):
    whole = taken(planned_within(small, 1e12))
    plan = planned_within(small, share * whole)
    assert taken(plan) <= share * whole
    assert all(seeds % 40 == 0 and seeds >= 40 for _, seeds in plan)


def test_a_size_that_takes_too_much_is_left_out(small):
    sizes = [case.batch_size for case, _ in planned_within(small, 40 * 4 * 3 * 60)]
    assert 42 not in sizes


def test_no_more_losses_of_a_case_are_kept_than_there_is_room_for(small):
    for case, seeds in planned_within(small, 1e12, losses=1e5):
        assert seeds == 40 or seeds * len(case.points(42)) * 4 <= 1e5


def test_losses_of_many_epochs_are_kept_on_a_grid():
    points = Case(42, (), 5000).points(42)
    assert len(points) < 400
    assert set(range(100)) <= {*points.tolist()}
