"""The answer and the steps to a loss, drawn from tables that are written down here."""

import numpy as np
import pandas as pd

import builders
from minibatch.figures import answer, steps_to_target


def times(**about):
    """Three batch sizes of which the middle one is best, and may be as good as the last."""
    rows = {"batch_size": [1, 10, 100], "seconds_to_target": [9e-3, 1e-3, 1.1e-3]}
    table = pd.DataFrame(rows).assign(best=[False, True, False], tie=[False, True, True])
    table["seconds_to_target_low"] = 0.9 * table.seconds_to_target
    table["seconds_to_target_high"] = 1.1 * table.seconds_to_target
    names = {"target": "0.25", "framework": "jax", "device": "cpu", "best_low": 10}
    names |= {"implementation": "scratch", "loader": "direct", "best_high": 100}
    return table.assign(**names | about)


def test_a_panel_shows_a_way_of_training_with_its_best_size_and_those_as_good():
    never = times(target="floor + 1 %").assign(seconds_to_target=np.inf)
    loop = times(framework="numba", implementation="baseline")
    compiled = times(implementation="compiled", framework="mxnet", best_low=1, best_high=1)
    table = pd.concat([times(), compiled, loop, never])
    drawn = answer.draw({"time_to_target": table, "confirmed": builders.unconfirmed()})
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [
        "scratch, direct loader",
        "compiled",
    ]
    assert drawn.get_suptitle().startswith("The batch size that is soonest at a loss of 0.25")
    best, ties = drawn.axes[0].lines[-3:-1]
    assert best.get_xydata().tolist() == [[10, 1.0]]
    assert np.isfinite(ties.get_ydata()).tolist() == [False, True, True]


def test_real_runs_are_crosses_on_the_panel_of_their_way_on_a_stem_from_the_prediction():
    compiled = times(implementation="compiled", framework="mxnet")
    real = times()[["target", "framework", "device", "implementation", "loader", "batch_size"]]
    real = real.assign(runs=[20, 4, 0], predicted_seconds=1e-3, observed_seconds=[2e-3, 3e-3, 9])
    real = real.assign(best=False, within="yes")
    found = {"time_to_target": pd.concat([times(), compiled]), "confirmed": real}
    scratch, other = answer.draw(found).axes
    crosses, none = (
        [one.get_xydata().tolist() for one in axes.lines if one.get_marker() == "x"]
        for axes in (scratch, other)
    )
    assert (crosses, none) == ([[[1, 2.0], [10, 3.0]]], [])
    stems = scratch.collections[-1].get_segments()
    assert [stem.tolist() for stem in stems] == [[[1, 1.0], [1, 2.0]], [[10, 1.0], [10, 3.0]]]


def test_the_steps_have_the_line_of_their_fit_and_the_critical_size():
    rows = pd.DataFrame({"batch_size": [1, 10, 1000], "steps": [1100.0, 110, np.inf]})
    rows = rows.assign(steps_low=rows.steps, steps_high=rows.steps, target="0.25", target_loss=0.25)
    fit = {"target": "0.25", "examples": 1500, "batch_sizes": 3, "residual": -0.07}
    fit |= {"minimum_steps": 10.0, "minimum_examples": 1000.0}
    fit |= {"critical_batch_size_low": 90.0, "critical_batch_size_high": 110.0}
    drawn = steps_to_target.draw({"steps": rows, "critical": pd.DataFrame([fit])})
    assert "within 7%: 90–110 for a loss of 0.25" in drawn.get_suptitle().replace("\n", " ")
    fitted = drawn.axes[0].lines[-1].get_xydata()
    np.testing.assert_allclose(fitted[[0, -1]], [[1, 1010], [1500, 10]])
    points = drawn.axes[0].lines[0].get_xydata()
    assert points.tolist() == [[1, 1100], [10, 110]]  # what is not reached has no point


def test_where_nothing_is_reached_the_figures_say_so():
    rows = pd.DataFrame({"batch_size": [1, 10], "steps": np.inf, "steps_low": np.inf})
    rows = rows.assign(steps_high=np.inf, target="0.25", target_loss=0.25)
    fits = pd.DataFrame([{"target": "0.25", "batch_sizes": 0}])
    drawn = steps_to_target.draw({"steps": rows, "critical": fits})
    assert drawn.get_suptitle().startswith("No loss is reached at enough batch sizes")
    table = times(seconds_to_target=np.inf, seconds_to_target_high=np.inf, best=False)
    drawn = answer.draw({"time_to_target": table, "confirmed": builders.unconfirmed()})
    assert "No way of training" in drawn.get_suptitle()
