import itertools
import math

import numpy as np
import pandas as pd
import pytest

from minibatch.own.crossing import APART, crossing, points, reached

STEPS = np.array(points(10, 1000))


@pytest.mark.parametrize(("first", "horizon"), [(1, 4), (10, 1000), (500, 20_000)])
def test_points_go_from_0_to_the_horizon_and_are_close_where_it_matters(first, horizon):
    found = points(first, horizon)
    assert found[0] == 0
    assert found[-1] == horizon
    assert found == sorted(set(found))
    close = [(one, two) for one, two in itertools.pairwise(found) if one >= first]
    assert all(two <= max(one + 1, math.ceil(one * APART) + 1) for one, two in close)


def test_a_known_curve_is_crossed_where_it_says():
    """1/s is at 0.01 after 100 steps."""
    means = np.where(STEPS > 0, 1 / np.maximum(STEPS, 1), np.inf)
    assert crossing(STEPS, means, 0.01) == pytest.approx(100, rel=0.002)


def test_a_dip_is_no_crossing():
    means = np.full(len(STEPS), 1.0)
    means[5:7] = 0.1  # two in a row
    means[-10:] = 0.1
    assert crossing(STEPS, means, 0.5) >= STEPS[-11]


def test_what_is_not_kept_is_not_reached():
    means = np.full(len(STEPS), 1.0)
    means[-2:] = 0.1
    assert crossing(STEPS, means, 0.5) == math.inf


def test_one_that_diverges_keeps_the_mean_from_the_target():
    table = pd.DataFrame({"step": np.repeat(STEPS, 2), "loss": np.tile([0.1, 0.1], len(STEPS))})
    assert math.isfinite(reached(table, 0.5))
    table.loc[table.index % 2 == 1, "loss"] = math.inf
    assert reached(table, 0.5) == math.inf
