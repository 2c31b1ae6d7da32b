"""The ladder down to what needs no framework, from launches that are written down here."""

from itertools import combinations

import pytest
from scipy import stats

import builders
from minibatch.figures import epoch_time
from minibatch.figures import ladder as figure
from minibatch.summaries import ladder, steptime

BASELINE = {
    ("numba", "baseline", "direct", 1): [2e-8, 1e-8, 4e-8],
    ("numba", "baseline", "direct", 1500): [5e-6] * 3,
    ("scikit-learn", "baseline", "direct", 1): [1e-6] * 3,
    ("numpy", "baseline", "none", 1500): [4e-6] * 3,
}
RUNGS = {
    ("scratch", "framework"): 8.0,
    ("scratch", "direct"): 4.0,
    ("concise", "direct"): 6.0,
    ("compiled", "direct"): 1.0,
}


def cells(frameworks=("pytorch", "tensorflow", "mxnet", "jax"), rungs=RUNGS, sizes=(1, 1500)):
    """Each framework takes longer than the one before it; three launches that agree."""
    return {
        (framework, *does, size): [factor * (1 + place) * 1e-6] * 3
        for place, framework in enumerate(frameworks)
        for does, factor in rungs.items()
        for size in sizes
    }


def summary(found, baseline=BASELINE):
    return ladder.summarise(builders.launches(found | baseline))


def test_a_rung_has_its_epochs_over_launches_and_its_ratio_to_the_baseline():
    launches = [3e-6, 1e-6, 2e-6]
    rows = summary({("jax", "scratch", "direct", 1): launches})
    rows = rows.set_index(["framework", "rung", "batch_size"])
    found = rows.loc["jax", "direct indexing", 1]
    assert found.seconds == pytest.approx(1500 * stats.gmean(launches))
    assert found.seconds_low < found.seconds < found.seconds_high
    assert found.ratio == pytest.approx(stats.gmean(launches) / 2e-8)
    assert found.ratio_low < found.ratio < found.ratio_high
    below = rows.loc["numba", "baseline", 1]
    assert below.seconds == pytest.approx(1500 * 2e-8)
    assert below[["ratio", "ratio_low", "ratio_high"]].tolist() == [1, 1, 1]


def test_each_batch_size_is_compared_with_what_is_fastest_at_that_size():
    rows = summary(cells(["jax"])).set_index(["rung", "batch_size"])
    assert rows.ratio["framework loader", 1] == pytest.approx(8e-6 / 2e-8)
    assert rows.ratio["framework loader", 1500] == pytest.approx(8e-6 / 4e-6)
    assert rows.framework["baseline", 1] == "numba"
    assert rows.framework["baseline", 1500] == "numpy"


def test_rungs_go_down_framework_by_framework_from_the_smallest_batch_size():
    rows = summary(cells(["pytorch"], sizes=[1500]) | cells(["jax"], sizes=[1500, 1]))
    down = ["framework loader", "direct indexing", "concise", "compiled"]
    expected = [("pytorch", rung, 1500) for rung in down]  # which lacks batch size 1
    expected += [("jax", rung, size) for rung in down for size in (1, 1500)]
    expected += [("numba", "baseline", 1), ("numpy", "baseline", 1500)]
    assert [tuple(row) for row in rows[["framework", "rung", "batch_size"]].to_numpy()] == expected


def test_batch_sizes_that_the_chapter_has_are_shown_and_others_where_it_has_none():
    more = {("numba", "baseline", "direct", size): [1e-7] * 3 for size in (3, 10, 50)}
    rows = summary(cells(["jax"], sizes=[1, 3, 10, 50, 1500]), BASELINE | more)
    assert set(rows.batch_size) == {1, 10, 1500}
    others = summary(
        cells(["jax"], sizes=[3, 50]), {key: more[key] for key in more if key[3] != 10}
    )
    assert set(others.batch_size) == {3, 50}


