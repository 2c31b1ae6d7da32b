"""The figures of the chapter's runs, and of its numbers beside ours, from tables written here."""

import numpy as np
import pandas as pd
import pytest

import builders
from drawing import drawn, texts
from minibatch.figures import loss_by_epoch, loss_by_time, published, style

PROBLEM = pd.DataFrame({"floor": [0.2417], "examples": [1500], "stability_limit": [0.9531]})


def curve(run, losses, **values):
    """A trace of two seeds that agree, whose time is its step."""
    steps = np.arange(len(losses), dtype=float)
    seeds = [
        pd.DataFrame({"step": steps, "epoch": steps, "loss": losses, "seed": s}) for s in (0, 1)
    ]
    costs = dict.fromkeys(("load_seconds", "compute_seconds", "update_seconds"), 0.0)
    about = {"machine": "here", "framework": "pytorch", "device": "cpu"}
    about |= {"implementation": "scratch"}
    about |= {"objective": "half_mse", "loader": "direct", "batch_size": 10, "learning_rate": 0.1}
    about |= {"epochs": 2, "schedule": "constant", "sampling": "permutation", "copies": 1}
    frame = pd.concat(seeds)
    return frame.assign(run=run, seconds=frame.step, **costs, **about | values)


@pytest.mark.parametrize("worst", [np.nan, np.inf, 1e30])
def test_a_diverging_run_leaves_no_gap_and_is_marked_at_the_top(worst):
    _, [[axes]] = style.figure("", size=(4, 3))
    run = curve("gd", [0.3, worst, 0.3]).assign(value=lambda frame: frame.loss)
    style.band(axes, run, "epoch", 0, "", top=0.5)
    line, marks = axes.lines
    assert list(line.get_ydata()) == [0.3, 0.5, 0.3]
    assert list(marks.get_xdata()) == [1]


def soonest(*runs, **about):
    """Which of runs is soonest: a name and what is said of it, each."""
    table = pd.DataFrame(runs, columns=["run", "soonest"])
    place = {"framework": "pytorch", "device": "cpu"}
    return table.assign(**place | {"implementation": "scratch", "loader": "direct"} | about)


def by_time(*runs, **about):
    """Of runs whose five seeds say that the second is first, what is known of more."""
    parts = [curve("slow", [0.5, 0.4, 0.2]), curve("fast", [0.5, 0.2, 0.3])]
    traces = pd.concat(parts, ignore_index=True).assign(**about)
    timed = soonest(*runs)
    made = loss_by_time.draw({"traces": traces, "problem": PROBLEM, "runs_to_target": timed}, 0.25)
    [panel] = made.axes
    return panel.get_title(loc="left"), made.get_suptitle().replace("\n", " ")


@pytest.mark.parametrize(
    ("said", "panel", "title"),
    [
        (["yes", "no"], "slow", "slow is first at a mean loss of 0.25"),
        (["undecided"] * 2, "undecided", "Undecided which run is first at a mean loss of 0.25"),
        (["no", "undecided"], "undecided", "Undecided which run is first at a mean loss of 0.25"),
        (["no", "no"], "none", "No run reaches a mean loss of 0.25"),
    ],
)
def test_the_run_that_is_first_is_so_by_many_seeds_and_launches_and_not_by_the_traces(
    said, panel, title
):
    runs = zip(("slow", "fast"), said, strict=True)
    assert by_time(*runs) == (f"direct loader; first: {panel}", title)


def test_runs_that_diverge_do_not_count_and_are_named():
    _, title = by_time(("slow", "no"), ("fast", "no"), batch_size=1500, learning_rate=1.0)
    assert title.endswith("0.25; slow, fast diverge and do not count")
    _, title = by_time(("slow", "yes"), ("fast", "no"), batch_size=1500, learning_rate=0.9)
    assert "diverge" not in title


def test_time_is_in_milliseconds_on_a_logarithmic_axis():
    tables = {"traces": curve("gd", [0.5, 0.4, 0.3]), "problem": PROBLEM}
    made = loss_by_time.draw(tables | {"runs_to_target": soonest(("gd", "no"))}, 0.25)
    [axes] = made.axes
    assert (axes.get_xlabel(), axes.get_xscale()) == ("time without evaluation [ms]", "log")
    assert axes.lines[0].get_xdata().tolist() == [1000, 2000]


def both(**of_jax):
    """Traces in two frameworks: three runs, of which the second has other values in jax."""
    runs = {"slow": [0.5, 0.4, 0.24], "fast": [0.5, 0.24, 0.245], "full": [0.5, 0.4, 0.5]}
    parts = []
    for framework in ("pytorch", "jax"):
        for run, losses in runs.items():
            about = {"batch_size": 1500, "learning_rate": 1.0} if run == "full" else {}
            about |= of_jax if (framework, run) == ("jax", "fast") else {}
            losses = about.pop("losses", losses)
            parts.append(curve(run, losses, framework=framework, **about))
    ends = builders.ended({"slow": "yes", "full": "no"})
    return {"traces": pd.concat(parts, ignore_index=True), "problem": PROBLEM, "ends": ends}


