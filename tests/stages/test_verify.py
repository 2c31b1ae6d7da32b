"""The gate: every wrong adaptor here must fail the check that is meant for it."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from queue import Queue
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from minibatch.errors import UserError
from minibatch.sgd import factors, reference, strategies
from minibatch.stages import verify
from minibatch.tables import parquet, verdicts

STEPS = "each step against the closed-form gradient"
TRACES = "whole traces against the float64 reference"
STEP_WAIT = "the clock waits for a step"
COMPILATIONS = "the epochs are compiled, as the compiler counts"
ENVIRONMENT = "the framework can be imported"
FLOAT32 = ["float32"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Products and steps that are large enough to time, and no larger."""
    monkeypatch.setattr(verify, "LARGE", {"cpu": 512})
    monkeypatch.setattr(verify, "WIDE", {"cpu": (2000, 200)})


def changed(framework, **names):
    return SimpleNamespace(**vars(framework) | names)


def with_model(framework, kind="Scratch", **methods):
    """The framework, with methods of one of its models replaced, and no other model."""
    model = type("Model", (getattr(framework, kind),), methods)
    return changed(framework, IMPLEMENTATIONS={kind.lower(): model})


def checked(framework, *subjects):
    """The outcome of the checks of some subjects: (passed, detail) by check."""
    found = [check for check in verify.checks(framework, "cpu", FLOAT32) if check[0] in subjects]
    table = verify.run("a framework", "cpu", found)
    return {row.check: (row.passed, row.detail) for row in table.itertuples()}


def test_a_right_framework_passes_every_check(pytorch):
    kinds = {name: pytorch.IMPLEMENTATIONS[name] for name in ("scratch", "concise")}
    framework = changed(pytorch, IMPLEMENTATIONS=kinds)
    found = verify.run("pytorch", "cpu", verify.checks(framework, "cpu", FLOAT32))
    assert found.passed.all(), found[~found.passed].to_string()
    assert found.groupby("subject").size().to_dict() == {
        **{"products": 5, "clock": 1, "scratch": 3, "concise": 3}
    }
    assert set(found.framework) == {"pytorch"}
    assert set(found.device) == {"cpu"}
    shares = found.detail.str.extract(r"errors up to (\d+)% of the bound")[0].dropna().astype(int)
    assert len(shares) == 9
    assert shares.between(1, 60).all()  # neither exact by chance, nor close to refused


# Wrong steps: each is right in all but one thing.


def half_missing(pytorch):
    def start(self, weights, objective, device):  # noqa: ARG001
        pytorch.Scratch.__init__(self, weights, "mse", device)

    return with_model(pytorch, __init__=start)


def half_always(pytorch):
    def start(self, weights, objective, device):  # noqa: ARG001
        pytorch.Scratch.__init__(self, weights, "half_mse", device)

    return with_model(pytorch, __init__=start)


def learning_rate_too_high(pytorch):
    def update(self, rate):
        pytorch.Scratch.update(self, rate * 1.001)

    return with_model(pytorch, update=update)


def bias_left_out(pytorch):
    def update(self, rate):
        self._parameters[1].grad.zero_()
        pytorch.Scratch.update(self, rate)

    return with_model(pytorch, update=update)


def gradient_kept_for_the_next_step(pytorch):
    def update(self, rate):
        for parameter in self._parameters:
            parameter.data.sub_(rate * parameter.grad)

    return with_model(pytorch, update=update)


def weights_in_half_precision(pytorch):
    def update(self, rate):
        pytorch.Scratch.update(self, rate)
        weights = self._parameters[0]
        weights.data = weights.data.bfloat16().float()

    return with_model(pytorch, update=update)


def sum_instead_of_mean(pytorch):
    def compute(self, x, y):
        pytorch.Scratch.compute(self, x, y)
        for parameter in self._parameters:
            parameter.grad *= len(y)

    return with_model(pytorch, compute=compute)


