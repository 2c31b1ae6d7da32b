"""What summaries do for a table of the user's own: gains, uneven sizes, a large table, a budget."""

import numpy as np
import pandas as pd
import pytest
from test_answer_tables import planted

from minibatch.summaries import critical, gradient_law, gradient_noise, steps, swept

PROBLEM = pd.DataFrame({"floor": [0.2], "loss_at_zero": [0.5], "examples": [1500]})


def test_a_target_may_be_a_share_of_what_there_is_to_gain():
    found = steps.losses([{"gain": 0.1}, {"gain": 0.03}], PROBLEM)
    assert list(found) == ["floor + 10 % of the gain", "floor + 3 % of the gain"]
    assert list(found.values()) == pytest.approx([0.23, 0.209])


def fitted(sizes, examples, **more):
    """The batch sizes that a fit is of, where 1000/b + 10 steps are planted."""
    tables = {"curves": planted({size: round(1000 / size + 10) for size in sizes})}
    tables["problem"] = PROBLEM.assign(examples=examples)
    about = {"targets": [{"loss": 0.25, "lowest": 0.01}], "resamples": 100}
    return critical.summarise(tables, **about, **more).batch_sizes[0]


def test_sizes_with_a_smaller_last_batch_are_fitted_where_it_hardly_counts():
    # of 442: 221 whole batches of 2, 88 of 5 and one of 2, whose noise is 2.5 of 88; two of 200 and
    # one of 42, whose noise is 4.8 of 2
    sizes = (1, 2, 5, 200, 442)
    assert fitted(sizes, 442) == 3
    assert fitted(sizes, 442, uneven=0.1) == 4
    assert fitted(sizes, 442, uneven=3) == 5


def examples(count, features=2):
    random = np.random.default_rng(0)
    x = random.normal(size=(count, features))
    y = x.sum(axis=1) + random.normal(size=count)
    return {"examples": pd.DataFrame(np.column_stack([x, y]))}


def test_the_gradients_of_a_large_table_are_by_the_formula_alone(monkeypatch):
    whole = gradient_law.summarise(examples(50))
    monkeypatch.setattr(gradient_law, "MOST", 50**2)
    alone = gradient_law.summarise(examples(50))
    key = ["point", "sampling", "batch_size"]
    merged = whole.merge(alone, on=key, suffixes=("", "_alone"))
    assert len(merged) == len(whole) == len(alone)
    np.testing.assert_allclose(merged.exact_alone, merged.exact, atol=1e-12)
    assert alone.sampled.isna().all()
    assert gradient_law.sentence(alone).endswith("none was drawn to see")


def test_the_way_ends_where_little_of_the_gain_is_left():
    found = gradient_noise.summarise(examples(50), least_gain=0.01)
    assert found.excess.iloc[-1] >= 0.01 * found.excess[0]
    longer = gradient_noise.summarise(examples(50), least_gain=0.001)
    assert longer.excess[len(found)] < 0.01 * found.excess[0]
    pd.testing.assert_frame_equal(longer[: len(found)], found)


def curves(seeds):
    rows = [
        {
            "variant": "plain",
            "batch_size": size,
            "seeds": count,
            "step": step,
            "learning_rate": rate,
        }
        for size, count in seeds.items()
        for step in (0, 7)
        for rate in (0.1, 0.2)
    ]
    return {"curves": pd.DataFrame(rows)}


def test_what_was_not_swept_is_named():
    found = swept.summarise(curves({1: 400, 10: 40}), batch_sizes=[1, 10, 100, 1000])
    assert found.seeds.tolist() == [400, 40, 0, 0]
    assert found.steps.tolist() == [7, 7, 0, 0]
    assert swept.sentence(found) == (
        "40 to 400 seeds and 2 learning rates a batch size; left out, since the budget is not "
        "enough for them: 100, 1,000"
    )


def test_where_all_was_swept_nothing_else_is_said():
    found = swept.summarise(curves({1: 40, 10: 40}), batch_sizes=[1, 10])
    assert swept.sentence(found) == "40 seeds and 2 learning rates a batch size"
