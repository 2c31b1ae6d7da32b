"""Data-parallel steps compared with one rank's, from seconds that are written down here."""

import numpy as np
import pytest
from scipy import stats

import builders
from minibatch.summaries import parallel

SIZES = (10, 100, 1000)
NOISE = np.array([2.0, -1, -1, 1, -1])  # of five launches, in logarithms
SLOW = 3e-3 * np.exp(NOISE)  # seconds of one rank, whose launches differ by factors


def compared(speedups, noise=(0.0, 0.0, 0.0), ranks=2):
    """Summary rows of this many ranks, whose speed-ups have this much noise, a number a size."""
    seconds = {(1, size): SLOW for size in SIZES}
    for size, ratio, much in zip(SIZES, speedups, noise, strict=True):
        seconds[ranks, size] = SLOW / ratio / np.exp(much * NOISE)
    rows = parallel.summarise({"cpu": builders.steps(seconds)})
    return rows[rows.ranks == ranks].set_index("batch_size")


def half(values):
    """Half of an interval, by scipy's own way from values to it."""
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return (high - low) / 2


def test_ranks_are_compared_with_one_rank_in_the_same_launch():
    """However much launches differ: unpaired, their interval would hold 1."""
    rows = compared([0.5, 2, 2])
    for name in ("speedup", "speedup_low", "speedup_high"):
        assert rows[name].tolist() == pytest.approx([0.5, 2, 2])
    assert (rows.seconds_high / rows.seconds_low > 10).all()
    assert rows.pay.tolist() == ["no", "yes", "yes"]


def test_times_and_speedups_have_the_interval_of_their_launches():
    rows = compared([2.0, 2, 2], noise=[0.1, 0.2, 0.3])
    ends = rows[["seconds_low", "seconds", "seconds_high"]].loc[10].map(np.log)
    single = half(-np.log(2) + np.log(SLOW) - 0.1 * NOISE)
    assert np.diff(ends).tolist() == pytest.approx([single] * 2)
    for size, much in zip(SIZES, (0.1, 0.2, 0.3), strict=True):
        ends = rows[["speedup_low", "speedup", "speedup_high"]].loc[size].map(np.log)
        assert np.diff(ends).tolist() == pytest.approx([half(much * NOISE)] * 2)


@pytest.mark.parametrize(
    ("speedups", "noise", "pay"),
    [
        ([2, 0.5, 2], [0, 0, 0], ["undecided", "undecided", "yes"]),  # not from the first on
        ([2, 2, 0.5], [0, 0, 0], ["undecided"] * 3),
        ([0.5, 0.5, 0.5], [0, 0, 0], ["no", "no", "no"]),
        ([1, 2, 2], [0, 0, 0], ["no", "yes", "yes"]),  # as fast is not faster
        ([0.5, 1.1, 2], [0, 1, 0], ["no", "undecided", "yes"]),
        ([0.5, 2, 1.1], [0, 0, 1], ["no", "undecided", "undecided"]),
        ([0.5, 2, 0.5], [0, 0, 0], ["no", "undecided", "undecided"]),
        ([1.1, 0.5, 2], [1, 0, 0], ["undecided", "undecided", "yes"]),
    ],
)
def test_ranks_pay_if_they_are_faster_at_all_larger_sizes_and_not_if_slower_at_all_smaller_ones(
    speedups, noise, pay
):
    assert compared(speedups, noise).pay.tolist() == pay


def test_where_ranks_are_as_fast_as_one_hardly_a_size_is_said_to_pay_or_not_to():
    """Of all answers together, 5 % at most are wrong."""
    random, wrong = np.random.default_rng(0), 0
    seconds = dict.fromkeys([(ranks, size) for ranks in (1, 2) for size in SIZES], np.ones(5))
    steps = builders.steps(seconds)
    for _ in range(300):
        noise = random.normal(size=(2, len(SIZES), 5))
        steps["seconds"] = [
            np.exp(0.1 * noise[row.ranks - 1, SIZES.index(row.batch_size), row.launch - 1])
            for row in steps.itertuples()
        ]
        pay = parallel.summarise({"cpu": steps}).pay.dropna()
        wrong += (pay != "undecided").any()
    assert 0.01 * 300 < wrong < 0.08 * 300


def test_the_interval_of_a_speedup_decides():
    single = half(0.1 * NOISE)
    assert compared([2, 2, np.exp(0.99 * single)], [0, 0, 0.1]).pay.tolist() == ["undecided"] * 3
    assert compared([2, 2, np.exp(1.01 * single)], [0, 0, 0.1]).pay.tolist() == ["yes"] * 3


def test_ranks_break_even_at_the_smallest_size_from_which_on_they_pay():
    seconds = {(1, size): [1.0, 1.0] for size in SIZES}
    seconds |= {(2, size): [took] * 2 for size, took in zip(SIZES, (2, 0.6, 0.5), strict=True)}
    seconds |= {(4, size): [took] * 2 for size, took in zip(SIZES, (2, 2, 0.3), strict=True)}
    seconds |= {(8, size): [2.0, 2.0] for size in SIZES}
    rows = parallel.summarise({"cpu": builders.steps(seconds)})
    assert rows[rows.ranks == 1].pay.isna().all()
    found = parallel.break_even(rows)[["ranks", "batch_size"]].to_numpy().tolist()
    assert found == [[2, 100], [4, 1000]]


def test_a_launch_counts_by_its_median_step():
    steps = builders.steps({(1, 10): [2.0, 2.0], (2, 10): [1.0, 1.0]})
    steps.loc[(steps.ranks == 2) & (steps.repeat == 0), "seconds"] = 50.0
    [_, two] = parallel.summarise({"cpu": steps}).itertuples()
    assert (two.seconds, two.speedup_low, two.speedup_high) == pytest.approx((1, 2, 2))
    assert (two.launches, two.samples) == (2, 6)


def test_the_hosts_of_all_ranks_in_all_launches_are_named_once():
    steps = builders.steps({(1, 10): [1.0, 1.0], (2, 10): [1.0, 1.0]})
    steps["machine"] = "node1"
    shared = steps.ranks == 2
    steps.loc[shared, "machine"] = "node1+node" + (steps.launch[shared] + 1).astype(str)
    assert parallel.summarise({"cpu": steps}).machine.tolist() == ["node1", "node1+node2+node3"]
