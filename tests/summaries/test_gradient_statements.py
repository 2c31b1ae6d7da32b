"""The statements on a minibatch's gradient, where they are true and where something is planted."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.sgd import gradients, sampling
from minibatch.summaries import gradient_law, gradient_statements

HOLDS, FAILS = "holds", "does not hold"
BATCH_ORDER = sampling.batch_order


def judged(law):
    """The rows in order: expectation; standard deviation with replacement, and without."""
    return [*gradient_statements.statements(law)]


def verdicts(law):
    return [row["verdict"] for row in judged(law)]


def law():
    """The law of a small problem, as the summary has it."""
    random = np.random.default_rng(0)
    x = random.normal(size=(100, 2))
    y = x @ [1, -2] + 0.5 + random.exponential(size=100)
    return gradient_law.summarise({"examples": pd.DataFrame(np.column_stack([x, y]))})


def test_batches_as_runs_draw_them_are_as_the_chapter_says_but_for_the_factor():
    assert verdicts(law()) == [HOLDS, HOLDS, FAILS]
    *_, evidence = (row["evidence"] for row in judged(law()))
    plain, _, corrected = evidence.partition("; with the factor √((N − b)/(N − 1)) it ")
    assert plain.startswith("over all batches it is 0 to 1 times that; ")
    assert "and 1 is not inside at batch size " in plain
    assert corrected.startswith("holds: over all batches it is that; ")
    assert corrected.endswith("and 1 is inside")


def with_order(monkeypatch, order):
    """The law of batches that are drawn in another way."""
    monkeypatch.setattr(sampling, "batch_order", order)
    return law()


def test_a_sampler_that_prefers_some_examples_is_biased(monkeypatch):
    def prefer(examples, seed, epoch, method, copies):
        order = BATCH_ORDER(examples, seed, epoch, method, copies)
        return np.where(order < 5, examples - 1, order) if method == "replacement" else order

    assert verdicts(with_order(monkeypatch, prefer))[0] == FAILS


def test_an_order_that_is_not_shuffled_is_biased(monkeypatch):
    def sort(examples, seed, epoch, method, copies):
        order = BATCH_ORDER(examples, seed, epoch, method, copies)
        return np.sort(order) if method == "permutation" and seed % 4 == 0 else order

    assert verdicts(with_order(monkeypatch, sort))[2] == FAILS


def test_batches_without_replacement_are_no_independent_draws(monkeypatch):
    def permute(examples, seed, epoch, _, copies):
        return BATCH_ORDER(examples, seed, epoch, "permutation", copies)

    assert judged(with_order(monkeypatch, permute))[1]["verdict"] == FAILS


def test_independent_draws_are_not_by_the_law_with_the_factor(monkeypatch):
    def replace(examples, seed, epoch, _, copies):
        return BATCH_ORDER(examples, seed, epoch, "replacement", copies)

    evidence = judged(with_order(monkeypatch, replace))[2]["evidence"]
    assert "it does not hold: over all batches it is that; " in evidence


def test_a_formula_that_all_batches_contradict_is_no_law(monkeypatch):
    for module in (gradients, gradient_statements):
        monkeypatch.setattr(module, "variance", lambda sizes, *_: 1 / sizes)
    found = judged(law())[2]
    assert found["verdict"] == FAILS
    assert "it does not hold" in found["evidence"]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("mean_error", 1e-6, [FAILS, HOLDS, FAILS]),
        ("bias", 4.1, [FAILS, HOLDS, FAILS]),
        ("variance_error", 1e-6, [HOLDS, FAILS, FAILS]),
        ("sampled_low", 1.0, [HOLDS, FAILS, FAILS]),
        ("sampled_high", 0.1, [HOLDS, FAILS, FAILS]),
        ("exact", 0.5, [HOLDS, FAILS, FAILS]),
    ],
)
def test_one_number_of_one_batch_size_decides(column, value, expected):
    table = builders.law()
    assert verdicts(table) == [HOLDS, HOLDS, FAILS]
    table.loc[(table.sampling == "replacement") & (table.batch_size == 10), column] = value
    assert verdicts(table) == expected


def test_the_evidence_on_the_mean_names_where_it_is_farthest():
    table = builders.law()
    table.loc[(table.sampling == "permutation") & (table.batch_size == 100), "bias"] = 3.5
    evidence = judged(table)[0]["evidence"]
    assert "at most 3.50 standard errors, at batch size 100, without replacement, " in evidence
    assert "and 4.00 are within" in evidence