def rows_of_panels(made):
    """The axes of a figure by the framework that the first of each row names."""
    names = [axes.get_ylabel() for axes in made.axes if axes.get_ylabel()]
    width = len(made.axes) // len(names)
    return {name: made.axes[i * width : (i + 1) * width] for i, name in enumerate(names)}


def test_losses_by_epoch_have_a_row_a_framework_and_a_column_a_run():
    made = drawn(loss_by_epoch.draw(both(objective="mse", losses=[0.5, 0.3, 0.26])))
    panels = rows_of_panels(made)
    assert list(panels) == ["pytorch", "jax"]
    first, second = [[axes.get_title(loc="left") for axes in row] for row in panels.values()]
    assert first == [
        "slow\nbatch 10, η = 0.1",
        "fast\nbatch 10, η = 0.1",
        "full\nbatch 1500, η = 1",
    ]
    assert second == ["", "batch 10, η = 0.1,\nloss without ½", ""]  # only what is not as above
    assert list(panels["jax"][1].lines[0].get_ydata()) == [0.35, 0.3, 0.26]
    for row in panels.values():  # each run has one colour
        assert [axes.lines[0].get_color() for axes in row] == style.COLOURS[:3]
        assert ["diverges" in texts(axes) for axes in row] == [False, False, True]
    assert made.get_suptitle().replace("\n", " ") == (
        "Closest to the floor ends slow: mean loss 0.24000 (0.23000 to 0.26000) over 10,000 seeds; "
        "full diverges"
    )


def epoch_title(ends, **of_jax):
    made = loss_by_epoch.draw(both(**of_jax) | {"ends": ends})
    return made.get_suptitle().replace("\n", " ")


def test_a_problem_that_runs_are_in_some_frameworks_is_closest_in_these():
    """Without the ½ a gradient is twice as long: η = 0.1 in jax is the problem of 0.2."""
    ends = builders.ended({"fast_jax": "yes"}, learning_rate=0.2)
    assert "ends fast_jax in jax: mean" in epoch_title(ends, objective="mse")
    assert "ends fast_jax: mean" in epoch_title(ends, objective="half_mse")  # is none's own


@pytest.mark.parametrize(
    ("closest", "said"),
    [
        (
            {"a": "undecided", "b": "no", "c": "undecided"},
            "Undecided which run ends closest to the floor, a or c; full",
        ),
        ({"a": "no", "b": "no"}, "Every run diverges with at least one of 10,000 seeds; full"),
        ({}, "Undecided which run ends closest to the floor; full"),
    ],
)
def test_what_ends_closest_to_the_floor_is_undecided_where_the_seeds_do_not_tell(closest, said):
    assert epoch_title(builders.ended(closest)).startswith(said)


def test_of_runs_that_are_not_plain_the_message_says_nothing():
    said = epoch_title(builders.ended({"slow": "yes"}), schedule="tenth")
    assert said.startswith("Closest to the floor of the plain runs ends slow: mean loss")


def test_many_runs_take_several_rows_a_framework():
    parts = [
        curve(f"run_{number}", [0.5, 0.3], framework=framework)
        for framework in ("pytorch", "jax")
        for number in range(7)
    ]
    tables = {"traces": pd.concat(parts), "problem": PROBLEM, "ends": builders.ended({})}
    made = drawn(loss_by_epoch.draw(tables))
    shown = [axes for axes in made.axes if axes.axison]
    names = [axes.get_title(loc="left").partition("\n")[0] for axes in shown]
    assert names == [f"run_{number}" for number in range(7)] * 2
    assert {axes.get_subplotspec().get_gridspec().get_geometry() for axes in shown} == {(4, 5)}


def test_losses_over_time_have_a_row_a_framework_and_name_the_first_in_each():
    parts = [soonest(("fast", "yes"), ("slow", "no"), ("full", "no"))]
    parts += [soonest(("fast", "no"), ("slow", "yes"), ("full", "no"), framework="jax")]
    parts += [soonest(("compiled", "yes"), implementation="compiled")]  # is not shown
    timed = {"runs_to_target": pd.concat(parts, ignore_index=True)}
    made = drawn(loss_by_time.draw(both(learning_rate=0.2) | timed, 0.25))
    panels = rows_of_panels(made)
    titles = {name: [axes.get_title(loc="left") for axes in row] for name, row in panels.items()}
    assert titles == {
        "pytorch": ["direct loader; first: fast"],
        "jax": ["direct loader; first: slow"],
    }
    assert made.get_suptitle().replace("\n", " ") == (
        "Which run is first at a mean loss of 0.25 depends on the framework; "
        "full diverges and does not count"
    )
    [legend] = made.legends  # says of a run only what holds in all frameworks
    assert [text.get_text() for text in legend.get_texts()] == [
        "slow: batch 10, η = 0.1",
        "fast",
        "full: batch 1500, η = 1",
    ]


