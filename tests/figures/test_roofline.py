"""The roofline, drawn from rates that are written down here."""

import numpy as np
import pandas as pd
import pytest
from test_figures import ENDS, beside_the_full, rate, rates

from drawing import drawn, texts
from minibatch.figures import roofline
from minibatch.sgd.strategies import intensity

# Rates by element, row, column, block and in full, and the microseconds of a call: as measured on a
# slow machine in four frameworks; the second is about what a fast one has in the first.
MEASURED = [
    (0.0384, 4.42, 2.62, 58.8, 68.6, 5),
    (0.08, 13, 6.5, 82, 95, 3),
    (0.000208, 0.0838, 0.0977, 4.65, 34.7, 400),
    (0.000499, 0.251, 0.237, 11.7, 43.3, 200),
    (0.00113, 0.315, 0.317, 22.1, 50.1, 90),
]
SHAPES = [("element", 0), ("row", 0), ("column", 0), ("block", 64), ("full", 0)]
COPIES = {"L1": 84.0, "L2": 43.0, "L3": 22.9, "memory": 10.0}


def of_numpy(product=90.0, copies=COPIES):
    """What bounds the CPU."""
    rows = [
        rate("copy", 2**9 * 32**power, value, level=name, intensity=np.nan)
        for power, (name, value) in enumerate(copies.items())
    ]
    rows.append(rate("product", 2048, product, intensity=np.nan))
    return pd.DataFrame(rows).assign(framework="numpy")


def as_measured(values, framework="pytorch", n=256):
    """The rates of one framework, on the CPU."""
    *values, call = values
    rows = [
        rate(name, n, value, block, intensity=intensity(name, n, block))
        for (name, block), value in zip(SHAPES, values, strict=True)
    ]
    rows.append(rate("call", 1, 2e-3 / call, intensity=np.nan, seconds=1e-6 * call))
    return beside_the_full(rows).assign(framework=framework)


def draw(*tables, bounds=None):
    bounds = of_numpy() if bounds is None else bounds
    return drawn(roofline.draw({"matmul": pd.concat([*tables, bounds], ignore_index=True)}))


