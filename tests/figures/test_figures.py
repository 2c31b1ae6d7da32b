"""The figures, drawn from tables that are written down here."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.figures import (
    loss_by_epoch,
    loss_by_time,
    product_device,
    product_size,
    published,
    style,
)
from minibatch.figures.save import save
from minibatch.tables.notes import notes

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


def test_surrogate_data_and_different_machines_are_noted():
    assert notes({"surrogate": False}, ["a"]) == []
    surrogate, machines = notes({"surrogate": True}, ["a, EPYC, 2 cores", "b, EPYC, 2 cores"])
    assert "SURROGATE" in surrogate
    assert machines == "The tables come from 2 machines of 1 kind: EPYC, 2 cores (a, b)"
    [machines] = notes(
        {"surrogate": False}, ["a, EPYC, 2 cores", "b, Xeon, 4 cores", "c, EPYC, 2 cores"]
    )
    assert machines.endswith(" 3 machines of 2 kinds: EPYC, 2 cores (a, c); Xeon, 4 cores (b)")
    assert notes({"surrogate": False}, ["a, EPYC, 1 core", "a, EPYC, 12 cores"]) == []


# Several devices and precisions.

FASTER = {"float32": 1, "tf32": 6, "bfloat16": 10}


def rate(strategy, n, value, block=0, precision="float32", intensity=1.0, **about):
    place = {"framework": "pytorch", "device": "cpu", "block": block, "precision": precision}
    row = {"strategy": strategy, "n": n, "rate": value, "intensity": intensity, "level": ""}
    row |= {"rate_low": value / 1.1, "rate_high": value * 1.1, "seconds": 2e-9 * n**3 / value}
    return row | dict.fromkeys(ENDS, np.nan) | place | about


ENDS = ["to_full", "to_full_low", "to_full_high"]


def beside_the_full(rows):
    """Each row with its time over that of the full product, and an interval."""
    table = pd.DataFrame(rows)
    same = ["framework", "device", "n", "precision"]
    full = table[table.strategy == "full"].set_index(same).rate
    ratio = table.join(full.rename("full"), on=same).full / table.rate
    return table.assign(to_full=ratio, to_full_low=ratio / 1.05, to_full_high=ratio * 1.05)


def rates(precisions=FASTER, factor=1.0, **about):
    """Full products of three sizes, blocks of several widths at one, and the ceilings."""
    rows = [
        rate("full", n, n * factor * FASTER[name], precision=name, **about)
        for name in precisions
        for n in (64, 256, 8192)
    ]
    rows += [
        rate("block", 256, width * factor * FASTER[name], width, name, **about)
        for name in precisions
        for width in (16, 64, 128)
    ]
    rows += [rate("block", 64, 64 * factor, 64, **about)]
    rows += [rate("column", n, n * factor / 9, **about) for n in (64, 256)]
    rows += [rate("element", 64, factor, **about), rate("element", 256, factor, **about)]
    rows += [
        rate("product", 8192, 1e4 * factor * FASTER[name], 0, name, np.nan, **about)
        for name in precisions
    ]
    copied = {"level": "memory", "intensity": np.nan} | about
    if copied.get("device") == "cuda":
        rows += [rate("copy", 2**26, 100 * factor, **copied)]
    rows += [rate("call", 1, 1e-3 * factor, **{"intensity": np.nan} | about)]
    return beside_the_full(rows)


def drawn(made):
    """Lay a figure out, where matplotlib says what does not fit."""
    made.draw_without_rendering()
    return made


def test_the_full_product_has_a_panel_a_device_and_a_line_a_framework_and_precision():
    parts = [
        *(rates(["float32"]), rates(factor=10, device="cuda")),
        rates(["float32"], 0.1, framework="mxnet"),
        *(
            rates(["float32"], 0.5, framework="jax"),
            rates(factor=6, framework="jax", device="cuda"),
        ),
    ]
    table = pd.concat(parts, ignore_index=True)
    made = drawn(product_device.draw({"matmul": table}))
    cpu, cuda = made.axes
    assert [axes.get_title(loc="left") for axes in made.axes] == ["cpu", "cuda"]
    names = [[text.get_text() for text in axes.get_legend().get_texts()] for axes in made.axes]
    assert names[0] == ["pytorch, float32", "mxnet, float32", "jax, float32"]
    assert names[1] == [f"{name}, {kind}" for name in ("pytorch", "jax") for kind in FASTER]
    lines = dict(zip(names[1], [container[0] for container in cuda.containers], strict=True))
    assert list(lines["jax, tf32"].get_xdata()) == [64, 256, 8192]
    assert list(lines["jax, tf32"].get_ydata()) == [36 * n for n in (64, 256, 8192)]
    # a framework has one colour on all devices, and a precision one kind of line
    here = dict(zip(names[0], [container[0] for container in cpu.containers], strict=True))
    assert here["jax, float32"].get_color() == lines["jax, bfloat16"].get_color()
    assert here["jax, float32"].get_color() != lines["pytorch, float32"].get_color()
    assert lines["jax, tf32"].get_linestyle() == lines["pytorch, tf32"].get_linestyle()
    assert len({lines[f"jax, {kind}"].get_linestyle() for kind in FASTER}) == 3
    assert made.get_suptitle().replace("\n", " ") == (
        "The fastest full product: 8,190 GFLOP/s on cpu (pytorch, float32), "
        "819,000 GFLOP/s on cuda (pytorch, bfloat16)"
    )


def test_a_fastest_full_product_that_intervals_do_not_tell_apart_is_undecided():
    parts = [rates(["float32"], framework=name) for name in ("pytorch", "jax")]
    made = drawn(product_device.draw({"matmul": pd.concat(parts, ignore_index=True)}))
    assert "undecided on cpu, up to 8,190 GFLOP/s" in texts(made)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ((1.2, 1.1, 1.24), "Blocks of 64 columns reach 80 % of the full product at n = 256"),
        ((1.2, 1.1, 1.3), "Undecided whether a block width reaches 80 %"),
        ((2.0, 1.3, 3.0), "No block width up to 128 reaches 80 % of the full product"),
    ],
)
def test_a_block_width_is_enough_where_the_interval_of_its_ratio_says_so(ratio, said):
    table = rates(["float32"])
    wide = (table.strategy == "block") & (table.block >= 64)
    table.loc[wide, ENDS] = np.tile(ratio, (wide.sum(), 1))
    table.loc[(table.strategy == "block") & (table.block < 64), ENDS] = 3.0
    assert said in drawn(product_size.draw({"matmul": table})).get_suptitle().replace("\n", " ")


def test_where_no_full_product_was_measured_the_figure_says_so():
    table = rates()
    made = drawn(product_device.draw({"matmul": table[table.strategy != "full"]}))
    assert "The full product was not measured" in texts(made)


def test_further_precisions_are_curves_of_the_full_product_and_of_nothing_else():
    made = drawn(product_size.draw({"matmul": rates(factor=100, device="cuda")}))
    left, right = made.axes
    names = [text.get_text() for text in made.legends[0].get_texts()]
    assert sorted(names) == sorted(
        ["full", "full, tf32", "full, bfloat16", "block of 64", "column", "element"]
    )
    lines = {line.get_label(): line for line in left.lines}
    assert list(lines["full, tf32"].get_ydata()) == [600 * n for n in (64, 256, 8192)]
    assert list(lines["full"].get_ydata()) == [100 * n for n in (64, 256, 8192)]
    assert list(lines["block of 64"].get_ydata()) == [6400, 6400]
    [widths] = [container[0] for container in right.containers]
    assert list(widths.get_ydata()) == [1600, 6400, 12800]
    assert "full product: 25,600" in texts(made)
    assert made.get_suptitle() == "No block width up to 128 reaches 80 % of the full product"


# All frameworks in one figure.


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


# Axes, error bars and saving, the same in all figures.


def test_labels_of_a_size_axis_do_not_touch_and_the_largest_is_there():
    made, [panels] = style.figure("", 1, 2, size=(8, 3))
    sizes = [1, 2, 3, 5, 8, 10, 30, 100, 1000, 15000, 50000, 150000, 500000, 1500000]
    for axes in panels:
        style.size_axis(axes, sizes)
    made.draw_without_rendering()
    for axes in panels:
        shown = axes.get_xticklabels()
        boxes = [label.get_window_extent() for label in shown]
        assert shown[0].get_text() == "1500000"
        assert 4 < len(shown) < len(sizes)
        for index, box in enumerate(boxes):
            assert not box.count_overlaps(boxes[:index])


def test_sizes_that_have_room_are_all_named():
    _, [[axes]] = style.figure("", size=(4, 3))
    style.size_axis(axes, [1500, 1, 10, 100, 10])
    assert sorted(axes.get_xticks()) == [1, 10, 100, 1500]


@pytest.mark.parametrize("along", ["x", "y"])
def test_error_bars_reach_from_low_to_high(along):
    _, [[axes]] = style.figure("", size=(4, 3))
    rows = pd.DataFrame({"rate": [2.0], "rate_low": [1.5], "rate_high": [4.0]})
    style.ranges(axes, [7], style.interval(rows, "rate", 10), along=along)
    [container] = axes.containers
    [[start, end]] = container[2][0].get_segments()
    place = 1 if along == "x" else 0
    assert (start[place], end[place]) == (7, 7)
    assert (start[1 - place], end[1 - place]) == (15, 40)


def test_a_figure_is_saved_as_svg_and_png_and_nothing_else(tmp_path):
    save(style.empty("so"), tmp_path / "a.svg")
    assert b"<!-- so -->" in (tmp_path / "a.svg").read_bytes()
    assert b"<dc:date>" not in (tmp_path / "a.svg").read_bytes()
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 2


# What a configuration may leave out.


@pytest.mark.parametrize("strategies", [["full"], ["element", "column"]])
def test_sizes_without_blocks_and_blocks_of_one_width_are_drawn(strategies):
    table = rates(["float32"])
    kept = table[table.strategy.isin([*strategies, "copy", "product"])]
    assert drawn(product_size.draw({"matmul": kept})).get_suptitle() == "GFLOP/s by size"
    one = pd.concat([kept, table[(table.strategy == "block") & (table.block == 64)]])
    assert "block of 64" in texts(drawn(product_size.draw({"matmul": one})))


def test_what_was_published_of_runs_and_not_measured_is_no_share_of_none():
    row = {"framework": "pytorch", "device": "cpu", "implementation": None, "experiment": "gd"}
    row |= dict.fromkeys(("measured", "low", "high"), np.nan) | {"published": 0.25}
    row |= dict.fromkeys(("ratio_low", "ratio_high"), np.nan)
    rows = [row | {"quantity": name, "inside": None} for name in published.PANELS]
    table = pd.DataFrame(rows).astype({"inside": "boolean"})
    said = texts(drawn(published.draw({"published": table})))
    assert "0 of 0" not in said
    assert "nan" not in said