def last_batch_divided_by_the_size_of_the_others(pytorch):
    def compute(self, x, y):
        self._largest = max(getattr(self, "_largest", 0), len(y))
        pytorch.Scratch.compute(self, x, y)
        for parameter in self._parameters:
            parameter.grad *= len(y) / self._largest

    return with_model(pytorch, compute=compute)


def targets_broadcast_against_predictions(pytorch):
    def compute(self, x, y):
        weights, bias = self._parameters
        errors = torch.mm(x, weights) + bias - y  # shape (n, n): y should be a column
        (self._factor * errors**2).mean().backward()

    return with_model(pytorch, compute=compute)


def other_batches(pytorch):
    def loader(x, y, order, size):
        return pytorch.direct_loader(x, y, np.roll(order, 1), size)

    return with_loader(pytorch, loader)


def same_batch_again(pytorch):
    def loader(x, y, order, size):
        first = next(pytorch.direct_loader(x, y, order, size))
        for _ in range(0, len(order), size):
            yield first

    return with_loader(pytorch, loader)


def targets_of_other_examples(pytorch):
    def loader(x, y, order, size):
        for features, targets in pytorch.direct_loader(x, y, order, size):
            yield features, targets.flip(0)

    return with_loader(pytorch, loader)


def smaller_batch_dropped(pytorch):
    def loader(x, y, order, size):
        whole = len(order) // size * size
        return pytorch.direct_loader(x, y, order[:whole], size)

    return with_loader(pytorch, loader)


def with_loader(pytorch, loader):
    only = {"scratch": pytorch.Scratch}
    return changed(pytorch, LOADERS={"direct": loader}, IMPLEMENTATIONS=only)


WRONG_STEPS = [
    half_missing,
    half_always,
    learning_rate_too_high,
    bias_left_out,
    gradient_kept_for_the_next_step,
    weights_in_half_precision,
    sum_instead_of_mean,
    last_batch_divided_by_the_size_of_the_others,
    targets_broadcast_against_predictions,
    other_batches,
    same_batch_again,
    targets_of_other_examples,
]


@pytest.mark.parametrize("wrong", WRONG_STEPS)
def test_a_wrong_step_fails_both_alone_and_in_a_whole_trace(pytorch, wrong):
    found = checked(wrong(pytorch), "scratch")
    passed, detail = found[STEPS]
    assert not passed
    assert detail.startswith("scratch, ")
    assert ": not timed, because a step is wrong: parameter" in detail
    assert "\n" not in detail
    passed, detail = found[TRACES]
    assert not passed
    assert ": not timed, because its parameters are" in detail
    assert found[STEP_WAIT][0]


def test_a_loader_that_drops_the_smaller_batch_fails(pytorch):
    found = checked(smaller_batch_dropped(pytorch), "scratch")
    assert not found[TRACES][0]
    assert "batch size 7" in found[TRACES][1]


def optimiser(pytorch, **settings):
    """The concise model, with other settings of its optimiser."""

    def start(self, *arguments):
        pytorch.Concise.__init__(self, *arguments)
        self._optimizer = torch.optim.SGD(self._parameters, lr=0.0, **settings)

    return with_model(pytorch, "Concise", __init__=start)


@pytest.mark.parametrize(
    "settings",
    [
        {"momentum": 0.9},  # its first step is right
        {"weight_decay": 1e-3},
        {"maximize": True},
    ],
    ids=str,
)
def test_another_optimiser_fails(pytorch, settings):
    found = checked(optimiser(pytorch, **settings), "concise")
    assert not found[STEPS][0]
    assert not found[TRACES][0]


def test_a_learning_rate_that_is_never_changed_again_fails_a_whole_trace(pytorch):
    def update(self, rate):
        self._first = getattr(self, "_first", rate)
        pytorch.Scratch.update(self, self._first)

    found = checked(with_model(pytorch, update=update), "scratch")
    assert found[STEPS][0]  # these are all taken at one learning rate
    assert not found[TRACES][0]


