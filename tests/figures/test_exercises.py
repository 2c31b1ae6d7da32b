"""The messages of the exercises and of the stability limit, from losses that are written down."""

import pandas as pd
import pytest
from test_figures import PROBLEM, curve, texts

from minibatch.figures import exercise_3_replacement, exercise_4_twice, loss_by_epoch

FLOOR = PROBLEM.floor.iloc[0]


def test_the_change_with_replacement_is_that_of_the_variant_over_its_run():
    traces = pd.concat(
        [
            curve("gd", [0.5, FLOOR + 0.01]),
            curve("gd_replacement", [0.5, FLOOR + 0.03], sampling="replacement"),
            curve("sgd", [0.5, FLOOR + 0.02]),
            curve("sgd_replacement", [0.5, FLOOR + 0.01], sampling="replacement"),
        ]
    )
    pairs = [["gd", "gd_replacement"], ["sgd", "sgd_replacement"]]
    made = exercise_3_replacement.draw({"traces": traces, "problem": PROBLEM}, pairs)
    title = " ".join(made.get_suptitle().split())
    assert title == "With replacement, the final loss above the floor is 3× for gd, 0.5× for sgd"
    names = [line.get_label() for line in made.axes[0].lines]
    assert names == ["permutation", "with replacement"]


@pytest.mark.parametrize(
    ("copies", "data"), [(2, "Twice the data, the same path"), (3, "The data several times")]
)
def test_the_cost_of_an_update_is_that_on_the_copies_over_that_on_the_data(copies, data):
    twice = curve("gd_twice", [0.5, 0.3, 0.25], copies=copies).assign(seconds=lambda t: 4 * t.step)
    traces = pd.concat([curve("gd", [0.5, 0.3, 0.25]), twice])
    made = exercise_4_twice.draw({"traces": traces, "problem": PROBLEM}, [["gd", "gd_twice"]])
    title = " ".join(made.get_suptitle().split())
    assert title == f"{data}; an update costs 4× for gd"
    assert ("every example twice" in texts(made)) == (copies == 2)


@pytest.mark.parametrize(
    ("rate", "objective", "said"),
    [
        (1.0, "half_mse", "η > 2/λmax = 0.9531: diverges"),
        (0.9, "half_mse", "η ≤ 2/λmax = 0.9531: converges"),
        (0.5, "mse", "η > 1/λmax = 0.4765: diverges"),
        (0.4, "mse", "η ≤ 1/λmax = 0.4765: converges"),
    ],
)
def test_a_full_batch_run_is_on_its_side_of_the_stability_limit(rate, objective, said):
    run = curve("gd", [0.5, 0.3], batch_size=1500, learning_rate=rate, objective=objective)
    made = loss_by_epoch.draw({"traces": run, "problem": PROBLEM})
    assert said in " ".join(texts(made).split())
    assert ("gd diverges" in made.get_suptitle()) == ("diverges" in said)