def test_a_loader_that_a_framework_has_no_run_with_has_no_panel_there():
    parts = [soonest(("fast", "yes"), ("slow", "no"), ("full", "no"))]
    parts += [
        parts[0].assign(framework="jax"),
        parts[0].assign(framework="jax", loader="framework"),
    ]
    traces = both(learning_rate=0.2)
    more = traces["traces"].query("framework == 'jax'").assign(loader="framework")
    traces["traces"] = pd.concat([traces["traces"], more])
    made = drawn(loss_by_time.draw(traces | {"runs_to_target": pd.concat(parts)}, 0.25))
    assert [axes.axison for axes in made.axes] == [True, False, True, True]
    assert made.get_suptitle().startswith("Whatever the framework and the loader, fast is first")


FIRST = "Which run is first at a loss depends on the"


UNSURE = "undecided"


@pytest.mark.parametrize(
    ("winners", "message"),
    [
        ([["run"]], "run is first at a loss"),
        ([["run", "run"]], "Whatever the loader, run is first at a loss"),
        ([["run"] * 2] * 2, "Whatever the framework and the loader, run is first at a loss"),
        ([["run", "other"]] * 2, f"{FIRST} loader"),
        ([["run", "run"], ["other", "other"]], f"{FIRST} framework"),
        ([["run", "other"], ["run", "run"]], f"{FIRST} framework and the loader"),
        ([["none"], ["none"]], "No run reaches a loss"),
        # of what is undecided nothing depends on anything
        ([["run", UNSURE]] * 2, "run is first at a loss in 2 of 4 panels, no other run in any"),
        ([["run", "none"]], "run is first at a loss in 1 of 2 panels, no other run in any"),
        (
            [["run", UNSURE], ["other", "run"]],
            f"{FIRST} framework and the loader; undecided in 1 of 4 panels",
        ),
        ([["run", UNSURE], ["run", "other"]], f"{FIRST} loader; undecided in 1 of 4 panels"),
        (
            [["run", UNSURE], [UNSURE, "other"]],
            f"{FIRST} framework or the loader; undecided in 2 of 4 panels",
        ),
        ([[UNSURE, "none"]], "Undecided which run is first at a loss"),
    ],
)
def test_the_message_says_what_the_first_at_the_target_depends_on(winners, message):
    assert loss_by_time._first(pd.DataFrame(winners), "a loss") == message


def test_published_results_have_a_row_a_framework_and_a_message_over_all():
    row = {"device": "cpu", "implementation": "scratch", "experiment": "gd"}
    rows = [
        row
        | {"framework": name, "quantity": quantity, "published": value, "measured": ours}
        | {"low": ours / 2, "high": 2 * ours, "inside": inside}
        for name, quantity, value, ours, inside in [
            ("mxnet", "seconds_per_epoch", 4.0, 0.4, None),
            ("mxnet", "loss", 0.25, 0.26, True),
            ("pytorch", "seconds_per_epoch", 2.0, 1.0, None),
            ("pytorch", "loss", 0.31, 0.26, False),
        ]
    ]
    table = pd.DataFrame(rows).astype({"inside": "boolean"})
    table["ratio_low"], table["ratio_high"] = (
        [0.05, np.nan, 0.4, np.nan],
        [0.2, np.nan, 1.1, np.nan],
    )
    made = drawn(published.draw({"published": table}))
    panels = rows_of_panels(made)
    assert list(panels) == ["mxnet", "pytorch"]
    ours = {name: row[1].containers[0][0].get_xdata().tolist() for name, row in panels.items()}
    assert ours == {"mxnet": [0.4], "pytorch": [1.0]}
    for row in panels.values():
        assert row[1].containers[0].get_label() == "measured here"
        [hollow] = [line for line in row[1].lines if line.get_label() == "published"]
        assert hollow.get_markerfacecolor() == "white"
    assert made.get_suptitle().replace("\n", " ") == (
        "1 of 2 published losses lie where 95 % of our seeds do; an epoch takes less time than "
        "published in 1 of 2 runs, undecided in 1"
    )


def test_what_was_published_of_runs_and_not_measured_is_no_share_of_none():
    row = {"framework": "pytorch", "device": "cpu", "implementation": None, "experiment": "gd"}
    row |= dict.fromkeys(("measured", "low", "high"), np.nan) | {"published": 0.25}
    row |= dict.fromkeys(("ratio_low", "ratio_high"), np.nan)
    rows = [row | {"quantity": name, "inside": None} for name in published.PANELS]
    table = pd.DataFrame(rows).astype({"inside": "boolean"})
    said = texts(drawn(published.draw({"published": table})))
    assert "0 of 0" not in said
    assert "nan" not in said