def test_the_one_of_two_loaders_that_is_wrong_is_named(pytorch):
    def doubled(x, y, order, size):
        return pytorch.direct_loader(x, 2 * y, order, size)

    loaders = {"framework": pytorch.framework_loader, "direct": doubled}
    framework = changed(pytorch, LOADERS=loaders, IMPLEMENTATIONS={"scratch": pytorch.Scratch})
    for what in (STEPS, TRACES):
        passed, detail = checked(framework, "scratch")[what]
        assert not passed
        assert detail.startswith("scratch, half_mse, direct loader, batch size 1: ")


# Wrong products.


def test_a_wrong_product_fails_the_strategies_that_use_it_and_no_others(pytorch):
    framework = changed(pytorch, matmul=lambda left, right: torch.mm(left, right) * 1.001)
    found = checked(framework, "products")
    failed = {what.split()[0]: detail for what, (passed, detail) in found.items() if not passed}
    assert failed.keys() == {"block", "full"}
    assert failed["block"].startswith("block at n = 1, blocks of 1: not timed, because its product")
    assert failed["full"].startswith("full at n = 1: not timed, because its product is wrong")


@pytest.mark.parametrize("strategy", strategies.STRATEGIES)
def test_a_strategy_that_multiplies_the_wrong_way_round_fails(pytorch, monkeypatch, strategy):
    right = strategies.STRATEGIES[strategy]
    turned = {strategy: lambda framework, a, b, c, block: right(framework, a, c, b, block)}
    monkeypatch.setattr(verify, "STRATEGIES", strategies.STRATEGIES | turned)
    found = checked(pytorch, "products")
    assert [what.split()[0] for what, (passed, _) in found.items() if not passed] == [strategy]


