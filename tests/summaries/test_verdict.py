"""What the interval of a ratio decides, against numbers that are worked out by hand."""

import numpy as np
import pandas as pd
import pytest

from minibatch.summaries.verdict import about, ratio, shown, verdict


def launches(values, first=1):
    return pd.Series(values, range(first, first + len(values)), dtype=float)


def test_a_ratio_is_taken_launch_by_launch():
    """Launches differ by a factor of ten, and the two times in each by two alone."""
    found = ratio(launches([2, 20, 200]), launches([1, 10, 100]))
    assert found == pytest.approx((2, 2, 2))


def test_its_interval_is_students_for_the_logarithms():
    found = ratio(launches([1, 4, 2]), launches([1, 1, 1]))
    half = np.log(2) / np.sqrt(3) * 4.302653  # t for two degrees of freedom
    assert found == pytest.approx((2, 2 * np.exp(-half), 2 * np.exp(half)))


def test_only_launches_of_both_count_whatever_their_order():
    one, other = launches([9, 2, 4]), launches([1, 2], first=2)
    assert ratio(one, other[::-1]) == pytest.approx((2, 2, 2))


@pytest.mark.parametrize(
    ("interval", "said"),
    [((0.5, 0.9), "holds"), ((0.9, 1.1), "undecided"), ((1.1, 2), "does not hold")],
)
def test_less_time_holds_where_the_whole_interval_is_below_one(interval, said):
    assert verdict((1, *interval), most=1) == said


@pytest.mark.parametrize(
    ("interval", "said"),
    [
        ((0.81, 1.24), "holds"),
        ((0.79, 1.2), "undecided"),
        ((0.9, 1.26), "undecided"),
        ((0.5, 2), "undecided"),
        ((0.5, 0.79), "does not hold"),
        ((1.26, 2), "does not hold"),
    ],
)
def test_about_the_same_is_within_a_factor_of_five_quarters(interval, said):
    assert about((1, *interval)) == said


def test_a_single_launch_decides_nothing():
    found = ratio(launches([1]), launches([100]))
    assert verdict(found, most=1) == "undecided"
    assert about(found) == "undecided"


def test_a_ratio_is_shown_with_its_interval():
    assert shown((0.512, 0.499, 0.523)) == "0.51× (0.5× to 0.52×)"
