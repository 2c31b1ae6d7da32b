"""What is said of the best batch size: causes, the sentence, and verdicts on time to a loss."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.summaries import answer, answer_statements
from minibatch.summaries.draws import Draws
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.time_to_target import sentence

SIZES = np.array([1, 10, 100, 1500])
NOISE = pd.Series({"critical_batch_size_low": 90.0, "critical_batch_size_high": 110.0})


def draws(times, spread=0.0, starts=0.0, **about):
    """A way of training that takes these times at SIZES, a step each, and a spread around them."""
    random = np.random.default_rng(0)
    factor = np.exp(spread * random.standard_normal((1001, len(SIZES))))
    factor[0] = 1
    names = {"machine": "here", "series": ("jax", "cpu", "scratch", "direct"), "target": "0.25"}
    counts = np.ones((1001, len(SIZES)))
    found = {"sizes": SIZES, "rates": counts, "counts": counts, "seconds": factor * times}
    found |= {"starts": np.full(4, starts), "per_epoch": np.array([1500, 150, 15, 1])}
    return Draws(**names | found | about)


@pytest.mark.parametrize(
    ("loading", "fixed", "size", "loads", "cause"),
    [
        ((0.6, 0.7), (0.8, 0.9), 10, True, "loader"),
        ((0.1, 0.2), (0.8, 0.9), 10, True, "calls"),
        ((np.nan, np.nan), (0.8, 0.9), 10, True, "loader or calls"),
        ((np.nan, np.nan), (0.8, 0.9), 10, False, "calls"),
        ((0.4, 0.6), (0.8, 0.9), 10, True, "undecided"),
        ((0.1, 0.2), (0, 1), 10, True, "undecided"),
        ((0.1, 0.2), (0.1, 0.2), 10, True, "noise"),
        ((0.1, 0.2), (0.1, 0.2), 100, True, "undecided"),
        ((0.1, 0.2), (0.1, 0.2), 1000, True, "arithmetic"),
    ],
)
def test_a_cause_is_one_that_the_intervals_allow_alone(loading, fixed, size, loads, cause):
    assert answer._cause(loading, fixed, NOISE, size, loads=loads) == cause


def decides(causes, **about):
    """What the answer says of ways of training with these causes."""
    rows = pd.DataFrame({"cause": causes}).assign(target="0.25", implementation="scratch")
    rows = pd.concat([rows.assign(**about), rows.assign(target="1 %")])
    loop = pd.DataFrame([{"cause": "noise", "target": "0.25", "implementation": "baseline"}])
    return answer.sentence(pd.concat([rows, loop]), "0.25")


def test_what_takes_the_time_is_counted_over_ways_of_training():
    causes = ["noise", "calls", "undecided", "calls", "arithmetic", "calls", "loader"]
    assert decides([*causes, "loader or calls"]) == (
        "What takes most of a step at the best size, of 8 ways of training: calls, which cost the "
        "same whatever the batch, in 3; the examples in 2; loading in 1; loading or calls, which "
        "cannot be told apart, in 1; undecided in 1"
    )
    assert decides(["undecided"]).endswith("of 1 way of training: undecided in 1")
    assert decides(["calls"], target="0.3") == ""  # none is there


def test_an_epoch_that_is_begun_is_started_whole():
    counts = np.tile([300.0, 150, 16, np.inf], (3, 1))
    one = draws([1.0, 1, 1, 1], starts=60.0, counts=counts, seconds=np.ones((3, 4)))
    # a fifth of an epoch, one, one and a fifteenth: what is missing of their last start is added
    assert one.times[0] == pytest.approx([300 + 0.8 * 60, 150, 16 + 14 / 15 * 60, np.inf])


def way(framework, size, low, high, **about):
    names = {"framework": framework, "device": "cpu", "implementation": "scratch"}
    names |= {"loader": "direct", "target": "0.25", "best": True, "batch_size": size}
    return names | {"best_low": low, "best_high": high} | about


def said(rows, within="yes"):
    times = pd.DataFrame(rows)
    return sentence(times, times.assign(within=within), "0.25")


def test_the_sentence_names_both_ends_where_their_intervals_lie_apart():
    rows = [way("jax", 1, 1, 2, implementation="compiled"), way("mxnet", 100, 50, 1500)]
    rows += [way("pytorch", 1500, 1000, 1500), way("numba", 7, 1, 7, implementation="baseline")]
    assert said(rows).startswith(
        "The batch size that is soonest at a loss of 0.25 goes from 1–2 (jax, compiled) to "
        "1000–1500 (pytorch, scratch, direct loader)"
    )


def test_the_sentence_is_undecided_where_they_do_not():
    found = said([way("jax", 1, 1, 100), way("mxnet", 1500, 100, 1500)])
    assert "undecided" in found
    assert "from 1 to 1500" in found


def test_the_sentence_says_where_nothing_is_reached():
    rows = [way("jax", 1, 0, 0, best=False)]
    assert "No way of training" in said(rows)


def test_a_way_whose_time_real_runs_refute_is_no_end_of_the_sentence():
    rows = [way("jax", 1, 1, 2, implementation="compiled"), way("mxnet", 100, 50, 100)]
    rows += [way("pytorch", 1500, 1000, 1500)]
    assert said(rows, within=["no", "undecided", "yes"]).startswith(
        "The batch size that is soonest at a loss of 0.25 goes from 50–100 (mxnet, scratch, direct "
        "loader) to 1000–1500 (pytorch, scratch, direct loader)"
    )
    assert said(rows, within=["no", "yes", "yes"]).endswith(
        "(1 way of training left out, since real runs refute the time)"
    )
    assert said(rows, within=["no"] * 3).startswith("Undecided which batch size is soonest")


def test_intervals_of_several_ways_are_wider_than_of_one():
    one = draws([1.0, 1, 1, 1], spread=0.1)
    (low, high), (least, most) = (of_resamples(one.times[:, 0], n) for n in (1, 20))
    assert least < low < high < most


@pytest.mark.parametrize(
    ("times", "spread", "verdict"),
    [
        ([3.0, 1, 1, 2], 0.01, "holds"),
        ([1.0, 2, 2, 3], 0.01, "does not hold"),
        ([1.0, 1, 1, 1], 0.01, "undecided"),
        ([3.0, 1, 5, 2], 1.0, "undecided"),
    ],
)
def test_a_size_in_between_is_faster_where_one_is_shown_to_be(times, spread, verdict):
    *_, row = answer_statements._rows(draws(times, spread), 1500)
    assert row["statement"].startswith("Some batch size in between")
    assert row["verdict"] == verdict


def test_statements_about_times_are_those_of_the_intervals():
    rows = [*answer_statements._rows(draws([9.0, 4, 1, 2], 0.01), 1500)]
    verdicts = {row["statement"]: row["verdict"] for row in rows}
    assert verdicts == {
        "Batch size 1 needs fewer examples than the full batch to a loss.": "holds",
        "Batch size 1 takes more time than the full batch to a loss.": "holds",
        "Batch size 10 takes less time than batch size 1 to a loss.": "holds",
        "Batch size 100 takes less time than the full batch to a loss.": "holds",
        "Some batch size in between takes less time than either extreme to a loss.": "holds",
    }
    assert "2× (" in rows[3]["evidence"]


def test_without_the_batch_size_nothing_is_judged():
    made = builders.launches({("jax", "scratch", "direct", s): [1e-6] * 3 for s in (1, 10, 100)})
    found = answer_statements.statements(made | builders.swept(), **builders.ANSWER)
    missing = [row["verdict"] == "not measured" for row in found["jax", "cpu"]]
    assert missing == [True, True, False, True, True]
