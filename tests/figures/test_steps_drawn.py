"""What a step costs, drawn from launches that are written down here."""

import numpy as np
import pytest

import builders
from minibatch.figures import step_cost, step_parts, step_time
from minibatch.summaries import stepcost, steptime

NOISE = np.array([0.99, 1.0, 1.01])
SIZES = (1, 10, 100, 1500)


def line(constant, slope, noise=NOISE):
    return {size: noise * (constant + slope * size) for size in SIZES}


def tables(**steps):
    """The summaries of PyTorch from scratch ("framework" and "direct" loader), and compiled."""
    ways = {
        "framework": ("scratch", "framework"),
        "direct": ("scratch", "direct"),
        "compiled": ("compiled", "direct"),
    }
    cells = {
        ("pytorch", *ways[name], size): values
        for name, own in steps.items()
        for size, values in own.items()
    }
    made = builders.launches(cells)
    return {"steptime": steptime.summarise(made), "stepcost": stepcost.summarise(made)}


def title(made):
    return made.get_suptitle().replace("\n", " ")


def test_steps_are_in_microseconds_with_their_line_above_what_needs_no_framework():
    made = step_time.draw(tables(direct=line(1e-5, 1e-8)))
    [axes] = made.axes
    assert (axes.get_ylabel(), axes.get_yscale()) == ("µs per step", "log")
    [points] = [container[0] for container in axes.containers]
    assert points.get_ydata().tolist() == pytest.approx([10.01, 10.1, 11, 25], rel=1e-3)
    [fitted] = [drawn for drawn in axes.lines if drawn.get_label() == "_line"]
    assert fitted.get_ydata()[[0, -1]].tolist() == pytest.approx([10.01, 25], rel=1e-2)
    labels = {text.get_text() for text in made.legends[0].get_texts()}
    assert labels == {"scratch, direct loader", "no framework"}


def test_times_that_follow_no_line_have_none():
    bent = line(1e-5, 1e-8) | {10: NOISE * 1e-4}
    [axes] = step_time.draw(tables(direct=bent)).axes
    assert not any(drawn.get_label() == "_line" for drawn in axes.lines)


def test_the_fastest_step_is_named_where_intervals_are_apart_and_undecided_where_not():
    apart = tables(direct=line(1e-5, 1e-8), compiled=line(1e-6, 1e-8))
    assert "pytorch compiled at batch size 1 (0.985 to 1.04 µs)" in title(step_time.draw(apart))
    close = tables(direct=line(1e-5, 1e-8), compiled=line(1.001e-5, 1e-8))
    assert title(step_time.draw(close)).count("undecided at batch size") == 2


def test_the_two_numbers_of_a_line_are_in_microseconds_and_nanoseconds_with_intervals():
    made = step_cost.draw(tables(direct=line(1e-5, 2e-8), compiled=line(1e-6, 1e-8)))
    constant, slope = made.axes
    assert "[µs]" in constant.get_xlabel()
    assert "[ns]" in slope.get_xlabel()
    assert [text.get_text() for text in constant.texts[:2]] == ["10", "1"]
    assert [text.get_text() for text in slope.texts[:2]] == ["20", "10"]
    names = [text.get_text() for text in constant.get_yticklabels()]
    assert names[:2] == ["pytorch: scratch, direct loader", "pytorch: compiled"]
    assert title(made).startswith("Where a line fits, a step costs 0.975 to 1.02 µs (pytorch, comp")


def test_what_follows_no_line_is_hollow_and_not_in_the_title():
    bent = line(1e-9, 1e-8) | {10: NOISE * 1e-4}
    made = step_cost.draw(tables(direct=line(1e-5, 2e-8), compiled=bent))
    assert "compiled" not in title(made)
    hollow = [
        len(container[0].get_xdata())
        for container in made.axes[1].containers
        if container[0].get_markerfacecolor() == "white"
    ]
    assert hollow == [1]
    nowhere = step_cost.draw(tables(direct=bent))
    assert title(nowhere).startswith("That the time of a step follows a line")


def test_the_parts_of_a_step_are_shares_that_add_up():
    made = step_parts.draw(tables(direct=line(1e-5, 1e-8), framework=line(1e-5, 1e-8)))
    assert [axes.get_title(loc="left") for axes in made.axes] == [
        "pytorch, scratch, direct loader",
        "pytorch, scratch, framework loader",
    ]
    axes = made.axes[0]
    tops = [layer.get_paths()[0].vertices[:, 1].max() for layer in axes.collections]
    assert tops[-1] == pytest.approx(100)
    assert tops[1] == pytest.approx(10, rel=0.01)  # loading takes a tenth of a step
    assert "10% to 10% (pytorch, direct loader)" in title(made)


def test_where_no_parts_are_known_the_figure_says_so():
    found = tables(direct=line(1e-5, 1e-8))
    found["steptime"] = found["steptime"].assign(update_seconds=np.nan)
    assert "parts cannot be told apart" in title(step_parts.draw(found))
