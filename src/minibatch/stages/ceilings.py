"""Time what bounds the machine, with NumPy, in one launch: results/ceilings/LAUNCH.parquet."""

import platform
import sys
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from minibatch import command
from minibatch.sgd import rounds
from minibatch.sgd.calibration import check_threads
from minibatch.sgd.numpy_bounds import Copy, Product, caches
from minibatch.tables import parquet, provenance

ABOUT = {"framework": "numpy", "device": "cpu", "threads": 1}


def measure(
    *, product: int, copy_kib: list[int], budget_seconds: float, launch: int
) -> pd.DataFrame:
    """Time one product of n×n matrices, and copies by the size of both arrays, in rounds.

    The rows of `matmul.measure`: of a copy, `n` are its numbers and `level` is the cache that holds
    both arrays, "memory", or "" where they may be partly in a cache. Raises UserError where several
    threads compute.
    """
    sizes = caches()
    works = [Product(product), *(Copy(kib * 2**10, sizes) for kib in copy_kib)]
    with threadpool_limits(1):
        rows = rounds.measure(works, budget_seconds=budget_seconds, launch=launch)
    check_threads([row for row in rows if row["strategy"] == "product"], threads=1)
    return pd.DataFrame(rows).assign(**ABOUT)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Measure in this process, which is the launch."""
    names = ("product", "copy_kib", "budget_seconds", "launch")
    samples = measure(**{name: parameters[name] for name in names})
    about = provenance.collect(threads=[1], frameworks=[], gpus=[])
    samples = samples.assign(machine=platform.node())
    parquet.write(samples, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
