"""Products in further precisions: what the gate lets through, and what is timed in which."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from minibatch.errors import UserError
from minibatch.plan import gpu
from minibatch.sgd.products import Case
from minibatch.stages import matmul, verify
from minibatch.tables import parquet, verdicts

PRECISIONS = ["float32", "tf32", "bfloat16"]


def changed(framework, **names):
    return SimpleNamespace(**vars(framework) | names)


def cut(values):
    """float32 as TF32 takes it where it cuts off: without its low 13 bits."""
    return (values.view(torch.int32) & ~0x1FFF).view(torch.float32)


def with_tf32(framework, taken=cut):
    """The framework as on a GPU: while its precision is TF32, it takes float32 with fewer bits."""
    state = SimpleNamespace(precision="float32", set=[])

    def set_precision(precision):
        state.precision = precision
        state.set.append(precision)

    def mm(left, right):
        if state.precision == "tf32" and left.dtype == torch.float32:
            return torch.mm(taken(left), taken(right))
        return torch.mm(left, right)

    return changed(framework, set_precision=set_precision, matmul=mm), state


# The gate.


def checked(framework, *subjects):
    """(passed, detail) of the checks of some subjects."""
    found = [c for c in verify.checks(framework, "cpu", PRECISIONS) if c[0] in subjects]
    return {row.subject: (row.passed, row.detail) for row in run(found).itertuples()}


def run(checks):
    return verify.run("pytorch", "cpu", checks)


def test_each_precision_but_float32_has_a_check_of_its_own(pytorch):
    subjects = [subject for subject, *_ in verify.checks(pytorch, "cpu", PRECISIONS)]
    without = [subject for subject, *_ in verify.checks(pytorch, "cpu", ["float32"])]
    assert subjects.count("tf32") == subjects.count("bfloat16") == 1
    assert [name for name in subjects if name not in PRECISIONS] == without


def test_products_that_are_in_a_precision_pass_and_say_how_close_they_are(pytorch):
    framework, state = with_tf32(pytorch)
    found = checked(framework, "tf32", "bfloat16")
    for precision, (passed, detail) in found.items():
        assert passed, detail
        assert detail.endswith(f"% of the bound for {precision} rounding")
    assert len(found) == 2
    assert state.precision == "float32"  # for all checks after these


def test_on_the_cpu_tf32_fails_since_it_is_float32_and_bfloat16_passes(pytorch):
    before = torch.get_float32_matmul_precision()
    found = checked(pytorch, "tf32", "bfloat16")
    assert found["tf32"] == (
        False,
        "tf32: not timed, because this device computes its products in float32",
    )
    assert found["bfloat16"][0], found["bfloat16"][1]
    assert torch.get_float32_matmul_precision() == before == "highest"


def in_float32(left, right):
    return torch.mm(left.float(), right.float())


def summed_in_bfloat16(left, right):
    total = torch.zeros(len(left), len(left), dtype=torch.bfloat16)
    for k in range(len(left)):
        total += torch.outer(left[:, k], right[k]).bfloat16()
    return total


@pytest.mark.parametrize(
    ("product", "said"),
    [
        (in_float32, "bfloat16: not timed, because this device computes its products in float32"),
        (summed_in_bfloat16, "the product in bfloat16: not timed, because its product is wrong"),
    ],
)
def test_what_is_called_bfloat16_and_is_not_fails(pytorch, product, said):
    passed, detail = checked(changed(pytorch, matmul=product), "bfloat16")["bfloat16"]
    assert not passed
    assert detail.startswith(said)


def test_a_tf32_that_takes_no_more_bits_than_bfloat16_fails(pytorch):
    def seven_bits(values):
        return (values.view(torch.int32) & ~0xFFFF).view(torch.float32)

    framework, _ = with_tf32(pytorch, seven_bits)
    passed, detail = checked(framework, "tf32")["tf32"]
    assert not passed
    assert detail.startswith("the product in tf32: not timed, because its product is wrong")


def test_a_precision_that_a_device_lacks_fails_alone(pytorch):
    def array(values, device, dtype="float32"):
        if dtype == "bfloat16":
            raise TypeError("no such type before Ampere\nand a trace")
        return pytorch.array(values, device, dtype)

    kinds = {"scratch": pytorch.Scratch}
    framework, _ = with_tf32(changed(pytorch, array=array, IMPLEMENTATIONS=kinds))
    found = run(c for c in verify.checks(framework, "cpu", PRECISIONS) if c[0] != "clock")
    [failed] = found[~found.passed].itertuples()
    assert (failed.subject, failed.detail) == ("bfloat16", "TypeError: no such type before Ampere")
    assert not verdicts.closed(found)
    assert not verdicts.closed(found, "tf32")
    assert verdicts.closed(found, "bfloat16")


@pytest.mark.skipif(bool(gpu.names()), reason="there is a GPU")
@pytest.mark.usefixtures("package_on_path")
def test_a_missing_gpu_fails_the_job_in_one_line_and_leaves_no_checked(tmp_path):
    output = tmp_path / "verdicts.parquet"
    job = {"framework": "pytorch", "device": "cuda", "threads": 1, "precisions": PRECISIONS}
    command = [sys.executable, "-m", "minibatch.stages.verify", "--parameters", json.dumps(job)]
    done = subprocess.run(
        [*command, "--output", str(output)],
        env={k: v for k, v in os.environ.items() if k != "CUDA_VISIBLE_DEVICES"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"error: torch {torch.__version__} finds no GPU")
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_where_the_environment_is_missing_that_is_a_verdict_on_a_gpu_too(tmp_path):
    record, output = tmp_path / "jax-cuda.json", tmp_path / "verdicts.parquet"
    record.write_text(json.dumps({"status": "left out", "detail": "no wheel"}))
    job = {"framework": "jax", "device": "cuda", "threads": 1, "precisions": PRECISIONS}
    verify.make(job, [record], output)
    [row] = parquet.read(output).itertuples()
    assert (row.device, row.passed, row.detail) == ("cuda", False, "left out: no wheel")


# What is timed.


def measure(framework, cases, n=16, budget=0.001):
    cases = [(strategy, n, block, precision) for strategy, block, precision in cases]
    return matmul.measure(
        framework, cases, device="cpu", threads=2, budget_seconds=budget, launch=1
    )


FULL = [("full", 0, precision) for precision in PRECISIONS]
BLOCKS = [("block", 4, precision) for precision in PRECISIONS]
PRODUCTS = [("product", 0, precision) for precision in PRECISIONS]


def test_products_in_bfloat16_are_measured_beside_those_in_float32(pytorch):
    cases = [
        (*case, name) for name in ("float32", "bfloat16") for case in (("full", 0), ("block", 5))
    ]
    samples = measure(pytorch, [*cases, ("column", 0, "float32")])
    found = samples.groupby(["strategy", "block", "precision"]).size()
    assert set(found.index) == {*cases, ("column", 0, "float32")}
    assert (samples.seconds > 0).all()


def test_factors_and_results_are_stored_as_the_precision_says(pytorch):
    stored = set()

    def mm(left, right):
        stored.add((left.dtype, right.dtype))
        return torch.mm(left, right)

    def write(target, index, value):
        assert target.dtype == value.dtype
        return pytorch.write(target, index, value)

    framework = changed(pytorch, matmul=mm, write=write)
    measure(framework, [("full", 0, "bfloat16")])
    assert stored == {(torch.bfloat16, torch.bfloat16)}
    measure(framework, [("full", 0, "tf32")])
    assert stored == {(torch.bfloat16,) * 2, (torch.float32,) * 2}


def test_cases_that_take_turns_are_each_measured_in_their_own_precision(pytorch):
    """One strategy a precision, by which a call is told."""
    framework, state = with_tf32(pytorch)
    taken = []

    def write(target, index, value):
        strategy = "full" if index == slice(None) else "block"
        taken.append((strategy, value.dtype, state.precision))
        return pytorch.write(target, index, value)

    framework.write = write
    measure(framework, [FULL[0], BLOCKS[1], ("row", 0, "float32"), FULL[2]], budget=0.01)
    told = {("full", torch.float32, "float32"), ("block", torch.float32, "tf32")}
    told |= {("block", torch.float32, "float32"), ("full", torch.bfloat16, "bfloat16")}
    assert set(taken) == told


def test_what_comes_after_a_measurement_is_in_float32_whether_it_succeeded_or_not(pytorch):
    framework, state = with_tf32(pytorch)
    measure(framework, [("full", 0, "tf32")], n=8)
    assert (state.set[0], state.precision) == ("tf32", "float32")
    state.precision = None
    framework.matmul = None
    with pytest.raises(TypeError):
        measure(framework, [("full", 0, "tf32")], n=8)
    assert state.precision == "float32"


def test_the_clock_starts_when_the_precision_is_set(pytorch):
    calls = []

    def slow(precision):
        calls.append(precision)
        time.sleep(0.02)

    samples = measure(changed(pytorch, set_precision=slow), FULL[:1])
    assert len(calls) > len(samples)
    assert samples.seconds.median() < 0.01


def test_a_product_is_checked_in_the_precision_in_which_it_is_timed(pytorch):
    framework, _ = with_tf32(pytorch)
    measure(framework, FULL + BLOCKS + PRODUCTS, n=64)

    def never(precision):  # noqa: ARG001
        framework.set_precision("tf32")

    with pytest.raises(UserError, match=r"^full at n = 64 in float32: not timed"):
        measure(changed(framework, set_precision=never), FULL, n=64)
    with pytest.raises(UserError, match=r"^block at n = 64 in float32, blocks of 4: not timed"):
        measure(changed(framework, set_precision=never), BLOCKS, n=64)


def test_a_wrong_product_in_bfloat16_is_refused(pytorch):
    def mm(left, right):
        product = torch.mm(left, right)
        return product * 1.02 if left.dtype == torch.bfloat16 else product

    with pytest.raises(UserError, match=r"^full at n = 16 in bfloat16: not timed"):
        measure(changed(pytorch, matmul=mm), [FULL[0], FULL[2]])


def test_the_largest_product_that_is_wrong_in_one_precision_is_refused(pytorch):
    framework, _ = with_tf32(pytorch, taken=lambda values: values * 1.01)
    with pytest.raises(UserError, match=r"^the largest product at n = 16 in tf32: not timed"):
        measure(framework, PRODUCTS)


def table(**passed):
    rows = [(subject, subject, verdict, "why") for subject, verdict in passed.items()]
    return pd.DataFrame(rows, columns=["subject", "check", "passed", "detail"])


def test_a_precision_whose_check_failed_is_left_out_in_the_order_that_was_asked_for(caplog):
    found = table(products=True, tf32=False, bfloat16=True)
    cases = [Case("full", n, 0, name) for n in (8, 9) for name in ("bfloat16", "tf32", "float32")]
    kept = [case for case in cases if case.precision != "tf32"]
    assert matmul._open(found, cases) == kept
    assert caplog.messages == ["warning: not measured, since a check failed: tf32: why"]


def test_values_in_bfloat16_come_back_as_they_are_stored(pytorch):
    values = np.random.RandomState(0).normal(size=100)
    back = pytorch.to_numpy(pytorch.array(values, "cpu", "bfloat16"))
    assert back.dtype == np.float32
    assert np.abs(back / values - 1).max() <= 2**-8
    assert not (back.view(np.uint32) & 0xFFFF).any()
