"""Times of steps over launches: against numbers that are known."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import builders
from minibatch.summaries import stepcost, steptime
from minibatch.summaries.intervals import of_times, over_launches

SIZES = (1, 10, 100, 1500)


def samples(launches=5, noise=0.0, seconds=lambda b: 1e-5 + 1e-8 * b, **about):
    """A step takes `seconds` of its batch size, in each launch times a factor."""
    slow = np.exp(noise * np.random.default_rng(0).standard_normal(launches))
    cells = {("pytorch", "scratch", "direct", size): slow * seconds(size) for size in SIZES}
    return builders.launches(cells, repeats=5, **about)


def frameworks(table):
    return table[table.implementation != "baseline"].reset_index(drop=True)


def test_an_interval_is_student_s_with_launches_as_the_sample():
    values = np.array([3.0, 4.0, 6.0, 7.0])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert over_launches(values) == pytest.approx((5.0, *expected))
    assert over_launches([2.0]) == (2.0, -np.inf, np.inf)


def test_an_interval_of_times_is_one_of_factors():
    mean, low, high = of_times(np.array([1.0, 2.0, 4.0]))
    assert mean == pytest.approx(2)
    assert mean / low == pytest.approx(high / mean)


def test_it_holds_the_mean_in_95_of_100_draws():
    random = np.random.default_rng(0)
    draws = np.exp(random.normal(0, 0.1, (2000, 5)))
    inside = [low < 1 < high for _, low, high in map(of_times, draws)]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_intervals_among_several_all_hold_their_means_in_95_of_100_draws():
    draws = np.random.default_rng(0).normal(1, 0.1, (2000, 6, 5))
    inside = [
        all(over_launches(one, 6)[1] < 1 < over_launches(one, 6)[2] for one in draw)
        for draw in draws
    ]
    assert np.mean(inside) == pytest.approx(0.95, abs=0.015)


def test_a_cell_has_the_time_of_a_step_and_its_interval():
    table = frameworks(steptime.summarise(samples(noise=0.1)))
    assert table.batch_size.tolist() == list(SIZES)
    assert (table.launches == 5).all()
    assert ((table.seconds_low < table.seconds) & (table.seconds < table.seconds_high)).all()
    one = samples(noise=0.1)["samples"].query("batch_size == 10").groupby("launch").seconds.first()
    assert table.seconds[1] == pytest.approx(np.exp(np.log(one / 150).mean()))
    assert (table.cpu_share == 1).all()


def test_repeats_of_one_launch_do_not_count_as_launches():
    read = samples(noise=0.1)
    more = read | {"samples": pd.concat([read["samples"]] * 10)}
    pd.testing.assert_frame_equal(steptime.summarise(more), steptime.summarise(read))


def test_the_start_of_a_part_of_an_epoch_counts_as_in_a_whole_one():
    """Ten steps of an epoch of 150, whose start takes as long as ten of them."""
    read = samples(launches=2)
    frame = read["samples"]
    part = frame[frame.batch_size == 10].assign(
        steps=10, examples=100, seconds=10e-5 + 11e-6 + 10e-5, start_seconds=10e-5 + 11e-6
    )
    known = part.assign(load_seconds=10 * 1e-6, seconds=part.seconds - 10e-6)
    [row] = frameworks(steptime.summarise(read | {"samples": known})).to_dict("records")
    assert row["start_seconds"] == pytest.approx(10e-5 + 10e-6)
    assert row["seconds"] == pytest.approx((10e-5 - 10e-6) / 10 + (10e-5 + 10e-6) / 150)
    unknown = part.assign(load_seconds=np.nan)
    [row] = frameworks(steptime.summarise(read | {"samples": unknown})).to_dict("records")
    assert row["start_seconds"] == pytest.approx(10e-5 + 11e-6)
    assert row["seconds"] == pytest.approx(1e-5 + (10e-5 + 11e-6) / 150)


def test_a_line_is_found_and_its_interval_holds_it():
    [row] = frameworks(stepcost.summarise(samples(noise=0.05))).to_dict("records")
    assert row["t0_seconds_low"] < 1e-5 < row["t0_seconds_high"]
    assert row["c_seconds_low"] < 1e-8 < row["c_seconds_high"]
    assert row["line"] == "yes"
    exact = stepcost.summarise(samples()).iloc[0]
    assert exact.t0_seconds == pytest.approx(1e-5)
    assert exact.c_seconds == pytest.approx(1e-8)
    assert exact.residual == pytest.approx(0, abs=1e-9)


def test_what_a_call_of_an_epoch_costs_is_apart_from_the_line():
    """150 µs, which a step at batch size 1500 has whole, and one at batch size 1 a 1500th of."""
    seconds = {size: 1e-6 + 1e-8 * size + 1.5e-4 / -(-1500 // size) for size in SIZES}
    cells = {("jax", "compiled", "direct", size): [seconds[size]] * 3 for size in SIZES}
    tables = builders.launches(cells)
    one_step = tables["samples"].epoch_steps == 1
    starts = np.where(one_step, np.nan, 1.5e-4)  # of a single step it cannot be told apart
    tables["samples"] = tables["samples"].assign(start_seconds=starts, load_seconds=np.nan)
    [row] = frameworks(stepcost.summarise(tables)).to_dict("records")
    found = [row[name] for name in ("t0_seconds", "c_seconds", "start_seconds", "line")]
    assert found == [pytest.approx(1e-6), pytest.approx(1e-8), pytest.approx(1.5e-4), "yes"]
    eager = {"implementation": "scratch"}
    tables["samples"] = tables["samples"].assign(**eager)
    assert stepcost.summarise(tables).c_seconds[0] == pytest.approx(1.1e-7, rel=0.01)


def test_what_is_no_line_is_said_to_be_none_and_where():
    bent = samples(seconds=lambda b: 1e-5 + 1e-8 * b + 1e-5 * (b == 10))
    [row] = frameworks(stepcost.summarise(bent)).to_dict("records")
    assert row["line"] == "no"
    assert row["residual"] > 0.1
    assert row["residual_at"] == 10


def test_launches_that_differ_leave_a_line_undecided():
    """Five launches, each of which bends another way."""
    read = samples(noise=0.05)
    random = np.random.default_rng(1)
    bends = np.exp(random.normal(0, 0.3, (5, len(SIZES))))
    bend = [
        bends[launch - 1, SIZES.index(size)]
        for launch, size in zip(read["samples"].launch, read["samples"].batch_size, strict=True)
    ]
    read["samples"] = read["samples"].assign(seconds=read["samples"].seconds * bend)
    assert frameworks(stepcost.summarise(read)).line.tolist() == ["undecided"]


def test_small_times_count_as_much_as_large_ones():
    """Weighted by 1/t²: a tenth too much at one batch size moves t₀ no farther than that."""
    sizes, seconds = np.array([1.0, 10, 100, 1000]), np.array([1.1e-5, 2e-5, 1.1e-4, 1.01e-3])
    constant, slope = stepcost.fit(sizes, seconds * [1, 1, 1, 1.1])
    assert constant == pytest.approx(1e-5, rel=0.1)
    assert slope == pytest.approx(1e-6, rel=0.1)


def test_where_phases_are_not_apart_the_part_of_loading_is_unknown():
    apart = samples()
    unknown = samples(load_seconds=np.nan, start_seconds=np.nan)
    assert stepcost.summarise(apart).load_t0_seconds[0] == pytest.approx(1e-6, rel=0.1)
    assert np.isnan(stepcost.summarise(unknown).load_t0_seconds[0])