def lines(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_the_roof_is_the_fastest_product_of_any_framework_or_numpy_and_one_for_all():
    tables = [as_measured(MEASURED[index], f"f{index}") for index in (0, 1)]
    tables.append(as_measured((0.1, 1, 1, 50, 104.0, 5), "jax", n=512))  # fastest, if small
    made = draw(*tables)
    for axes in made.axes[:3]:
        [roof] = [line for label, line in lines(axes).items() if "GFLOP/s" in label]
        assert set(roof.get_ydata()) == {104.0}
    assert "float32: 104 GFLOP/s (jax, n = 512)" in legend(made)
    made = draw(*tables, bounds=of_numpy(product=120.0))
    assert "float32: 120 GFLOP/s (numpy, n = 2048)" in legend(made)


def legend(made):
    return [text.get_text() for text in made.legends[0].get_texts()]


def test_each_cache_and_memory_has_a_slope_up_to_the_roof():
    made = draw(as_measured(MEASURED[0]))
    for level, copied in COPIES.items():
        label = f"copies in {level}: {copied:g} GB/s"
        assert label in legend(made)
        x, y = lines(made.axes[0])[label].get_data()
        below = np.isfinite(y)
        assert y[below] == pytest.approx(copied * x[below])
        assert 80 < y[below].max() <= 90


def test_of_several_copies_in_a_cache_the_fastest_counts_and_none_that_lies_in_no_level():
    more = of_numpy().assign(rate=lambda table: table.rate / 2)
    nowhere = of_numpy(copies={"": 999.0})
    made = draw(as_measured(MEASURED[0]), bounds=pd.concat([more, of_numpy(), nowhere]))
    copied = [label for label in legend(made) if label.startswith("copies")]
    assert copied == [f"copies in {level}: {rate:g} GB/s" for level, rate in COPIES.items()]


def test_the_line_of_calls_is_what_a_call_computes_over_what_it_takes():
    [axes] = draw(as_measured(MEASURED[0])).axes
    [line] = [line for label, line in lines(axes).items() if label.startswith("calls")]
    x, y = line.get_data()
    for strategy, block in SHAPES:
        rows, columns = {"element": (1, 1), "row": (1, 256), "column": (256, 1)}.get(
            strategy, (256, block or 256)
        )
        expected = 2 * 256 * rows * columns / 5e-6 / 1e9
        found = np.interp(np.log(intensity(strategy, 256, block)), np.log(x), np.log(y))
        assert np.exp(found) == pytest.approx(expected, rel=0.02), strategy
    assert "a call: 5 µs" in texts(axes.figure)


def test_on_a_gpu_each_precision_has_a_roof_and_its_memory_a_slope():
    made = draw(rates(factor=7, device="cuda"), bounds=pd.DataFrame())
    [axes] = made.axes
    roofs = [line.get_ydata()[0] for label, line in lines(axes).items() if "GFLOP/s" in label]
    assert roofs == pytest.approx([7e5, 4.2e5, 7e4])
    assert "copies in memory: 700 GB/s" in legend(made)
    assert "full  1,790" in texts(made)
    assert texts(made).count("full  ") == texts(made).count("block of 64  ") == 1


def test_with_two_devices_each_has_its_own_roof_and_the_legend_says_of_which():
    made = draw(rates(["float32"], 0.01), rates(["float32"], 1, device="cuda"))
    cpu, cuda = made.axes
    assert any(label.startswith("cpu: copies in L1: 84 GB/s") for label in lines(cpu))
    assert any(label.startswith("cuda: copies in memory: 100 GB/s") for label in lines(cuda))
    assert not any("cpu: " in label for label in lines(cuda))


def assert_apart(axes, table):
    """No label covers another, or a point, or what lies outside of the axes."""
    table = table[table.strategy != "call"]
    labels = [text.get_window_extent() for text in axes.texts]
    points = axes.transData.transform(list(zip(table.intensity, table.rate, strict=True)))
    assert len(labels) == 6
    inside = axes.get_window_extent()
    for index, label in enumerate(labels):
        assert not label.count_overlaps(labels[:index])
        assert not label.count_contains(points)
        assert inside.x0 <= label.x0
        assert label.x1 <= inside.x1
        assert label.y1 <= inside.y1


@pytest.mark.parametrize("values", MEASURED)
def test_no_label_covers_another_or_a_point(values):
    table = as_measured(values)
    [axes] = draw(table).axes
    assert_apart(axes, table)


def test_nor_where_the_frameworks_have_a_panel_each_on_the_same_axes():
    names = [f"framework_{number}" for number in range(len(MEASURED))]
    tables = [as_measured(*pair) for pair in zip(MEASURED, names, strict=True)]
    made = draw(*tables)
    panels = made.axes[: len(names)]
    assert [axes.get_title(loc="left") for axes in panels] == names
    assert len({(*axes.get_xlim(), *axes.get_ylim()) for axes in panels}) == 1
    for axes, table in zip(panels, tables, strict=True):
        assert_apart(axes, table)
    # 34.7 / 0.000208 and 95 / 0.08 are the greatest and the least
    assert made.get_suptitle().replace("\n", " ") == (
        "One call for the whole product is 1,200× (1,100× to 1,200×) in framework_1 to 170,000× "
        "(160,000× to 180,000×) in framework_2 as fast as one call an element"
    )


def test_the_title_has_the_interval_and_of_one_framework_no_name():
    table = as_measured(MEASURED[0])
    table.loc[table.strategy == "element", ENDS] = (90.0, 80.0, 100.0)
    assert draw(table).get_suptitle().replace("\n", " ") == (
        "One call for the whole product is 90× (80× to 100×) as fast as one call an element"
    )
    without = draw(table[table.strategy != "full"].assign(**dict.fromkeys(ENDS, np.nan)))
    assert without.get_suptitle() == "How fast products are, by how much of them a call computes"


def test_the_size_that_was_measured_is_named():
    table = rates(["float32"])
    made = draw(table[table.n != 256])
    assert "64×64, float32" in texts(made)
    assert "256×256" not in texts(made)
    assert "8192×8192, float32" in texts(draw(table[~table.n.isin([64, 256])]))
