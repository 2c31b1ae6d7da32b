import json
import os
import platform
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from minibatch.errors import UserError
from minibatch.stages import matmul
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

CASES = [
    ("element", 0, "float32"),
    ("column", 0, "float32"),
    ("row", 0, "float32"),
    ("block", 3, "float32"),
    ("block", 8, "float32"),
    ("full", 0, "float32"),
]


def with_changes(framework, **changes):
    """The framework, but for some of its operations."""
    return SimpleNamespace(**vars(framework) | changes)


def measure(framework, cases=CASES, n=8, budget=0.001):
    return matmul.measure(framework, cases, n=n, device="cpu", budget_seconds=budget)


def rounded(left, right):
    return torch.mm(left.bfloat16(), right.bfloat16()).float()


def without_last_row(left, right):
    product = torch.mm(left, right)
    product[-1] = 0
    return product


@pytest.mark.parametrize("n", [1, 5, 8, 20])
def test_every_case_is_measured_at_least_three_times_and_every_sample_kept(pytorch, n):
    samples = measure(pytorch, n=n, budget=0.05)
    assert list(samples) == ["strategy", "n", "block", "precision", "repeat", "seconds"]
    assert set(samples["n"]) == {n}
    assert (samples["seconds"] > 0).all()
    groups = samples.groupby(["strategy", "block", "precision"])
    found = {case: list(group["repeat"]) for case, group in groups}
    assert found.keys() == set(CASES)
    for repeats in found.values():
        assert repeats == list(range(max(3, len(repeats))))


def test_a_call_that_takes_much_longer_than_its_budget_stands_for_itself(pytorch, device):
    def slow(left, right):
        device.submit(0.02)
        return torch.mm(left, right)

    framework = with_changes(pytorch, matmul=slow, wait=lambda _: device.wait())
    samples = measure(framework, [("full", 0, "float32"), ("row", 0, "float32")], budget=0.001)
    assert samples.groupby("strategy").size()["full"] == len(device.durations) == 1
    assert samples.groupby("strategy").size()["row"] >= 3


def test_a_case_is_repeated_until_its_budget_is_spent(pytorch, device):
    def slow(left, right):
        device.submit(0.02)
        return torch.mm(left, right)

    framework = with_changes(pytorch, matmul=slow, wait=lambda _: device.wait())
    samples = measure(framework, [("full", 0, "float32")], budget=0.2)
    assert samples["seconds"][:-1].sum() < 0.2 <= samples["seconds"].sum()


def test_a_case_is_repeated_no_more_than_a_hundred_times(pytorch):
    samples = measure(pytorch, [("full", 0, "float32"), ("block", 1, "float32")], n=2, budget=1e6)
    assert samples.groupby("strategy").size().tolist() == [100, 100]


def test_what_is_compared_takes_turns_in_changing_order(pytorch):
    order = []

    def write(target, index, value):
        order.append("full" if index == slice(None) else "block")
        return pytorch.write(target, index, value)

    cases = [("full", 0, "float32"), ("block", 8, "float32")]
    measure(with_changes(pytorch, write=write), cases, budget=1e6)
    rounds = [tuple(order[at : at + 2]) for at in range(2, len(order), 2)]
    assert len(rounds) == 100
    assert {frozenset(two) for two in rounds} == {frozenset({"full", "block"})}
    assert 20 < sum(two[0] == "full" for two in rounds) < 80


def test_a_sample_lasts_until_the_device_has_done_all_of_its_work(pytorch, device):
    def asynchronous(left, right):
        device.submit(0.02)
        return torch.mm(left, right)

    framework = with_changes(pytorch, matmul=asynchronous, wait=lambda _: device.wait())
    samples = measure(framework, [("full", 0, "float32")], budget=0.05)
    assert samples["seconds"].min() / min(device.durations) > 0.9


def test_work_that_was_given_before_a_sample_does_not_count(pytorch, device):
    def asynchronous(matrix, vector):
        device.submit(0.02)
        return torch.mv(matrix, vector)

    framework = with_changes(pytorch, matvec=asynchronous, wait=lambda _: device.wait())
    # the gate gives the device as much work as one sample does
    samples = measure(framework, [("column", 0, "float32")], n=4, budget=0.05)
    assert samples["seconds"].max() / samples["seconds"].min() < 1.5


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(lambda left, right: torch.mm(left, right) * 1.00001, id="scaled"),
        pytest.param(lambda left, right: torch.mm(right, left), id="the other way round"),
        pytest.param(lambda left, right: torch.mm(left.T, right), id="transposed"),
        pytest.param(rounded, id="half precision"),
        pytest.param(without_last_row, id="a row missing"),
        pytest.param(lambda left, right: torch.mm(left, right) * torch.nan, id="no number"),
    ],
)
def test_a_wrong_product_is_refused_and_nothing_is_timed(pytorch, wrong):
    calls = []

    def counted(left, right):
        calls.append(left)
        return wrong(left, right)

    with pytest.raises(
        UserError, match=r"^full at n = 32 in float32: not timed, because its product is wrong"
    ):
        measure(with_changes(pytorch, matmul=counted), [("full", 0, "float32")], n=32)
    assert len(calls) == 1


def test_one_wrong_strategy_stops_the_others_from_being_timed(pytorch):
    calls = []

    def counted(left, right):
        calls.append(left)
        return torch.mm(left, right)

    framework = with_changes(pytorch, matmul=counted, dot=lambda u, v: torch.dot(u, v) + 1)
    with pytest.raises(UserError, match=r"^element at n = 8 in float32: not timed"):
        measure(framework, [("full", 0, "float32"), ("element", 0, "float32")])
    assert len(calls) == 1


