"""What only a GPU can show: that it computes, waits and is timed as the CPU is."""

import os
import subprocess
import sys
from pathlib import Path

import contract
import numpy as np
import pytest
import torch

from minibatch.plan import environments, gpu
from minibatch.stages import environment, matmul, train, verify

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "tests/frameworks/contract.py"
PRECISIONS = ["float32", "tf32", "bfloat16"]
N = 8192

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not gpu.names(), reason="needs an NVIDIA GPU, and nvidia-smi finds none"),
    pytest.mark.skipif(
        torch.cuda.is_available() and torch.cuda.get_device_capability() < (8, 0),
        reason="needs a GPU that has TF32 and bfloat16, of compute capability 8.0 or above",
    ),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning"),
]


@pytest.fixture(autouse=True)
def compiled_anew():
    """Shapes of other tests do not use up how often PyTorch compiles one function."""
    torch._dynamo.reset()


@pytest.mark.parametrize("name", contract.CHECKS)
def test_pytorch_keeps_the_contract_on_a_gpu(pytorch, name):
    contract.CHECKS[name](pytorch, "cuda")


@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_the_others_keep_the_contract_on_a_gpu(tmp_path, name):
    made = environment.build(tmp_path / name, **environments.recipe(f"{name}-cuda"))
    if made["status"] != "ready":
        pytest.skip(f"needs the package index: {made['detail']}")
    command = [tmp_path / name / "bin/python", CONTRACT, name, "cuda"]
    variables = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(contract.CHECKS) + 1


def test_every_check_of_the_gate_passes(pytorch):
    verdicts = verify.run("pytorch", "cuda", verify.checks(pytorch, "cuda", PRECISIONS))
    assert verdicts[~verdicts.passed].empty, verdicts[~verdicts.passed].detail.tolist()


@pytest.fixture(scope="module")
def products(pytorch):
    """Samples of the full product in every precision, each of which was verified."""
    cases = [("full", N, 0, precision) for precision in PRECISIONS]
    return matmul.measure(pytorch, cases, device="cuda", threads=1, budget_seconds=0.5, launch=1)


def test_tensor_cores_are_faster_the_fewer_bits_they_take(products):
    products = products.assign(seconds=products.seconds / products.calls)
    seconds = products.groupby("precision").seconds.median()
    assert seconds.bfloat16 < seconds.tf32 < seconds.float32


def test_a_sample_is_as_long_as_the_gpu_itself_says(products):
    matrix = torch.randn(N, N, device="cuda")
    events = [torch.cuda.Event(enable_timing=True) for _ in range(2)]
    spans = []
    for _ in range(5):
        events[0].record()
        torch.mm(matrix, matrix)
        events[1].record()
        torch.cuda.synchronize()
        spans.append(events[0].elapsed_time(events[1]) / 1000)
    samples = products[products.precision == "float32"]
    samples = samples.seconds / samples.calls
    assert 0.8 * np.median(spans) < samples.median() < 1.5 * np.median(spans)


@pytest.mark.parametrize("loader", ["framework", "direct"])
@pytest.mark.parametrize("implementation", ["scratch", "concise", "compiled"])
def test_a_trace_is_that_of_the_reference(pytorch, examples, implementation, loader):
    if implementation == "compiled" and loader == "framework":
        return  # indexes by itself
    run = train.Run(
        device="cuda",
        implementation=implementation,
        loader=loader,
        objective="half_mse",
        batch_size=100,
        learning_rate=0.4,
        epochs=2,
        schedule="constant",
        sampling="permutation",
        copies=1,
        seed=0,
    )
    trace = train.train(pytorch, *examples, run)
    train.verify(*examples, run, trace)
    assert trace.seconds.is_monotonic_increasing


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
@pytest.mark.usefixtures("package_on_path")
def test_two_gpus_take_the_steps_of_one(tmp_path):
    module = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    program = tmp_path / "steps.py"
    program.write_text(STEPS)
    command = [sys.executable, *module, str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


STEPS = """
import numpy as np
from minibatch.sgd import data_parallel
from minibatch.stages.parallel import verify

random = np.random.default_rng(0)
x, y = random.standard_normal((40, 5), np.float32), random.standard_normal(40, np.float32)
with data_parallel.joined(2, "cuda"):
    groups = data_parallel.groups([1, 2], "cuda")
    assert set(groups) == {1, 2}
    for size in (1, 7, 40):
        verify(x, y, size, groups, "cuda")
"""
