"""The figures, drawn from tables that are written down here."""

import numpy as np
import pandas as pd
import pytest

from minibatch.figures import exercise_1_grid, loss_by_time, roofline, style
from minibatch.source import notes

PROBLEM = pd.DataFrame({"floor": [0.2417], "examples": [1500], "stability_limit": [0.9531]})


def curve(run, losses, **values):
    """A trace of two seeds that agree, whose time is its step."""
    steps = np.arange(len(losses), dtype=float)
    seeds = [
        pd.DataFrame({"step": steps, "epoch": steps, "loss": losses, "seed": s}) for s in (0, 1)
    ]
    costs = dict.fromkeys(("load_seconds", "compute_seconds", "update_seconds"), 0.0)
    about = {"framework": "pytorch", "device": "cpu", "implementation": "scratch"}
    about |= {"objective": "half_mse", "loader": "direct", "batch_size": 10, "learning_rate": 0.1}
    about |= {"epochs": 2, "schedule": "constant", "sampling": "permutation", "copies": 1}
    frame = pd.concat(seeds)
    return frame.assign(run=run, seconds=frame.step, **costs, **about | values)


def texts(figure):
    return " ".join(
        text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))
    )


@pytest.mark.parametrize("worst", [np.nan, np.inf, 1e30])
def test_a_diverging_run_leaves_no_gap_and_is_marked_at_the_top(worst):
    _, [[axes]] = style.figure("", size=(4, 3))
    run = curve("gd", [0.3, worst, 0.3]).assign(value=lambda frame: frame.loss)
    style.band(axes, run, "epoch", 0, "", top=0.5)
    line, marks = axes.lines
    assert list(line.get_ydata()) == [0.3, 0.5, 0.3]
    assert list(marks.get_xdata()) == [1]


def test_the_title_names_the_run_that_is_first_at_the_target():
    tables = {
        "traces": pd.concat(
            [
                curve("slow", [0.5, 0.4, 0.2]),
                curve("fast", [0.5, 0.2, 0.3]),
                curve("not", [0.5, 0.4]),
            ]
        ),
        "problem": PROBLEM,
    }
    made = loss_by_time.draw(tables, 0.25)
    assert "fast is first at a loss of 0.25" in texts(made)


def test_the_grid_frames_the_fastest_cell_and_says_what_diverges():
    cells = [
        curve("grid", [0.5, 0.4, 0.24], batch_size=1, learning_rate=0.1),
        curve("grid", [0.5, 0.24, 0.245], batch_size=10, learning_rate=0.1),
        curve("grid", [0.5, 0.9, np.nan], batch_size=1, learning_rate=1.0),
        curve("grid", [0.5, 0.4, 0.3], batch_size=10, learning_rate=1.0),
    ]
    made = exercise_1_grid.draw({"traces": pd.concat(cells), "problem": PROBLEM}, 0.25)
    assert "batch 10 at η = 0.1" in texts(made)
    assert texts(made).count("diverges") == 1
    assert texts(made).count("never") == 2
    [frame] = made.axes[1].patches
    assert frame.get_xy() == (0.5, -0.5)


def test_the_roof_is_the_lower_of_copying_and_computing():
    row = {"block": 0, "rate_low": 1.0, "rate_high": 1.0, "samples": 3}
    rows = [
        row | {"strategy": "element", "n": 256, "rate_median": 0.1, "intensity": 0.25},
        row | {"strategy": "full", "n": 256, "rate_median": 50.0, "intensity": 43.0},
        row | {"strategy": "product", "n": 2048, "rate_median": 100.0, "intensity": np.nan},
        row | {"strategy": "copy", "n": 2**26, "rate_median": 20.0, "intensity": np.nan},
    ]
    rows = [r | {"rate_low": r["rate_median"], "rate_high": r["rate_median"]} for r in rows]
    made = roofline.draw({"matmul": pd.DataFrame(rows)})
    roof = dict(zip(*made.axes[0].lines[0].get_data(), strict=True))
    assert all(rate == pytest.approx(min(20 * x, 100)) for x, rate in roof.items())
    assert "500× as fast" in texts(made)


def test_surrogate_data_and_different_machines_are_noted():
    assert notes({"surrogate": False}, ["a"]) == []
    surrogate, machines = notes({"surrogate": True}, ["a", "b"])
    assert "SURROGATE" in surrogate
    assert "a; b" in machines