def test_a_block_that_does_not_divide_is_tried(pytorch, monkeypatch):
    def whole_blocks_only(framework, a, b, c, block):
        for j in range(0, len(b) // block * block or len(b), block):
            columns = (slice(None), slice(j, j + block))
            a = framework.write(a, columns, framework.matmul(b, c[columns]))
        return a

    wrong = strategies.STRATEGIES | {"block": whole_blocks_only}
    monkeypatch.setattr(verify, "STRATEGIES", wrong)
    passed, detail = next(v for k, v in checked(pytorch, "products").items() if "block" in k)
    assert not passed
    assert detail.startswith("block at n = 33, blocks of 7: not timed")


def test_a_write_that_forgets_an_element_fails(pytorch):
    def forgetful(target, index, value):
        return target if index == (7, 7) else pytorch.write(target, index, value)

    found = checked(changed(pytorch, write=forgetful), "products")
    [(what, detail)] = [(key, said) for key, (passed, said) in found.items() if not passed]
    assert what.startswith("element at n = ")
    assert "element (7, 7) is nan" in detail


def test_products_in_reduced_precision_fail(pytorch):
    def reduced(left, right):
        return (left.bfloat16() @ right.bfloat16()).float()

    names = dict.fromkeys(("dot", "matvec", "vecmat", "matmul"), reduced)
    found = checked(changed(pytorch, **names), "products")
    assert not any(passed for passed, _ in found.values())
    assert len(found) == len(strategies.STRATEGIES)


# Compiled epochs, which take all steps at once; here they are NumPy's.


class Epochs:
    """A compiled model of NumPy, in float64."""

    def __init__(self, weights, objective, device):  # noqa: ARG002
        self._parameters = np.append(weights, 0.0)
        self._factor = factors.gradient(objective)

    def epoch(self, x, y, order, batch_size, rate):
        path = reference.follow(
            *(x.numpy(), y.numpy(), self._parameters, order, batch_size, rate), factor=self._factor
        )
        for parameters, _ in path:
            self._parameters = parameters

    def parameters(self):
        return self._parameters.astype(np.float32)

    def wait(self):
        pass

    def compilations(self):
        return 1


def compiled(pytorch, epoch=Epochs.epoch):
    model = type("Model", (Epochs,), {"epoch": epoch})
    return changed(pytorch, IMPLEMENTATIONS={"compiled": model})


def smaller_last_batch_dropped(self, x, y, order, size, rate):
    Epochs.epoch(self, x, y, order[: len(order) // size * size], size, rate)


def last_batch_filled_up(self, x, y, order, size, rate):
    Epochs.epoch(self, x, y, np.append(order, order[: -len(order) % size]), size, rate)


def order_ignored(self, x, y, order, size, rate):
    Epochs.epoch(self, x, y, np.arange(len(order)), size, rate)


def order_of_the_first_epoch(self, x, y, order, size, rate):
    self._order = getattr(self, "_order", order)
    Epochs.epoch(self, x, y, self._order, size, rate)


def learning_rate_of_the_first_epoch(self, x, y, order, size, rate):
    self._rate = getattr(self, "_rate", rate)
    Epochs.epoch(self, x, y, order, size, self._rate)


def learning_rate_rounded(self, x, y, order, size, rate):
    Epochs.epoch(self, x, y, order, size, float(np.float16(rate)))


def batch_size_ignored(self, x, y, order, size, rate):  # noqa: ARG001
    Epochs.epoch(self, x, y, order, 1, rate)


def factor_ignored(self, *arguments):
    self._factor = 1
    Epochs.epoch(self, *arguments)


def nothing_done(self, *arguments):
    pass


def test_compiled_epochs_that_are_right_pass(pytorch):
    found = checked(compiled(pytorch), "compiled")
    assert found.keys() == {COMPILATIONS, TRACES, STEP_WAIT}
    assert all(passed for passed, _ in found.values()), found


@pytest.mark.parametrize(
    "wrong",
    [
        smaller_last_batch_dropped,
        last_batch_filled_up,
        order_ignored,
        order_of_the_first_epoch,
        learning_rate_of_the_first_epoch,
        learning_rate_rounded,
        batch_size_ignored,
        factor_ignored,
        nothing_done,
    ],
)
def test_wrong_compiled_epochs_fail(pytorch, wrong):
    passed, detail = checked(compiled(pytorch, wrong), "compiled")[TRACES]
    assert not passed
    assert detail.startswith("compiled, ")
    assert ": not timed, because its parameters are" in detail


# Adaptors that raise.


def test_an_adaptor_that_raises_fails_its_checks_in_one_line_each_and_stops_no_others(pytorch):
    def compute(self, x, y):  # noqa: ARG001
        raise RuntimeError("no such kernel\nand a second line")

    framework = with_model(pytorch, compute=compute)
    found = verify.run("pytorch", "cpu", verify.checks(framework, "cpu", FLOAT32))
    failed = found[~found.passed]
    assert set(failed.subject) == {"scratch"}
    assert set(failed.detail) == {"RuntimeError: no such kernel"}
    assert len(failed) == 3
    assert len(found) == 9


def test_a_framework_without_a_compiler_fails_in_its_compiled_epochs_alone(pytorch):
    def epoch(self, *arguments):  # noqa: ARG001
        raise RuntimeError("no C++ compiler")

    framework = compiled(pytorch, epoch)
    framework.IMPLEMENTATIONS["scratch"] = pytorch.Scratch
    found = verify.run("pytorch", "cpu", verify.checks(framework, "cpu", FLOAT32))
    assert found[~found.passed].subject.tolist() == ["compiled"] * 3
    assert not verdicts.closed(found, "scratch")
    assert verdicts.closed(found, "compiled")


def test_an_adaptor_that_raises_without_words_is_named_by_what_it_raised():
    def check():
        raise KeyError

    [row] = verify.run("f", "cpu", [("products", "a check", check)]).itertuples()
    assert (row.passed, row.detail) == (False, "KeyError:")


def test_a_loader_that_ends_too_soon_is_a_failed_check(pytorch):
    found = checked(with_loader(pytorch, lambda *_: iter([])), "scratch")
    assert not found[STEPS][0]
    assert not found[TRACES][0]


# Frameworks whose operations return before they are done.


class Worker:
    """Computes in a thread of its own, one piece of work after the other."""

    def __init__(self):
        self._queue = Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, function):
        done = Future()
        self._queue.put((done, function))
        return done

    def _work(self):
        while True:
            done, function = self._queue.get()
            done.set_result(function())


class Lazy:
    """A result, or a part of one, that is there when its work is done."""

    def __init__(self, done, part=()):
        self._done, self._part = done, part

    def __getitem__(self, part):
        return Lazy(self._done, part)

    def result(self):
        return self._done.result()[self._part]


def lazy(pytorch, seconds=0.02, *, waits):
    """PyTorch, whose large products are done later; `to_numpy` waits for them, as they all do."""
    worker = Worker()

    def matmul(left, right):
        def work():
            time.sleep(seconds)
            return torch.mm(left, right)

        return Lazy(worker.submit(work))

    def to_numpy(array):
        return pytorch.to_numpy(array.result() if isinstance(array, Lazy) else array)

    def wait(*arrays):
        for array in arrays:
            if waits and isinstance(array, Lazy):
                array.result()

    return changed(pytorch, matmul=matmul, to_numpy=to_numpy, wait=wait)


def test_a_clock_that_does_not_wait_for_a_product_fails(pytorch):
    [(passed, detail)] = checked(lazy(pytorch, waits=False), "clock").values()
    assert not passed
    assert detail.startswith("a product at n = 512: the clock does not wait: it read ")
    assert "\n" not in detail


def test_a_clock_that_waits_for_a_product_passes_and_says_what_it_would_have_read(pytorch):
    [(passed, detail)] = checked(lazy(pytorch, waits=True), "clock").values()
    assert passed, detail
    numbers = r"n = 512: (.+) ms, (.+) GFLOP/s; without waiting .* read (.+) ms, (.+) GFLOP/s"
    waited, rate, returned, absurd = map(float, re.fullmatch(numbers, detail).groups())
    assert waited > 20
    assert returned < 10
    assert rate == pytest.approx(2 * 512**3 / 1e6 / waited, rel=0.02)
    assert absurd == pytest.approx(2 * 512**3 / 1e6 / returned, rel=0.02)


def test_a_clock_that_waits_for_something_else_fails(pytorch):
    framework = lazy(pytorch, waits=True)
    other = framework.array(np.zeros(1), "cpu")
    wrong = changed(framework, wait=lambda *_: framework.wait(other))
    [(passed, detail)] = checked(wrong, "clock").values()
    assert not passed
    assert "the clock does not wait" in detail


@pytest.mark.parametrize("kind", ["Scratch", "Concise"])
@pytest.mark.parametrize("waits", [True, False])
def test_a_model_must_wait_for_its_steps(pytorch, device, kind, waits):
    model = getattr(pytorch, kind)

    def compute(self, x, y):
        device.submit(0.03)
        model.compute(self, x, y)

    def update(self, rate):
        device.submit(0.03)
        model.update(self, rate)

    def parameters(self):
        device.wait()
        return model.parameters(self)

    def wait(self):  # noqa: ARG001
        if waits:
            device.wait()

    methods = {"compute": compute, "update": update, "parameters": parameters, "wait": wait}
    monkey = with_model(pytorch, kind, **methods)
    passed, detail = checked(changed(monkey, LOADERS={}), kind.lower())[STEP_WAIT]
    assert passed == waits
    if waits:
        assert float(detail.partition(" ms")[0]) > 60
    else:
        what = f"{kind.lower()}, a step on 2000 examples: the clock does not wait: it read "
        assert detail.startswith(what)


@pytest.mark.parametrize("waits", [True, False])
def test_a_compiled_model_must_wait_for_its_epoch(pytorch, device, waits):
    class Model(Epochs):
        def epoch(self, *arguments):  # noqa: ARG002
            device.submit(0.05)

        def parameters(self):
            device.wait()
            return super().parameters()

        def wait(self):
            if waits:
                device.wait()

    framework = changed(pytorch, IMPLEMENTATIONS={"compiled": Model})
    assert checked(framework, "compiled")[STEP_WAIT][0] == waits


def test_a_model_whose_work_only_a_fetch_begins_does_not_wait(pytorch):
    """Nor is the time of that a fetch's own."""

    class Model(Epochs):
        def parameters(self):
            time.sleep(0.05)
            return super().parameters()

    framework = changed(pytorch, IMPLEMENTATIONS={"compiled": Model})
    assert "the clock does not wait" in checked(framework, "compiled")[STEP_WAIT][1]


# The stage.


@pytest.fixture
def job(monkeypatch):
    """The parameters of a job; what it sets in the environment is taken back."""
    for library in ("OMP", "MKL", "OPENBLAS"):
        monkeypatch.setenv(f"{library}_NUM_THREADS", "1")
    return {"framework": "pytorch", "device": "cpu", "threads": 1, "precisions": FLOAT32}


@pytest.mark.parametrize("status", ["failed", "left out"])
def test_where_the_environment_is_missing_the_one_verdict_says_why(tmp_path, job, status):
    record, output = tmp_path / "jax.json", tmp_path / "verdicts.parquet"
    record.write_text(json.dumps({"status": status, "detail": "no wheel for this platform"}))
    verify.make(job | {"framework": "jax"}, [record], output)
    table = parquet.read(output)
    [row] = table.to_dict("records")
    assert row == {
        **{"framework": "jax", "device": "cpu", "subject": "environment"},
        **{"check": ENVIRONMENT, "passed": False},
        "detail": f"{status}: no wheel for this platform",
    }
    assert table.attrs["parameters"] == job | {"framework": "jax"}
    assert parquet.origin([table])["frameworks"] == []


def test_where_the_import_fails_the_one_verdict_says_why(tmp_path, job):
    output = tmp_path / "verdicts.parquet"
    verify.make(job | {"framework": "nonesuch"}, [], output)
    [row] = parquet.read(output).itertuples()
    assert (row.subject, row.passed) == ("environment", False)
    assert row.detail == ("ModuleNotFoundError: No module named 'minibatch.frameworks.nonesuch'")


def test_a_framework_that_is_ready_but_does_not_load_is_one_verdict(tmp_path, job, monkeypatch):
    def start(name, threads):  # noqa: ARG001
        raise ImportError("libcuda.so.1: cannot open shared object file\nlong trace")

    monkeypatch.setattr(verify.frameworks, "start", start)
    record, output = tmp_path / "jax.json", tmp_path / "verdicts.parquet"
    record.write_text(json.dumps({"status": "ready", "packages": {}}))
    verify.make(job | {"framework": "jax"}, [record], output)
    [row] = parquet.read(output).itertuples()
    assert row.detail == "ImportError: libcuda.so.1: cannot open shared object file"


@pytest.mark.parametrize(("status", "failed"), [("ready", ["environment"]), ("left out", [])])
def test_the_outcome_names_what_failed_but_not_an_environment_that_is_missing(
    tmp_path, job, status, failed
):
    record, output = tmp_path / "nonesuch-env.json", tmp_path / "cpu.parquet"
    record.write_text(json.dumps({"status": status, "detail": "no wheel"}))
    verify.make(job | {"framework": "nonesuch"}, [record], output)
    assert json.loads((tmp_path / "cpu.json").read_text()) == {"failed": failed}
    assert parquet.read(tmp_path / "cpu/compiled.parquet").empty


def test_verdicts_are_written_again_only_where_they_are_others(tmp_path, job, monkeypatch):
    def check_with(said):
        def start(name, threads):  # noqa: ARG001
            raise UserError(said)

        monkeypatch.setattr(verify.frameworks, "start", start)
        verify.make(job, [], tmp_path / "cpu.parquet")
        return (tmp_path / "cpu.parquet").read_bytes()

    first = check_with("the clock read 0.12 ms")
    assert check_with("the clock read 3e-05 ms") == first
    other = check_with("no such kernel")
    assert other != first
    job["threads"] = 2
    assert check_with("no such kernel") != other


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("no kernel\nand a second line", "RuntimeError: no kernel"),
        (
            "backend='inductor' raised:\nCppCompileError: C++ compile error\n\nOutput:\n"
            "/tmp/a.h:3: error: x was not declared\n"
            "/tmp/a.h:12:10: fatal error: Python.h: No such file",
            "CppCompileError: C++ compile error: fatal error: Python.h: No such file",
        ),
        (
            "C++ compile error\n/usr/bin/ld: cannot find -ltorch: No such file or directory",
            "RuntimeError: C++ compile error: cannot find -ltorch: No such file or directory",
        ),
    ],
)
def test_the_reason_has_the_line_of_a_compiler_that_tells_the_cause(said, reason):
    assert verify.reason(RuntimeError(said)) == reason


