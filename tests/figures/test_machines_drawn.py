"""Machines side by side in a figure, from tables of which every number is in builders."""

import numpy as np

from builders import both, compared, everything, ladder
from minibatch.figures import machines
from minibatch.summaries.ladder import RUNGS


def draw(rows):
    """Draw and lay out, where matplotlib says what does not fit."""
    drawn = machines.draw({"machines": rows})
    drawn.draw_without_rendering()
    return drawn


def test_the_title_says_how_the_machines_compare():
    node = both(everything(3), everything(0.25, "cuda"))
    drawn = draw(compared(laptop=everything(), node=node, mac=everything(0.5)))
    assert drawn.get_suptitle().replace("\n", " ") == (
        "Compared with laptop, an epoch takes 3× the time on node; "
        "0.25× on node, cuda (against laptop's cpu); 0.5× on mac"
    )
    faster = both({"ladder": ladder(2, sizes=[1])}, {"ladder": ladder(4, sizes=[1500])})
    drawn = draw(compared(laptop=everything(), node=everything() | faster))
    assert "takes 2× to 4× the time on node" in drawn.get_suptitle()


def test_each_curve_is_a_machine_and_device_in_the_machines_colour():
    node = both(everything(3), everything(0.25, "cuda"))
    drawn = draw(compared(laptop=everything(), node=node))
    titles = [axes.get_title(loc="left") for axes in drawn.axes]
    assert titles == [*RUNGS, *[""] * len(RUNGS)]
    assert [axes.get_ylabel() for axes in drawn.axes[:: len(RUNGS)]] == [
        "pytorch\nms per epoch",
        "jax\nms per epoch",
    ]
    laptop, cpu, cuda = (container[0] for container in drawn.axes[0].containers)
    assert list(laptop.get_xdata()) == [1, 1500]
    np.testing.assert_allclose(np.float64(cpu.get_ydata()), [3000, 2])
    np.testing.assert_allclose(np.float64(cuda.get_ydata()), [250, 1 / 6])
    assert cpu.get_color() == cuda.get_color() != laptop.get_color()
    assert cuda.get_markerfacecolor() == "white" != cpu.get_markerfacecolor()
    [legend] = drawn.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "laptop, CPU: cpu",
        "node, CPU: cpu",
        "node, CPU: cuda",
    ]


def test_what_no_machine_measured_and_what_none_shares_is_said():
    some = ladder()
    some = some[(some.framework == "jax") | (some.rung == "compiled")]
    drawn = draw(
        compared(laptop=everything() | {"ladder": some}, node=everything() | {"ladder": some})
    )
    words = [text.get_text() for axes in drawn.axes for text in axes.texts]
    assert words == ["not measured"] * (len(RUNGS) - 1)
    apart = everything() | {"ladder": ladder(sizes=[10])}
    title = draw(compared(laptop=everything(), node=apart)).get_suptitle()
    assert title.startswith("No epoch was measured on the first machine and on another one")
    none = everything() | {"ladder": ladder(frameworks=[])}
    assert draw(compared(laptop=none, node=none)).get_suptitle().startswith("No epoch was measured")
