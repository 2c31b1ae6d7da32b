"""Steps by ranks drawn, and what the title says of them, by their intervals."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.figures import parallel as figure
from minibatch.summaries import parallel

SIZES = (10, 1000, 100000)
NOISE = np.array([1.0, -1, 0])  # of three launches


def rows(speedups, noise=(0, 0, 0), ranks=2, device="cpu"):
    """Of one rank, and of this many, by size: their speed-ups, and how much launches differ."""
    seconds = {(1, size): np.ones(3) for size in SIZES}
    for size, ratio, much in zip(SIZES, speedups, noise, strict=True):
        seconds[ranks, size] = np.exp(much * NOISE) / ratio
    return parallel.summarise({device: builders.steps(seconds, device=device)})


def title(table):
    return figure.draw({"parallel": table}).get_suptitle().replace("\n", " ")


@pytest.mark.parametrize(
    ("speedups", "noise", "said"),
    [
        (
            [0.5, 1.1, 1.6],
            [0, 0.1, 0],
            "A second rank does not pay up to batch size 10 and pays from batch size 100,000 on: "
            "1.6× (1.6× to 1.6×) as fast there",
        ),
        (
            [1.5, 1.6, 1.7],
            [0, 0, 0],
            "A second rank pays from batch size 10 on: 1.7× (1.7× to 1.7×) as fast at 100,000",
        ),
        (
            [0.5, 1.5, 1.6],
            [0, 0, 0.05],
            "A second rank does not pay up to batch size 10 and pays from batch size 1,000 on: "
            "1.6× (1.4× to 1.8×) as fast at 100,000",
        ),
        (
            [0.5, 0.8, 1.6],
            [0, 0, 0.2],
            "A second rank does not pay up to batch size 1,000 and it is undecided up to batch "
            "size 100,000: 1.6× (0.97× to 2.6×) as fast there",
        ),
        (
            [1.5, 1.5, 1.6],
            [0, 0, 0.2],
            "Whether a second rank pays is undecided up to batch size 100,000: 1.6× (0.97× to "
            "2.6×) as fast there",
        ),
        (
            [0.5, 0.5, 0.6],
            [0, 0, 0],
            "A second rank does not pay up to batch size 100,000: 0.6× (0.6× to 0.6×) as fast "
            "there",
        ),
        (
            [0.5, 1.5, 0.6],
            [0, 0, 0],
            "A second rank does not pay up to batch size 10 and does not pay at batch size "
            "100,000: 0.6× (0.6× to 0.6×) as fast there",
        ),
        (
            [1.02, 0.7, 0.6],
            [0.1, 0, 0],
            "A second rank does not pay at batch size 100,000: 0.6× (0.6× to 0.6×) as fast there",
        ),
    ],
)
def test_the_title_says_what_intervals_decide_and_what_they_leave_undecided(speedups, noise, said):
    assert title(rows(speedups, noise)) == said


def test_the_title_is_of_the_fewest_further_ranks_on_each_device():
    more = {(ranks, size): [0.1, 0.1] for ranks in (4, 8) for size in SIZES}
    more |= {(1, size): [0.2, 0.2] for size in SIZES}
    several = parallel.summarise({"cpu": builders.steps(more)})
    alone = several[several.ranks == 1].assign(device="cuda")
    assert title(several) == "4 ranks pay from batch size 10 on: 2× (2× to 2×) as fast at 100,000"
    assert title(pd.concat([several, alone])).endswith("; on cuda: one rank alone was measured")


def test_each_device_is_compared_with_itself_and_has_its_part_of_the_title_and_its_panels():
    table = pd.concat([rows([0.5, 1.5, 1.6]), rows([0.3, 0.4, 0.5], device="cuda")])
    assert title(table) == (
        "On cpu: a second rank does not pay up to batch size 10 and pays from batch size 1,000 on: "
        "1.6× (1.6× to 1.6×) as fast at 100,000; on cuda: a second rank does not pay up to batch "
        "size 100,000: 0.5× (0.5× to 0.5×) as fast there"
    )
    names = [axes.get_title(loc="left") for axes in figure.draw({"parallel": table}).axes]
    assert names[2:] == ["milliseconds per step, cuda", "times as fast as one rank, cuda"]


def test_a_curve_is_a_number_of_ranks_and_the_legend_names_it():
    made = figure.draw({"parallel": rows([0.5, 1, 2], ranks=4)})
    curves = [container[0].get_ydata().tolist() for container in made.axes[0].containers]
    np.testing.assert_allclose(curves, [[1000] * 3, [2000, 1000, 500]])
    [legend] = made.legends
    assert [text.get_text() for text in legend.get_texts()] == ["1 rank", "4 ranks"]


@pytest.mark.parametrize("speedups", [[9, 9, 9], [0.5, 1.5, 2], [0.5, 0.9, 2]])
def test_the_marks_lie_within_their_panel_and_not_on_each_other(speedups):
    seconds = {(1, size): [1.0, 1.0] for size in SIZES}
    for size, ratio in zip(SIZES, speedups, strict=True):
        seconds |= {(ranks, size): [1 / ratio] * 2 for ranks in (2, 4)}
    made = figure.draw({"parallel": parallel.summarise({"cpu": builders.steps(seconds)})})
    made.draw_without_rendering()
    boxes = [text.get_window_extent() for text in made.axes[1].texts]
    assert len(boxes) == 2
    assert all(made.bbox.x0 < box.x0 and box.x1 < made.bbox.x1 for box in boxes)
    assert not boxes[0].overlaps(boxes[1])


def ends(axes, index):
    """The lower and upper ends of the error bars of a curve."""
    segments = axes.containers[index][2][0].get_segments()
    return [[low, high] for (_, low), (_, high) in segments]


def test_curves_have_their_intervals_and_lines_stand_where_it_is_decided():
    table = rows([0.5, 1.5, 1.6], [0.01, 0.01, 0.02])
    times, speedups = figure.draw({"parallel": table}).axes
    two = table[table.ranks == 2]
    assert ends(times, 1) == (1e3 * two[["seconds_low", "seconds_high"]]).to_numpy().tolist()
    assert ends(speedups, 1) == two[["speedup_low", "speedup_high"]].to_numpy().tolist()
    for axes in (times, speedups):
        dotted = [line for line in axes.lines if [*line.get_ydata()] == [0, 1]]
        assert [line.get_xdata()[0] for line in dotted] == [1000]
    assert [text.get_text() for text in speedups.texts] == ["2 ranks from 1,000 on"]


def test_no_line_stands_where_it_is_undecided():
    times, speedups = figure.draw({"parallel": rows([0.5, 1.5, 1.6], [0, 0, 0.3])}).axes
    for axes in (times, speedups):
        assert not [line for line in axes.lines if [*line.get_ydata()] == [0, 1]]
    assert not speedups.texts


def test_an_interval_of_two_launches_leaves_the_speedups_readable():
    seconds = {(1, 10): [1.0, 1.0], (2, 10): [0.3, 1.5]}
    table = parallel.summarise({"cpu": builders.steps(seconds)})
    assert table.speedup_high.max() > 1e3
    _, speedups = figure.draw({"parallel": table}).axes
    assert 1 < speedups.get_ylim()[1] < 5