def test_an_element_that_is_never_written_is_refused(pytorch):
    def forgetful(target, index, value):
        return target if index == (7, 7) else pytorch.write(target, index, value)

    with pytest.raises(UserError, match=r"element \(7, 7\) is nan"):
        measure(
            with_changes(pytorch, write=forgetful),
            [("full", 0, "float32"), ("element", 0, "float32")],
        )


def test_a_wrong_block_is_named_with_its_width(pytorch):
    def narrow(left, right):
        return torch.mm(left, right) + (right.shape[1] == 2)

    with pytest.raises(UserError, match=r"^block at n = 8 in float32, blocks of 3: not timed"):
        measure(
            with_changes(pytorch, matmul=narrow), [("block", 8, "float32"), ("block", 3, "float32")]
        )


def ceilings(framework, precisions=("float32",)):
    sizes = {"product": 16, "copy_mib": 1, "precisions": precisions}
    return matmul.ceilings(framework, **sizes, device="cpu", budget_seconds=0.01)


def test_the_ceilings_are_one_product_and_one_copy(pytorch):
    samples = ceilings(pytorch)
    assert (samples["seconds"] > 0).all()
    groups = samples.groupby(["strategy", "n", "block", "precision"]).size().to_dict()
    assert groups.keys() == {("product", 16, 0, "float32"), ("copy", 262144, 0, "float32")}
    assert min(groups.values()) >= 3


def test_the_copy_moves_every_element_of_one_array_into_another(pytorch):
    written = []

    def write(target, index, value):
        written.append(pytorch.write(target, index, value))
        assert value is not target
        return written[-1]

    ceilings(with_changes(pytorch, write=write))
    assert len(written) >= 4
    assert written[0].shape == (262144,)
    assert len(torch.unique(written[0])) > 100


def test_a_copy_that_leaves_something_out_is_refused(pytorch):
    def write(target, index, value):
        return pytorch.write(target, slice(1, None), value[1:]) if index == slice(None) else target

    with pytest.raises(UserError, match=r"^the copy of an array: not timed"):
        ceilings(with_changes(pytorch, write=lambda t, i, v: write(t + 1, i, v)))


def test_a_ceiling_that_is_wrong_is_refused(pytorch):
    framework = with_changes(pytorch, matmul=lambda left, right: torch.mm(left, right) + 1)
    with pytest.raises(UserError, match=r"^the largest product in float32: not timed"):
        ceilings(framework)


@pytest.mark.parametrize(
    ("part", "cases"),
    [
        (
            {
                "n": 10,
                "cases": [
                    *[["block", width, "float32"] for width in (3, 4)],
                    *[["full", 0, name] for name in ("float32", "tf32", "bfloat16")],
                ],
            },
            {("block", 10, 3), ("block", 10, 4), ("full", 10, 0)},
        ),
        (
            {
                "ceilings": {
                    **{"product": 12, "copy_mib": 1},
                    "precisions": ["float32", "tf32", "bfloat16"],
                }
            },
            {("product", 12, 0), ("copy", 262144, 0)},
        ),
    ],
)
@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_a_row_a_sample_with_what_it_was_measured_on(tmp_path, part, cases):
    """Of the precisions without the one that failed its check."""
    gate, output = tmp_path / "verdicts.parquet", tmp_path / "out.parquet"
    row = {"subject": ["compiled", "tf32"], "check": "", "passed": False, "detail": ""}
    parquet.write(pd.DataFrame(row), gate, parameters={}, provenance={})
    common = {"framework": "pytorch", "device": "cpu", "threads": 2, "budget_seconds": 0.001}
    common["inputs"] = {str(gate): digest({})}
    command = [sys.executable, "-m", "minibatch.stages.matmul", "--inputs", str(gate)]
    command += ["--parameters", json.dumps(common | part), "--output", str(output)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    samples = parquet.read(output, digest(common | part))
    names = ["machine", "framework", "device", "threads", "strategy", "n", "block", "precision"]
    assert list(samples) == [*names, "repeat", "seconds"] == list(matmul.COLUMNS)
    assert set(zip(samples["strategy"], samples["n"], samples["block"], strict=True)) == cases
    assert set(samples["precision"]) == {"float32", "bfloat16"}
    place = ["machine", "framework", "device", "threads"]
    assert samples[place].drop_duplicates().to_numpy().tolist() == [
        [platform.node(), "pytorch", "cpu", 2]
    ]
    about = samples.attrs["provenance"]
    assert (about["frameworks"], about["threads"]) == ([f"torch {torch.__version__}"], [2])
    assert about["gpus"] == []
    assert np.issubdtype(samples["seconds"].dtype, np.float64)


def test_what_is_not_measured_has_the_columns_of_what_is(tmp_path):
    gate, output = tmp_path / "verdicts.parquet", tmp_path / "out.parquet"
    row = {"subject": ["products"], "check": "", "passed": False, "detail": ""}
    parquet.write(pd.DataFrame(row), gate, parameters={}, provenance={})
    matmul.make({"inputs": {str(gate): digest({})}}, [gate], output)
    assert parquet.read(output).empty
    found = pq.read_schema(output).remove_metadata()
    assert found == pa.schema([*matmul.COLUMNS.items()])