def test_devices_are_told_apart():
    both = [
        builders.samples({("jax", "scratch", "direct", 1): [value] * 3}, device=device)
        for device, value in (("cpu", 1e-6), ("cuda", 2e-6))
    ]
    rows = ladder.summarise(builders.launches(BASELINE, *both))
    ratios = rows[rows.framework == "jax"].set_index("device").ratio
    assert ratios.to_dict() == pytest.approx({"cpu": 50, "cuda": 100})


def draw(found, baseline=BASELINE):
    """Draw both figures and lay them out, where matplotlib says what does not fit."""
    samples = builders.launches(found | baseline)
    tables = {"ladder": ladder.summarise(samples), "steptime": steptime.summarise(samples)}
    made = figure.draw(tables), epoch_time.draw(tables)
    for drawn in made:
        drawn.draw_without_rendering()
    return made


def said(drawn):
    return [text.get_text() for text in drawn.findobj(lambda artist: hasattr(artist, "get_text"))]


def clipped(drawn):
    """The texts that reach over the edge of their figure; ticks out of view are not drawn."""
    edge = drawn.bbox
    boxes = {
        text.get_text(): text.get_window_extent()
        for text in drawn.findobj(lambda artist: hasattr(artist, "get_fontsize"))
        if text.get_text() and text.get_visible() and "$" not in text.get_text()
    }
    return [name for name, box in boxes.items() if box.x0 < edge.x0 or box.x1 > edge.x1]


def test_all_frameworks_have_their_ratios_beside_the_baseline():
    steps, epochs = draw(cells(), BASELINE | {("numba", "baseline", "direct", 1): [2e-8] * 3})
    assert steps.get_suptitle().replace("\n", " ") == (
        "Against an epoch without a framework, at batch size 1: 400× to 1,600× with its own "
        "loader, 50× to 200× when compiled"
    )
    assert {"400×", "800×", "1,200×", "1,600×", "30 µs, numba", "4 µs, numpy"} <= set(said(steps))
    assert epochs.get_suptitle().replace("\n", " ") == (
        "The fastest framework's epoch against one without: 50× to 50× at batch size 1, "
        "0.25× to 0.25× at batch size 1500"
    )
    titles = ["scratch, framework loader", "scratch, direct loader", "concise, direct loader"]
    assert [axes.get_title(loc="left") for axes in epochs.axes] == [*titles, "compiled"]
    assert (clipped(steps), clipped(epochs)) == ([], [])


def test_the_ratios_lie_within_their_panel_and_not_on_each_other():
    steps, _ = draw(cells())
    for axes in steps.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert all(axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1 for box in boxes)
        assert not any(box.overlaps(other) for box, other in combinations(boxes, 2))


def test_the_curves_are_epochs_in_milliseconds():
    _, epochs = draw(cells(["pytorch"]))
    [measured] = [container[0] for container in epochs.axes[3].containers]
    assert measured.get_xdata().tolist() == [1, 1500]
    assert measured.get_ydata().tolist() == pytest.approx([1.5, 1e-3])
    assert epochs.axes[3].lines[-1].get_ydata().tolist() == pytest.approx([0.03, 4e-3])


def test_a_rung_that_nobody_took_has_no_place_and_one_at_another_size_says_so():
    eager = {does: factor for does, factor in RUNGS.items() if does[0] == "scratch"}
    found = cells(["jax"], eager) | cells(["jax"], {("concise", "direct"): 6.0}, sizes=[1500])
    steps, epochs = draw(found)
    assert "compiled" not in said(steps)
    assert said(steps).count("not measured") == 1
    assert "with direct indexing" in steps.get_suptitle().replace("\n", " ")
    assert [axes.axison for axes in epochs.axes] == [True, True, True, False]


def test_a_framework_keeps_its_colour_where_another_lacks_a_rung():
    found = cells(["pytorch", "jax"])
    found = {key: found[key] for key in found if key[0] == "jax" or key[1] == "concise"}
    steps, epochs = draw(found)
    colours = {
        container[0].get_color()
        for axes in [*steps.axes, *epochs.axes]
        for container in axes.containers
        if container.get_label() == "jax"
    }
    assert len(colours) == 1
    [legend] = epochs.legends
    labels = {text.get_text() for text in legend.get_texts()}
    assert labels == {"pytorch", "jax", "no framework"}
