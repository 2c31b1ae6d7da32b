"""The ladder down to a plain compiled loop, from measurements that are written down here."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from minibatch.figures import framework_cost
from minibatch.figures import ladder as figure
from minibatch.summaries import ladder

BASELINE = pd.DataFrame(
    [
        *(("numba", 1, seed, value) for seed, value in enumerate([2e-5, 1e-5, 9e-5])),
        *(("numba", 1500, seed, 5e-6) for seed in range(3)),
        *(("scikit-learn", 1, seed, 1e-3) for seed in range(3)),
    ],
    columns=["implementation", "batch_size", "seed", "seconds"],
).assign(machine="here")
RUNGS = {
    ("scratch", "framework"): 8.0,
    ("scratch", "direct"): 4.0,
    ("concise", "direct"): 6.0,
    ("compiled", "direct"): 1.0,
}


def trace(seconds, **values):
    """Two epochs, of which each takes so many seconds; as from a compiled or asynchronous run."""
    rows = {"step": [0, 1, 2], "epoch": [0.0, 1.0, 2.0], "loss": [0.5, 0.3, 0.25]}
    phases = dict.fromkeys(["load_seconds", "compute_seconds", "update_seconds"], np.nan)
    about = {"machine": "here", "framework": "jax", "device": "cpu", "run": "run"}
    about |= {"implementation": "scratch"}
    about |= {"objective": "half_mse", "loader": "direct", "batch_size": 1, "learning_rate": 0.05}
    about |= {"epochs": 2, "schedule": "constant", "sampling": "permutation", "copies": 1}
    clock = {"seconds": [0, seconds, 2 * seconds]}
    return pd.DataFrame(rows | clock).assign(**phases, **about | {"seed": 0} | values)


def traces(frameworks=("pytorch", "tensorflow", "mxnet", "jax"), rungs=RUNGS, sizes=(1, 1500)):
    """Each framework takes longer than the one before it."""
    return pd.concat(
        trace(
            factor * (1 + place) * 1e-3 / size,
            **{"framework": framework, "implementation": implementation, "loader": loader},
            **{"batch_size": size, "seed": seed},
        )
        for place, framework in enumerate(frameworks)
        for (implementation, loader), factor in rungs.items()
        for size in sizes
        for seed in range(2)
    )


def summary(traces, baseline=BASELINE):
    return ladder.summarise({"traces": traces, "baseline": baseline})


def test_a_rung_has_the_median_and_range_of_all_its_epochs_and_its_ratio_to_the_baseline():
    runs = pd.concat(
        [
            trace(3e-3, run="sgd", seed=0, learning_rate=0.005),
            trace(1e-3, run="sgd", seed=1, learning_rate=0.005, objective="mse"),
            trace(2e-3, run="grid", seed=0),
        ]
    )
    rows = summary(runs).set_index(["framework", "rung", "batch_size"])
    spread = ["seconds_median", "seconds_low", "seconds_high"]
    found = rows.loc["jax", "direct indexing", 1]
    assert list(found[spread]) == pytest.approx([2e-3, 1e-3, 3e-3])
    assert found.ratio == pytest.approx(2e-3 / 2e-5)
    assert list(rows.loc["numba", "baseline", 1][spread]) == [2e-5, 1e-5, 9e-5]
    assert rows.loc["numba", "baseline", 1].ratio == 1
    assert rows.loc["scikit-learn", "library", 1].ratio == pytest.approx(50)
    assert set(rows.device) == {"cpu"}


def test_each_batch_size_is_compared_with_the_baseline_at_that_size():
    rows = summary(traces(["jax"])).set_index(["rung", "batch_size"]).ratio
    assert rows["framework loader", 1] == pytest.approx(8e-3 / 2e-5)
    assert rows["framework loader", 1500] == pytest.approx(8e-3 / 1500 / 5e-6)


def test_rungs_go_down_framework_by_framework_in_the_order_in_which_they_come():
    # the first framework lacks the smallest batch size, which the other has last
    first = traces(["pytorch"], sizes=[1500])
    rows = summary(pd.concat([first, traces(["jax"], sizes=[1500, 1])]))
    down = ["framework loader", "direct indexing", "concise", "compiled"]
    expected = [("pytorch", rung, 1500) for rung in down]
    expected += [("jax", rung, size) for rung in down for size in (1, 1500)]
    expected += [
        ("numba", "baseline", 1),
        ("numba", "baseline", 1500),
        ("scikit-learn", "library", 1),
    ]
    assert [tuple(row) for row in rows[["framework", "rung", "batch_size"]].to_numpy()] == expected


@pytest.mark.parametrize(
    "other",
    [
        {"schedule": "tenth"},
        {"sampling": "replacement"},
        {"copies": 2},
        {"batch_size": 10},
        {"implementation": "concise", "loader": "framework"},
    ],
    ids=str,
)
def test_runs_that_do_other_work_and_batch_sizes_without_a_baseline_are_left_out(other):
    plain = traces(["jax"])
    rows = summary(pd.concat([plain, trace(9e9, **other)]))
    pd.testing.assert_frame_equal(rows, summary(plain))


def test_devices_are_told_apart():
    rows = summary(pd.concat([trace(1e-3), trace(2e-3, device="cuda")]))
    ratios = rows[rows.framework == "jax"].set_index("device").ratio
    assert ratios.to_dict() == pytest.approx({"cpu": 50, "cuda": 100})


def draw(runs, baseline=BASELINE):
    """Draw both figures and lay them out, where matplotlib says what does not fit."""
    found = {"traces": runs, "baseline": baseline, "ladder": summary(runs, baseline)}
    made = figure.draw(found), framework_cost.draw(found)
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
    steps, costs = draw(traces())
    title = steps.get_suptitle().replace("\n", " ")
    assert title.startswith("At batch size 1, an epoch in a framework takes 400× to 1,600× the")
    assert title.endswith("with its own loader, 50× to 200× when compiled")
    assert {"400×", "800×", "1,200×", "1,600×", "20 µs", "5 µs"} <= set(said(steps))
    assert said(steps).count("batch size 1 only") == 1
    assert costs.get_suptitle().replace("\n", " ") == (
        "The fastest epoch takes 50× at batch size 1 (pytorch compiled) and "
        "0.13× at batch size 1500 (pytorch compiled) the time of a plain compiled loop"
    )
    assert [axes.get_title(loc="left") for axes in costs.axes] == ["scratch", "concise", "compiled"]
    assert (clipped(steps), clipped(costs)) == ([], [])


def test_the_ratios_lie_within_their_panel_and_not_on_each_other():
    steps, _ = draw(traces())
    for axes in steps.axes:
        boxes = [text.get_window_extent() for text in axes.texts]
        assert all(axes.bbox.x0 < box.x0 and box.x1 < axes.bbox.x1 for box in boxes)
        assert not any(box.overlaps(other) for box, other in combinations(boxes, 2))


def test_the_curves_are_the_medians_in_milliseconds():
    _, costs = draw(traces(["pytorch"]))
    measured, baseline = [container[0] for container in costs.axes[2].containers]
    assert list(measured.get_xdata()) == list(baseline.get_xdata()) == [1, 1500]
    np.testing.assert_allclose(np.float64(measured.get_ydata()), [1.0, 1 / 1500])
    np.testing.assert_allclose(np.float64(baseline.get_ydata()), [0.02, 0.005])


def test_a_rung_that_nobody_took_has_no_place_and_one_at_another_size_says_so():
    rungs = {pair: factor for pair, factor in RUNGS.items() if pair[0] != "compiled"}
    concise = {("concise", "direct"): 6.0}
    eager = {pair: factor for pair, factor in rungs.items() if pair not in concise}
    runs = pd.concat([traces(["jax"], eager), traces(["jax"], concise, sizes=[1500])])
    steps, costs = draw(runs)
    assert "compiled" not in said(steps)
    assert said(steps).count("not measured") == 1
    assert steps.get_suptitle().endswith("200× with direct indexing")
    assert [axes.get_title(loc="left") for axes in costs.axes] == ["scratch", "concise"]


def test_a_framework_keeps_its_colour_where_another_lacks_a_rung():
    runs = traces(["pytorch", "jax"])
    runs = runs[(runs.framework == "jax") | (runs.implementation == "concise")]
    steps, costs = draw(runs)
    colours = {
        container[0].get_color()
        for axes in [*steps.axes, *costs.axes]
        for container in axes.containers
        if container.get_label() == "jax"
    }
    assert len(colours) == 1
    [legend] = costs.legends
    assert [text.get_text() for text in legend.get_texts()] == ["pytorch", "jax", "Numba loop"]


@pytest.mark.parametrize(
    "runs", [traces(sizes=[3]), traces(rungs={("scratch", "framework"): 8.0}, sizes=[3])]
)
def test_where_nothing_can_be_compared_the_titles_say_so(runs):
    steps, costs = draw(runs)
    assert steps.get_suptitle() == "No run has a batch size of the plain compiled loop"
    assert "No run with direct indexing has a batch size" in costs.get_suptitle()


def test_an_odd_number_of_batch_sizes_and_a_baseline_without_scikit_learn_are_drawn():
    baseline = BASELINE[BASELINE.implementation == "numba"]
    baseline = pd.concat([baseline, baseline[baseline.batch_size == 1].assign(batch_size=10)])
    steps, _ = draw(traces(["pytorch"], sizes=[1, 10, 1500]), baseline)
    assert [axes.axison for axes in steps.axes] == [True, True, True, False]
    assert "scikit-learn" not in said(steps)
