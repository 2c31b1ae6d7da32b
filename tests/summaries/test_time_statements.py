"""What the chapter states of times, from launches that are written down here."""

import numpy as np
import pytest

import builders
from minibatch.summaries import time_statements
from minibatch.summaries.verdict import UNMEASURED

FULL = "Batch size 1 costs more time per epoch than the full batch."
LESS = "Batch size 100 costs less time per epoch than the full batch."
MORE = "Batch size 10 costs more time per epoch than batch size 100."
OVERHEAD = "Python and the framework add a considerable overhead to each step."
CONCISE = "The concise implementation behaves as the one from scratch."
LOOP = ("numba", "baseline", "direct", 1)


def cells(steps, implementation="scratch", loader="direct"):
    """Seconds a step in each launch, by batch size."""
    return {("pytorch", implementation, loader, size): values for size, values in steps.items()}


def judge(found):
    """Verdict and evidence of each statement, of one loader."""
    [rows] = time_statements.statements(builders.launches(found)).values()
    return {row["statement"]: (row["verdict"], row["evidence"]) for row in rows}


SLOW = [1.0, 1.1, 0.9]


def test_epochs_are_compared_and_not_steps():
    """A step on all takes ten times as long, and an epoch of single examples 150 times."""
    found = judge(cells({1: np.array(SLOW) * 1e-6, 1500: np.array(SLOW) * 1e-5}))
    verdict, evidence = found[FULL]
    assert verdict == "holds"
    assert evidence.startswith("150× (150× to 150×): batch size 1 1.49 ms per epoch, all examples")


@pytest.mark.parametrize(
    ("hundred", "expected"),
    [
        ([1.0, 1.1, 0.9], "holds"),
        ([3.0, 3.2, 2.9], "does not hold"),
        ([1.0, 3.0, 2.0], "undecided"),
    ],
)
def test_the_interval_over_launches_decides(hundred, expected):
    """Launch by launch: what slows both down in one launch decides nothing."""
    steps = {100: np.array(hundred) / 15, 1500: [2.0, 2.2, 1.8]}
    assert judge(cells(steps))[LESS][0] == expected


def test_a_launch_that_is_slow_for_both_does_not_make_it_undecided():
    slow = np.array([1.0, 5.0, 0.3])
    assert judge(cells({100: slow / 15, 1500: 1.1 * slow}))[LESS][0] == "holds"


def test_a_batch_size_that_was_not_timed_is_named():
    found = judge(cells({1: SLOW, 100: SLOW}))
    assert found[FULL] == (UNMEASURED, "all examples: not among steptime.batch_size, or not timed")
    assert found[MORE][1].startswith("batch size 10: not among")
    assert found[CONCISE][0] == UNMEASURED


@pytest.mark.parametrize(
    ("constant", "expected"), [(1e-5, "holds"), (2e-7, "does not hold"), (1e-6, "undecided")]
)
def test_the_overhead_is_the_part_of_a_step_that_has_no_examples(constant, expected):
    noise = np.array([0.9, 1.0, 1.2])
    line = {size: noise * (constant + size * 1e-8) for size in (1, 10, 100)}
    verdict, evidence = judge(cells(line) | {LOOP: [1e-7, 0.95e-7, 1.05e-7]})[OVERHEAD]
    assert verdict == expected
    assert f"{constant * 1e6:.3g}"[:1] in evidence


@pytest.mark.parametrize(
    ("concise", "expected"), [(1.1, "holds"), (1.4, "does not hold"), (0.7, "does not hold")]
)
def test_concise_behaves_alike_if_a_step_takes_about_as_long(concise, expected):
    noise = np.array([0.9, 1.0, 1.2])
    found = cells({10: noise}) | cells({10: concise * noise * [1, 1.01, 0.99]}, "concise")
    assert judge(found)[CONCISE][0] == expected


def test_each_loader_has_its_statements():
    both = cells({10: SLOW, 100: SLOW}) | cells({10: SLOW, 100: SLOW}, loader="framework")
    [rows] = time_statements.statements(builders.launches(both)).values()
    said = [(row["loader"], row["statement"]) for row in rows]
    assert len(said) == len(set(said)) == 12
