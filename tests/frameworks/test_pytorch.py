import os
import subprocess
import sys

import contract
import numpy as np
import pytest
import torch

from minibatch import frameworks

THREADS = """
import os, torch
from minibatch import frameworks
frameworks.start("pytorch", {threads})
print(torch.get_num_threads(), os.environ["OMP_NUM_THREADS"], os.environ["MKL_NUM_THREADS"])
"""


@pytest.fixture
def single_thread(pytorch):
    """PyTorch with one thread."""
    threads = torch.get_num_threads()
    pytorch.set_threads(1)
    yield pytorch
    pytorch.set_threads(threads)


# PyTorch's compiler imports what PyTorch itself has deprecated.
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.timing if "wait" in name or "compil" in name else ())
        for name in contract.CHECKS
    ],
)
def test_it_keeps_the_contract(single_thread, name):
    contract.CHECKS[name](single_thread, "cpu")


def test_it_is_found_by_its_file_and_says_its_version(pytorch):
    assert "pytorch" in frameworks.names()
    assert pytorch.version() == f"torch {torch.__version__}"


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.usefixtures("package_on_path")
def test_it_starts_with_the_threads_that_are_asked_for_whatever_the_environment_says(threads):
    variables = {"OMP_NUM_THREADS": "4", "MKL_NUM_THREADS": "4"}
    printed = subprocess.run(
        [sys.executable, "-c", THREADS.format(threads=threads)],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed.split() == [str(threads)] * 3


def test_arrays_are_tensors_of_float32(pytorch):
    assert pytorch.array(np.arange(3.0), "cpu").dtype == torch.float32


@pytest.mark.parametrize("part", contract.INDICES)
def test_a_write_returns_the_array_that_it_changed(pytorch, part):
    index = contract.INDICES[part]
    array = pytorch.output(np.zeros((3, 4)), "cpu")
    value = pytorch.array(np.ones((3, 4))[index], "cpu")
    assert pytorch.write(array, index, value) is array
