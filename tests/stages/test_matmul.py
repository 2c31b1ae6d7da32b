"""The stage of matrix products: what it times of what, and what it refuses, in PyTorch."""

import json
import os
import platform
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from minibatch.errors import UserError
from minibatch.sgd import calibration, rounds
from minibatch.sgd.rounds import FEWEST, REPEATS
from minibatch.stages import matmul
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

CASES = [
    *(("element", 0), ("column", 0), ("row", 0)),
    *(("block", 3), ("block", 8), ("full", 0), ("product", 0)),
]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch):
    """Whatever else the machine does, nothing is measured twice."""
    monkeypatch.setattr(calibration, "_busy", lambda *_: False)


def with_changes(framework, **changes):
    """The framework, but for some of its operations."""
    return SimpleNamespace(**vars(framework) | changes)


def measure(framework, cases=CASES, n=8, budget=0.001, launch=1):
    cases = [(strategy, n, block, "float32") for strategy, block in cases]
    return matmul.measure(
        framework, cases, device="cpu", threads=2, budget_seconds=budget, launch=launch
    )


def slowly(operation, seconds):
    """An operation that takes so long."""

    def slow(*operands):
        time.sleep(seconds)
        return operation(*operands)

    return slow


def rounded(left, right):
    return torch.mm(left.bfloat16(), right.bfloat16()).float()


def without_last_row(left, right):
    product = torch.mm(left, right)
    product[-1] = 0
    return product


@pytest.mark.parametrize("n", [1, 5, 8, 20])
def test_every_case_is_measured_as_often_and_every_sample_kept(pytorch, n):
    samples = measure(pytorch, n=n, budget=0.05, launch=3)
    assert set(samples) == set(matmul.COLUMNS) - {"machine", "framework", "device", "threads"}
    assert set(samples.n) == {n}
    assert (samples[["seconds", "calls", "work"]] > 0).all(axis=None)
    assert (samples.cpu_seconds >= 0).all()
    assert (samples.launch == 3).all()
    groups = samples.groupby(["strategy", "block"])
    assert {case: list(group.repeat) for case, group in groups} == {
        case: list(range(REPEATS)) for case in CASES
    }


def test_a_launch_says_how_quiet_the_machine_was(pytorch):
    samples = measure(pytorch)
    assert (samples[["calibration_before", "calibration_after"]] > 0).all(axis=None)
    assert (
        samples.drop_duplicates(["calibration_before", "calibration_after", "busy"]).shape[0] == 1
    )


@pytest.mark.parametrize("strategy", ["element", "column", "row", "block"])
def test_a_slow_strategy_computes_what_its_budget_allows_and_its_rate_is_of_that(pytorch, strategy):
    name = {"element": "dot", "column": "matvec", "row": "vecmat", "block": "matmul"}[strategy]
    framework = with_changes(pytorch, **{name: slowly(getattr(pytorch, name), 0.002)})
    begin = time.perf_counter()
    samples = measure(framework, [(strategy, 2)], n=64, budget=0.05)
    assert time.perf_counter() - begin < 1  # all of it takes 8 s by element
    of_a_call = 2 * 64 * {"element": 1, "column": 64, "row": 64, "block": 128}[strategy]
    assert (samples.calls >= 2).all()
    assert (samples.work == samples.calls * of_a_call).all()
    assert 0.002 <= (samples.seconds / samples.calls).median() < 0.004
    assert samples.seconds.sum() < 0.15


def test_a_call_that_is_longer_than_the_budget_is_made_once_a_repeat(pytorch, device):
    def slow(left, right):
        device.submit(0.02)
        return torch.mm(left, right)

    framework = with_changes(pytorch, matmul=slow, wait=lambda _: device.wait())
    samples = measure(framework, [("full", 0)], budget=0.001)
    assert (samples.calls == 1).all()
    # beside the repeats, two are checked, one frees what that left, and one is timed
    assert len(samples) == FEWEST
    assert len(device.durations) == FEWEST + 4


def test_fast_calls_are_made_back_to_back_until_they_take_their_share_of_the_budget(pytorch):
    samples = measure(pytorch, [("full", 0), ("element", 0)], n=2, budget=0.05)
    assert (samples.calls >= 8).all()
    assert (samples.calls[samples.strategy == "element"] % 4 == 0).all()  # whole products
    assert (samples.work == 2 * 2**3 * samples.calls)[samples.strategy == "full"].all()
    assert (samples.groupby("strategy").seconds.sum() > 0.01).all()


