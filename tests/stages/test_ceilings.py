"""The stage of what bounds the machine: a launch with NumPy."""

import json
import os
import subprocess
import sys

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from minibatch.errors import UserError
from minibatch.sgd import rounds
from minibatch.stages import ceilings, matmul
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

ASKED = {"product": 32, "copy_kib": [4, 64], "budget_seconds": 0.01, "launch": 2}
MANY = {f"{library}_NUM_THREADS": "2" for library in ("OMP", "OPENBLAS", "MKL")}


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_a_product_and_a_copy_of_each_size(tmp_path):
    output = tmp_path / "2.parquet"
    command = [sys.executable, "-m", "minibatch.stages.ceilings", "--output", str(output)]
    subprocess.run([*command, "--parameters", json.dumps(ASKED)], check=True, env=os.environ | MANY)
    samples = parquet.read(output, digest(ASKED))
    assert set(samples) == set(matmul.COLUMNS)
    found = samples.groupby(["strategy", "n"]).size().to_dict()
    assert found == dict.fromkeys([("product", 32), ("copy", 512), ("copy", 8192)], rounds.REPEATS)
    about = samples[["framework", "device", "threads", "launch"]].drop_duplicates()
    assert about.to_numpy().tolist() == [["numpy", "cpu", 1, 2]]
    assert samples.level[samples.n == 512].unique().tolist() == ["L1"]
    assert samples.attrs["provenance"]["machines"]


def test_more_threads_than_one_are_refused(monkeypatch):
    time = rounds._time

    def with_two_threads(*arguments):
        read = time(*arguments)
        return read | {"cpu_seconds": 2 * read["seconds"]}

    monkeypatch.setattr(rounds, "_time", with_two_threads)
    with pytest.raises(
        UserError, match=r"^not timed, because 2\.0 threads were at work instead of 1"
    ):
        ceilings.measure(**ASKED)


def test_numpy_has_one_thread_whatever_the_rule_may_use(monkeypatch):
    """Snakemake sets OMP_NUM_THREADS to the cores of the job, and NumPy is imported with that."""
    measure, threads = rounds.measure, []

    def watching(*arguments, **named):
        threads.extend(library["num_threads"] for library in threadpool_info())
        return measure(*arguments, **named)

    monkeypatch.setattr(rounds, "measure", watching)
    with threadpool_limits(2):
        ceilings.measure(**ASKED)
    assert threads
    assert set(threads) == {1}
