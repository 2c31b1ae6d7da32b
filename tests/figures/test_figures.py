"""The figures, drawn from tables that are written down here."""

import numpy as np
import pandas as pd
import pytest

from drawing import drawn, texts
from minibatch.figures import product_device, product_size, style
from minibatch.figures.save import save
from minibatch.tables.notes import notes


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