def test_what_is_compared_takes_turns_in_changing_order(pytorch):
    order = []

    def write(target, index, value):
        order.append("full" if index == slice(None) else "row")
        return pytorch.write(target, index, slowly(lambda value: value, 0.002)(value))

    cases = [("full", 0), ("row", 0)]
    samples = measure(with_changes(pytorch, write=write), cases, n=1, budget=0.01)
    assert set(samples.calls) == {1}
    timed = order[-2 * REPEATS :]
    rounds = [tuple(timed[at : at + 2]) for at in range(0, len(timed), 2)]
    assert {frozenset(two) for two in rounds} == {frozenset({"full", "row"})}
    assert len(set(rounds)) == 2


def test_a_sample_lasts_until_the_device_has_done_all_of_its_work(pytorch, device):
    def asynchronous(left, right):
        device.submit(0.02)
        return torch.mm(left, right)

    framework = with_changes(pytorch, matmul=asynchronous, wait=lambda _: device.wait())
    samples = measure(framework, [("full", 0)], budget=0.05)
    assert (samples.seconds / samples.calls).min() / min(device.durations) > 0.9


def test_work_that_was_given_before_a_sample_does_not_count(pytorch, device):
    """Setting the precision gives ten times as much."""

    def asynchronous(matrix, vector):
        device.submit(0.02)
        return torch.mv(matrix, vector)

    framework = with_changes(
        pytorch,
        matvec=asynchronous,
        set_precision=lambda _: device.submit(0.2),
        wait=lambda _: device.wait(),
    )
    samples = measure(framework, [("column", 0)], n=1, budget=0.001)
    assert 0.02 <= samples.seconds.median() < 0.1


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
        measure(with_changes(pytorch, matmul=counted), [("full", 0)], n=32)
    assert len(calls) == 1


def test_one_wrong_strategy_stops_all_from_being_timed(pytorch, monkeypatch):
    monkeypatch.setattr("minibatch.sgd.rounds._time_all", None)
    framework = with_changes(pytorch, dot=lambda u, v: torch.dot(u, v) + 1)
    with pytest.raises(UserError, match=r"^element at n = 8 in float32: not timed"):
        measure(framework, [("full", 0), ("element", 0)])


def test_an_element_that_is_never_written_is_refused(pytorch):
    def forgetful(target, index, value):
        return target if index == (7, 7) else pytorch.write(target, index, value)

    with pytest.raises(UserError, match=r"element \(7, 7\) is nan"):
        measure(with_changes(pytorch, write=forgetful), [("element", 0)], budget=1)


@pytest.mark.parametrize(
    ("strategy", "operation"), [("element", "dot"), ("column", "matvec"), ("row", "vecmat")]
)
def test_all_that_is_computed_is_checked_and_not_the_first_call_alone(pytorch, strategy, operation):
    calls = []

    def wrong(*operands):
        calls.append(None)
        # the first call of the first two checks is right
        return getattr(pytorch, operation)(*operands) + (len(calls) > 2)

    with pytest.raises(UserError, match=rf"^{strategy} at n = 16 in float32: not timed"):
        measure(with_changes(pytorch, **{operation: wrong}), [(strategy, 0)], n=16, budget=0.1)


def test_a_wrong_block_is_named_with_its_width(pytorch):
    def narrow(left, right):
        return torch.mm(left, right) + (right.shape[1] == 2)

    with pytest.raises(UserError, match=r"^block at n = 8 in float32, blocks of 3: not timed"):
        measure(with_changes(pytorch, matmul=narrow), [("block", 8), ("block", 3)], budget=0.1)


@pytest.mark.parametrize("n", [64, 2048])
@pytest.mark.parametrize("strategy", ["product", "column"])
def test_a_product_with_fewer_bits_is_refused_at_every_size(pytorch, strategy, n):
    """At n = 2048, where the bound on a sum lets TF32 pass, by the diagonal factor alone."""

    def tf32(values):
        """The nearest numbers with 10 bits of mantissa."""
        return ((values.contiguous().view(torch.int32) + 0x1000) & ~0x1FFF).view(torch.float32)

    framework = with_changes(
        pytorch,
        matmul=lambda left, right: torch.mm(tf32(left), tf32(right)),
        matvec=lambda left, right: torch.mv(tf32(left), tf32(right)),
    )
    with pytest.raises(UserError, match="not timed, because its product is wrong") as caught:
        measure(framework, [(strategy, 0)], n=n)
    assert ("with a diagonal factor" in str(caught.value)) == (n == 2048)