ELSEWHERE = """
from minibatch import frameworks
from minibatch.stages import verify
framework = frameworks.start("pytorch", 1)
check = lambda: verify._compilations(framework, "compiled", "cpu")
print(*verify.run("pytorch", "cpu", [("compiled", "a check", check)]).detail)
"""


@pytest.mark.usefixtures("package_on_path")
@pytest.mark.parametrize("name", ["my folder", "it's"])
def test_in_a_folder_where_torch_cannot_compile_the_reason_names_its_path(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    for package in ("torch", "functorch", "torchgen"):
        (folder / package).symlink_to(Path(torch.__file__).parents[1] / package)
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        env=os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ['PYTHONPATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    what = "torch.compile does not work in a folder whose path has spaces or quotes"
    assert done.stdout == f"{what}: {folder}/torch\n"


STAGE = """
import sys
from minibatch import command
from minibatch.stages import verify
from minibatch.frameworks import pytorch
del pytorch.IMPLEMENTATIONS["compiled"]
verify.LARGE, verify.WIDE = {"cpu": 512}, {"cpu": (2000, 200)}
sys.exit(command.run(verify.make))
"""


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_a_row_a_check(tmp_path, job):
    output = tmp_path / "verdicts.parquet"
    job |= {"threads": 2}
    arguments = ["--parameters", json.dumps(job), "--output", str(output)]
    done = subprocess.run(
        [sys.executable, "-c", STAGE, *arguments],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    table = parquet.read(output)
    assert table.passed.all(), table.to_string()
    assert table.subject.value_counts(sort=False).to_dict() == {
        **{"environment": 1, "products": 5, "clock": 1, "scratch": 3, "concise": 3}
    }
    assert table.detail[0] == f"torch {torch.__version__}"
    assert table.attrs["parameters"] == job
    about = table.attrs["provenance"]
    assert (about["frameworks"], about["threads"]) == ([f"torch {torch.__version__}"], [2])
    assert len(done.stderr.splitlines()) == len(table)
    assert pd.api.types.is_bool_dtype(table.passed)


DISABLED = """
from minibatch import frameworks
from minibatch.stages import verify
framework = frameworks.start("pytorch", 1)
print(verify._compilations(framework, "compiled", "cpu"))
"""


@pytest.mark.usefixtures("package_on_path")
def test_a_switch_by_which_nothing_is_compiled_is_found_by_the_gate():
    done = subprocess.run(
        [sys.executable, "-c", DISABLED],
        env=os.environ | {"TORCHDYNAMO_DISABLE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "compiled: not timed, because nothing was compiled" in done.stderr
