"""The noise of gradients: against a problem that is solved by hand, and over many problems."""

from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from minibatch.sgd import objective
from minibatch.summaries import gradient_law, gradient_noise


def examples(x, y):
    return {"examples": pd.DataFrame(np.column_stack([x, y]))}


def some(count, seed=0):
    """Examples of a line with noise that is not normal."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(count, 2))
    return x, x @ [1, -2] + 0.5 + random.exponential(size=count)


def test_the_noise_scale_of_a_problem_that_is_solved_by_hand():
    # The Hessian is 1, so that a step at half of 1/λmax halves the mean m of the residuals m ± 1:
    # |G|² = m², and tr Σ = 2(m² + 1) − m².
    x, y = np.array([1.0, 1, -1, -1]), 2 + np.array([1.0, -1, 1, -1])
    found = gradient_noise.summarise(examples(x, y))
    mean = 2 / 2 ** np.arange(6)  # the next one is 1e-3 above the floor
    assert found.step.tolist() == [*range(6)]
    assert found.loss.to_numpy() == pytest.approx((mean**2 + 1) / 2)
    assert found.excess.to_numpy() == pytest.approx(mean**2 / 2)
    assert found.gradient_squared.to_numpy() == pytest.approx(mean**2)
    assert found.trace.to_numpy() == pytest.approx(mean**2 + 2)
    assert found.noise_scale.to_numpy() == pytest.approx(1 + 2 / mean**2)


def test_the_way_on_the_chapters_problem_ends_a_thousandth_above_the_floor(standardised):
    found = gradient_noise.summarise(examples(*standardised))
    floor = found.loss[0] - found.excess[0]
    assert (found.step[0], found.loss[0]) == (0, pytest.approx(0.49326, abs=1e-5))
    assert 1.001 < found.loss.iloc[-1] / floor < 1.0012
    assert found.gradient_squared[0] == pytest.approx(0.33126, abs=1e-5)
    assert found.noise_scale.is_monotonic_increasing


def test_the_way_to_a_floor_of_zero_ends_after_some_steps():
    found = gradient_noise.summarise(examples(*some(3)))
    assert len(found) == 1 + gradient_noise.STEPS
    assert np.isfinite(found.to_numpy()).all()


@pytest.mark.parametrize("method", ["permutation", "replacement"])
def test_the_exact_columns_are_those_over_every_batch(method):
    x, y = some(5)
    found = gradient_law.summarise(examples(x, y)).query("sampling == @method")
    assert (found[["variance_error", "mean_error"]].to_numpy() < 1e-12).all()
    for row in found.itertuples():
        at = np.zeros(3) if row.point == "start" else objective.optimum(x, y)
        whole = objective.gradient(x, y, at)
        every = (
            combinations(range(5), row.batch_size)
            if method == "permutation"
            else product(range(5), repeat=row.batch_size)
        )
        off = [objective.gradient(x[[*batch]], y[[*batch]], at) - whole for batch in every]
        expected = np.sqrt((np.array(off) ** 2).sum(axis=1).mean())
        assert row.exact == pytest.approx(expected, abs=1e-12)


def test_sizes_go_up_to_all_examples_of_which_there_is_one_batch_without_replacement():
    found = gradient_law.summarise(examples(*some(60)))
    assert found.examples.unique() == [60]
    for (_, method), rows in found.groupby(["point", "sampling"]):
        assert rows.batch_size.tolist() == [1, 2, 5, 10, 20, 50, 60]
        last = rows.set_index("batch_size").loc[60]
        columns = ["batches", "sampled", "sampled_low", "sampled_high", "bias"]
        assert last[columns].isna().tolist() == [method == "permutation"] * 5
        assert (last.exact == 0) == (method == "permutation")


def test_intervals_hold_for_all_rows_together_and_are_no_wider_than_need_be(monkeypatch):
    monkeypatch.setattr(gradient_law, "BATCHES", 300)
    outside, errors = [], []
    for seed in range(60):
        found = gradient_law.summarise(examples(*some(24, seed))).dropna()
        known = (found.sampled_low <= found.exact) & (found.exact <= found.sampled_high)
        outside.append([not known.all(), (found.bias > found.bias_limit).any()])
        half = np.log(found.sampled_high / found.sampled_low) / 2
        quantile = stats.norm.isf(0.025 / len(found))
        errors += [*(np.log(found.sampled / found.exact) / half * quantile)]
    assert (np.mean(outside, axis=0) <= 0.1).all(), np.mean(outside, axis=0)
    assert np.std(errors) == pytest.approx(1, abs=0.1)


def test_the_limit_of_the_bias_is_of_all_rows_and_coordinates():
    found = gradient_law.summarise(examples(*some(24)))
    rows = found.bias.count()
    assert rows == 2 * (6 + 5)
    assert found.bias_limit.to_numpy() == pytest.approx(stats.norm.isf(0.025 / rows / 3))
