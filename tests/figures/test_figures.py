"""The figures, drawn from tables that are written down here."""

import numpy as np
import pandas as pd
import pytest

from minibatch.figures import (
    epoch_cost,
    exercise_1_grid,
    loss_by_time,
    product_device,
    product_size,
    roofline,
    style,
)
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
    row = {"block": 0, "precision": "float32", "samples": 3}
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
    row = {"strategy": strategy, "n": n, "rate_median": value, "intensity": intensity}
    return row | {"rate_low": value / 2, "rate_high": value * 2} | place | about


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
    rows += [rate("copy", 2**26, 100 * factor, intensity=np.nan, **about)]
    return pd.DataFrame(rows)


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


def test_where_no_full_product_was_measured_the_figure_says_so():
    table = rates()
    made = drawn(product_device.draw({"matmul": table[table.strategy != "full"]}))
    assert "The full product was not measured" in texts(made)


def test_further_precisions_are_curves_of_the_full_product_and_of_nothing_else():
    made = drawn(product_size.draw({"matmul": rates(factor=100, device="cuda")}))
    left, right = made.axes
    names = [text.get_text() for text in left.get_legend().get_texts()]
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


def test_each_precision_has_a_roof_and_the_points_are_in_float32():
    made = drawn(roofline.draw({"matmul": rates(factor=7, device="cuda")}))
    [axes] = made.axes
    roofs = [line for line in axes.lines if len(line.get_xdata()) == 400]
    assert [line.get_ydata().max() for line in roofs] == pytest.approx([7e4, 4.2e5, 7e5])
    for precision, said in (("float32", "70,000"), ("tf32", "420,000"), ("bfloat16", "700,000")):
        assert f"{precision}, n = 8192: {said} GFLOP/s" in texts(made)
    assert "full  1,790" in texts(made)
    assert texts(made).count("full  ") == texts(made).count("block of 64  ") == 1


def test_a_roof_alone_is_named_as_before():
    made = drawn(roofline.draw({"matmul": rates(["float32"])}))
    assert "largest product, n = 8192: 10,000 GFLOP/s" in texts(made)


# Rates by element, row, column, block, in full, of copying, and of the largest product: as measured
# on a slow machine in four frameworks; the second is about what a fast one has in the first.
MEASURED = [
    (0.0384, 4.42, 2.62, 58.8, 68.6, 13.6, 75.8),
    (0.08, 13, 6.5, 82, 95, 15, 100),
    (0.000208, 0.0838, 0.0977, 4.65, 34.7, 2.65, 66.4),
    (0.000499, 0.251, 0.237, 11.7, 43.3, 11.8, 76.9),
    (0.00113, 0.315, 0.317, 22.1, 50.1, 12.7, 44.5),
]


@pytest.mark.parametrize("values", MEASURED)
def test_no_label_of_the_roofline_covers_another_or_a_point(values):
    element, row, column, block, full, copy, product = values
    table = pd.DataFrame(
        [
            *(rate("element", 256, element, intensity=0.25), rate("row", 256, row, intensity=0.5)),
            rate("column", 256, column, intensity=0.5),
            rate("block", 256, block, 64, intensity=21.3),
            rate("full", 256, full, intensity=42.7),
            rate("product", 2048, product, intensity=np.nan),
            rate("copy", 2**26, copy, intensity=np.nan),
        ]
    )
    [axes] = drawn(roofline.draw({"matmul": table})).axes
    labels = [text.get_window_extent() for text in axes.texts]
    points = axes.transData.transform(list(zip(table.intensity, table.rate_median, strict=True)))
    assert len(labels) == 7
    for index, label in enumerate(labels):
        assert not label.count_overlaps(labels[:index])
        assert not label.count_contains(points)


@pytest.mark.parametrize("known", [True, False])
def test_the_parts_of_an_epoch_are_left_out_where_they_are_unknown(known):
    parts = {"load_seconds": 0.2, "compute_seconds": 0.5, "update_seconds": 0.3}
    parts = parts if known else dict.fromkeys(parts, np.nan)
    cells = [
        curve("grid", [0.5, 0.4, 0.3], batch_size=size, loader=loader).assign(
            seconds=lambda frame, size=size: frame.step * 8 / size,
            **{name: value * 8 / size for name, value in parts.items()},
        )
        for size in (1, 4)
        for loader in ("framework", "direct")
    ]
    made = drawn(epoch_cost.draw({"traces": pd.concat(cells)}))
    names = [text.get_text() for text in made.axes[-1].get_legend().get_texts()]
    assert names == ["all", *(["load", "compute", "update"] if known else [])]
    assert [len(axes.lines) for axes in made.axes] == [len(names)] * 2
    if known:
        assert made.get_suptitle().startswith("At batch size 4, loading takes ")
    else:
        assert made.get_suptitle() == "An epoch at batch size 1 takes 4× that at 4"