# What bounds the strategies.


def test_a_largest_product_that_takes_more_threads_is_refused(pytorch, monkeypatch):
    time = rounds._time

    def with_two_threads(work, calls):
        read = time(work, calls)
        return read | {"cpu_seconds": 2 * read["seconds"]}

    monkeypatch.setattr(rounds, "_time", with_two_threads)
    asked = {"device": "cpu", "budget_seconds": 0.001, "launch": 1}
    cases = [("product", 8, 0, "float32")]
    matmul.measure(pytorch, cases, threads=2, **asked)
    with pytest.raises(
        UserError, match=r"^not timed, because 2\.0 threads were at work instead of 1"
    ):
        matmul.measure(pytorch, cases, threads=1, **asked)


def test_a_call_multiplies_one_number_and_writes_it(pytorch):
    [case] = [("call", 1, 0, "float32")]
    samples = matmul.measure(
        pytorch, [case], device="cpu", threads=2, budget_seconds=0.01, launch=1
    )
    assert (samples.work == 2 * samples.calls).all()
    assert set(samples.strategy) == {"call"}


def copying(framework, numbers=1000):
    case = ("copy", numbers, 0, "float32")
    return matmul.measure(
        framework, [case], device="cpu", threads=2, budget_seconds=0.001, launch=1
    )


def test_the_copy_moves_every_element_of_one_array_into_another(pytorch):
    written = []

    def write(target, index, value):
        written.append(pytorch.write(target, index, value))
        assert value is not target
        return written[-1]

    samples = copying(with_changes(pytorch, write=write))
    assert (samples.work == 8 * 1000 * samples.calls).all()
    assert set(samples.level) == {"memory"}
    assert written[0].shape == (1000,)
    assert len(torch.unique(written[0])) > 100


def test_a_copy_that_leaves_something_out_is_refused(pytorch):
    def write(target, index, value):  # noqa: ARG001
        return pytorch.write(target + 1, slice(1, None), value[1:])

    with pytest.raises(UserError, match=r"^the copy of an array: not timed"):
        copying(with_changes(pytorch, write=write))


def test_the_largest_product_that_is_wrong_is_named(pytorch):
    framework = with_changes(pytorch, matmul=lambda left, right: torch.mm(left, right) + 1)
    with pytest.raises(UserError, match=r"^the largest product at n = 8 in float32: not timed"):
        measure(framework, [("product", 0)])


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_a_row_a_sample_with_what_it_was_measured_on(tmp_path):
    """Of the precisions without the one that failed its check."""
    gate, output = tmp_path / "verdicts.parquet", tmp_path / "out.parquet"
    row = {"subject": ["compiled", "tf32"], "check": "", "passed": False, "detail": ""}
    parquet.write(pd.DataFrame(row), gate, parameters={}, provenance={})
    cases = [["block", 10, width, "float32"] for width in (3, 4)]
    cases += [["full", 10, 0, name] for name in ("float32", "tf32", "bfloat16")]
    cases += [["product", 12, 0, "float32"], ["copy", 100, 0, "float32"]]
    asked = {"framework": "pytorch", "device": "cpu", "threads": 2, "budget_seconds": 0.001}
    asked |= {"launch": 2, "cases": cases, "inputs": {str(gate): digest({})}}
    command = [sys.executable, "-m", "minibatch.stages.matmul", "--inputs", str(gate)]
    command += ["--parameters", json.dumps(asked), "--output", str(output)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    samples = parquet.read(output, digest(asked))
    assert list(samples) == list(matmul.COLUMNS)
    names = ["strategy", "n", "block", "precision"]
    found = samples[names].drop_duplicates().to_numpy().tolist()
    assert found == [case for case in cases if case[-1] != "tf32"]
    place = ["machine", "framework", "device", "threads", "launch"]
    assert samples[place].drop_duplicates().to_numpy().tolist() == [
        [platform.node(), "pytorch", "cpu", 2, 2]
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
