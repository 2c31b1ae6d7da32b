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


def half(values, among):
    """Half of an interval, by scipy's own way from values to it."""
    level = 1 - 0.05 / among
    low, high = stats.t.interval(level, len(values) - 1, np.mean(values), stats.sem(values))
    return (high - low) / 2


def test_ranks_are_compared_with_one_rank_in_the_same_launch():
    """However much launches differ: unpaired, their interval would hold 1."""
    rows = compared([0.5, 2, 2])
    for name in ("speedup", "speedup_low", "speedup_high"):
        assert rows[name].tolist() == pytest.approx([0.5, 2, 2])
    assert (rows.seconds_high / rows.seconds_low > 10).all()
    assert rows.pay.tolist() == ["no", "yes", "yes"]


def test_times_have_an_interval_each_and_speedups_one_for_all_sizes_together():
    rows = compared([2.0, 2, 2], noise=[0.1, 0.2, 0.3])
    ends = rows[["seconds_low", "seconds", "seconds_high"]].loc[10].map(np.log)
    single = half(-np.log(2) + np.log(SLOW) - 0.1 * NOISE, among=1)
    assert np.diff(ends).tolist() == pytest.approx([single] * 2)
    for size, much in zip(SIZES, (0.1, 0.2, 0.3), strict=True):
        ends = rows[["speedup_low", "speedup", "speedup_high"]].loc[size].map(np.log)
        assert np.diff(ends).tolist() == pytest.approx([half(much * NOISE, among=3)] * 2)


@pytest.mark.parametrize(
    ("speedups", "noise", "pay"),
    [
        ([2, 0.5, 2], [0, 0, 0], ["no", "no", "yes"]),  # not from the first on
        ([2, 2, 0.5], [0, 0, 0], ["no", "no", "no"]),
        ([1, 2, 2], [0, 0, 0], ["no", "yes", "yes"]),  # as fast is not faster
        ([0.5, 1.1, 2], [0, 1, 0], ["no", "undecided", "yes"]),
        ([0.5, 2, 1.1], [0, 0, 1], ["no", "undecided", "undecided"]),
        ([1.1, 0.5, 2], [1, 0, 0], ["no", "no", "yes"]),  # whatever it is at the first
    ],
)
def test_ranks_pay_from_a_size_on_if_they_are_faster_at_all_larger_ones_by_their_intervals(
    speedups, noise, pay
):
    assert compared(speedups, noise).pay.tolist() == pay


def test_an_interval_that_lies_above_one_by_itself_does_not_decide_among_several():
    single, joint = (half(0.1 * NOISE, among) for among in (1, 3))
    middle = np.exp((single + joint) / 2)
    assert compared([2, 2, middle], [0, 0, 0.1]).pay.tolist() == ["undecided"] * 3
    assert compared([2, 2, np.exp(1.01 * joint)], [0, 0, 0.1]).pay.tolist() == ["yes"] * 3


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
