"""Machines side by side, from tables of which every number is written down in builders."""

from functools import partial

import numpy as np
import pytest

from builders import both, compared, everything, ladder, raw
from minibatch.summaries.ladder import RUNGS
from minibatch.summaries.machines import differences
from minibatch.tables.canonical import digest

RUN = next(iter(raw()))


def test_each_machine_has_a_row_a_case_with_its_ratio_to_the_first():
    rows = compared(laptop=everything(), node=everything(3), mac=everything(0.5))
    ratios = rows.groupby(["quantity", "machine"]).ratio.agg(["min", "max"]).T.to_dict("list")
    assert ratios["seconds_to_target", "node"] == pytest.approx([3, 3])
    assert ratios["seconds_to_target", "mac"] == pytest.approx([0.5, 0.5])
    assert ratios["gflops", "node"] == pytest.approx([1 / 3, 1 / 3])
    assert ratios["gflops", "laptop"] == [1, 1]
    assert ratios["seconds_per_epoch", "node"] == pytest.approx([1, 3])  # the same Numba loop
    frameworks = rows[(rows.quantity == "seconds_per_epoch") & (rows.framework != "numba")]
    assert frameworks[frameworks.machine == "node"].ratio.to_numpy() == pytest.approx(3)
    assert list(rows.machine[:3]) == ["laptop", "node", "mac"]
    assert set(rows[rows.machine == "mac"].hardware) == {"mac, CPU"}
    one = rows[rows.machine == "node"].set_index(["quantity", "case", "framework", "batch_size"])
    found = one.loc["seconds_per_epoch", "compiled", "jax", 1500]
    assert list(found[["median", "low", "high"]]) == pytest.approx([2e-3, 1e-3, 4e-3])


def test_only_the_chapters_products_and_plain_runs_are_compared():
    rows = compared(laptop=everything(), node=everything())
    cases = rows.drop_duplicates(["quantity", "case", "loader"])
    assert list(cases[cases.quantity == "gflops"].case) == ["element", "block", "full"]
    runs = cases[cases.quantity == "seconds_to_target"]
    assert list(zip(runs.case, runs.loader, strict=True)) == [
        ("gd", "framework"),
        ("gd", "direct"),
        ("sgd", "framework"),
        ("sgd", "direct"),
    ]
    assert not (rows["median"] == 7).any()


def test_a_device_that_the_first_machine_lacks_is_compared_with_its_cpu():
    node = both(everything(3), everything(0.25, "cuda"))
    rows = compared(laptop=everything(), node=node)
    found = rows[(rows.quantity == "gflops") & (rows.machine == "node")]
    found = found.groupby("device").agg({"ratio": "max", "ratio_to": "unique"})
    assert found.ratio.to_dict() == pytest.approx({"cpu": 1 / 3, "cuda": 4})
    assert found.ratio_to.map(list).to_dict() == {"cpu": ["cpu"], "cuda": ["cpu"]}
    # the other way round, each has its own
    rows = compared(laptop=both(everything(), everything(0.5, "cuda")), node=node)
    found = rows[(rows.quantity == "gflops") & (rows.machine == "node")]
    assert found.groupby("device").ratio.max().to_dict() == pytest.approx({"cpu": 1 / 3, "cuda": 2})
    assert list(found.ratio_to) == list(found.device)


def test_where_the_first_machine_has_no_number_there_is_no_ratio():
    node = everything(3)
    node["training"] = node["training"].replace({np.inf: 1.0})
    found = compared(laptop=everything() | {"ladder": ladder(frameworks=["jax"])}, node=node)
    found = found[found.machine == "node"]
    assert found[found.case == "sgd"].ratio.isna().all()
    torch = found[(found.framework == "pytorch") & (found.quantity == "seconds_per_epoch")]
    assert len(torch) == 2 * len(RUNGS)
    assert torch.ratio.isna().all()


def said(lost=None, **made):
    """What is said of machines with two summaries of one run each.

    `lost`, the name of a machine and a path, cannot be read.
    """
    parameters = {
        name: [{"inputs": {f"results/{RUN}": digest(tables[RUN])}}] * 2
        for name, tables in made.items()
    }

    def read(name, path, expected):
        known = (name, path) != lost and digest(made[name].get(path)) == expected
        return made[name][path] if known else None

    return differences(parameters, {name: partial(read, name) for name in made})


def test_each_machine_with_other_parameters_than_the_first_has_a_line():
    assert said(laptop=raw(), node=raw(), mac=raw(seeds=3)) == [
        "laptop and mac were measured with other parameters: seeds 5 against 3"
    ]
    made = {"a": [{"options": {"loss": 1}}], "b": [{"options": {"loss": 2}, "new": 1}]}
    [line] = differences(made, dict.fromkeys(made))
    assert line.endswith(": loss 1 against 2")


def test_other_data_below_a_run_and_long_values_are_named():
    mine = raw(batch_sizes=[1])
    [line] = said(laptop=mine, node=raw(rows=1000, batch_sizes=list(range(30))))
    assert line.endswith("parameters: other batch_sizes; rows 1500 against 1000")


@pytest.mark.parametrize("machine", ["laptop", "node"])
@pytest.mark.parametrize("path", raw())
def test_what_a_summary_was_made_from_is_named_where_it_cannot_be_read(machine, path):
    [line] = said((machine, path), laptop=raw(), node=raw(rows=1000))
    assert line.endswith(f"other parameters: {path}")


def test_many_differences_are_cut_short():
    ones, zeros = (raw(**dict.fromkeys("abcdefgh", value)) for value in (1, 0))
    [line] = said(laptop=zeros, node=ones)
    assert line.endswith("; f 0 against 1; and 2 more")
