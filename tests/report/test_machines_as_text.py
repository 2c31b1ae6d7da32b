"""The comparison of machines as text, from tables of which every number is in builders."""

import numpy as np
import pytest

from builders import compared, everything
from minibatch.report.machines import about, hardware, text

ORIGIN = {"machines": ["node07, CPU"], "gpus": [], "frameworks": ["jax 0", "torch 2"]}


def lines(rows):
    return [" ".join(line.split()) for line in text(rows, 0.25).splitlines()]


def test_the_table_as_text_has_a_line_a_machine():
    shown = lines(compared(laptop=everything(), node07=everything(3)))
    assert "jax compiled laptop cpu 1,000 0.667" in shown
    assert "jax compiled node07 cpu 3,000 (3×) 2 (3×)" in shown
    assert "pytorch node07 cpu 0.0333 (0.33×) 13.3 (0.33×) 26.7 (0.33×)" in shown
    assert "numba baseline node07 cpu 0.01 (1×) –" in shown
    assert "Milliseconds to a loss of 0.25" in shown
    assert "pytorch direct node07 cpu 12 (3×) never" in shown


def test_the_device_of_the_first_machine_is_named_where_it_is_another_one():
    shown = lines(compared(laptop=everything(), node07=everything(0.25, "cuda")))
    assert "pytorch node07 cuda 0.4 (4× cpu) 160 (4× cpu) 320 (4× cpu)" in shown


def test_what_was_not_measured_has_no_heading():
    rows = compared(laptop=everything(), node07=everything(3))
    shown = lines(rows[rows.quantity != "gflops"])
    assert not any("GFLOP/s" in line for line in shown)
    assert "Milliseconds per epoch, by batch size" in shown


def test_where_the_first_machine_has_no_number_there_is_no_ratio():
    node = everything(3)
    node["training"] = node["training"].replace({np.inf: 1.0})
    shown = text(compared(laptop=everything(), node=node), 0.25)
    assert "never" in shown
    assert "nan" not in shown


@pytest.mark.parametrize(
    ("machines", "gpus", "said"),
    [
        (["a, CPU", "b, CPU"], ["H100"], "a, CPU; b, CPU; H100"),
        ([], [], "unknown machine"),
    ],
)
def test_hardware_is_all_machines_and_gpus(machines, gpus, said):
    assert hardware({"machines": machines, "gpus": gpus}) == said


def test_a_machine_has_a_line_with_its_folder_and_threads_and_one_with_its_frameworks():
    assert about("node07", "node/results", ORIGIN | {"threads": [1, 4]}).splitlines() == [
        "node07: node07, CPU; node/results; threads: 1 or 4",
        "  jax 0, torch 2",
    ]
