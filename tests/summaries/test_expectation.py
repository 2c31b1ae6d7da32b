"""The engine's means against their expectation: shares, intervals, and what is said of them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from minibatch.summaries import expectation

PROBLEM = pd.DataFrame({"floor": [0.2]})


def curves(shares, error=0.001):
    """Runs that end this many times as far above the floor as is expected, by batch size."""
    rows = [
        {"variant": variant, "batch_size": size, "learning_rate": rate, "step": step}
        | {"mean_loss": 0.2 + (share if rate == 0.2 else 5) * 0.01, "expected_loss": 0.21}
        for size, share in shares.items()
        for variant in ("plain", "replacement")
        for rate in (0.1, 0.2, 0.4)
        for step in (0, 50)
    ]
    return pd.DataFrame(rows).assign(seeds=480, standard_error=error * 0.01)


def summarise(shares, error=0.001):
    return expectation.summarise({"curves": curves(shares, error), "problem": PROBLEM})


def test_the_excess_at_the_end_is_compared_at_the_rate_that_theory_says_is_best():
    found = summarise({1: 1.01, 10: 0.98})
    assert found.batch_size.tolist() == [1, 10]
    assert found.share.tolist() == pytest.approx([1.01, 0.98])
    assert set(found.learning_rate) == {0.2}
    assert set(found.step) == {50}


def test_intervals_hold_for_all_sizes_together():
    found = summarise(dict.fromkeys(range(1, 11), 1.0), error=0.1)
    half = 0.1 * stats.norm.ppf(1 - 0.05 / 2 / 10)
    assert found.share_high.to_numpy() == pytest.approx(1 + half)
    assert found.share_low.to_numpy() == pytest.approx(1 - half)


def test_agreement_is_said_with_its_numbers():
    said = expectation.sentence(summarise({1: 1.001, 10: 0.999}))
    assert "over 480 seeds end 1.00 to 1.00 times as far" in said
    assert "1 is inside at every batch size" in said


def test_a_size_that_differs_is_named():
    assert "differs at batch size 10" in expectation.sentence(summarise({1: 1.0, 10: 1.02}))


def test_a_share_is_of_the_excess_and_not_of_the_loss():
    [share] = summarise({1: 2.0}).share
    assert share == pytest.approx(2.0)
    assert np.isfinite(share)


def test_without_runs_with_replacement_nothing_is_said_to_agree():
    made = curves({1: 1.0})
    tables = {"curves": made[made.variant == "plain"], "problem": PROBLEM}
    assert (
        expectation.sentence(expectation.summarise(tables)) == "no run was made to hold against it"
    )
