"""Time what frameworks are compared with in one launch: examples → results/baseline/….parquet."""

import gc
import platform
import sys
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from minibatch import command
from minibatch.errors import UserError
from minibatch.sgd import baselines
from minibatch.sgd.examples import split
from minibatch.sgd.pace import COLUMNS, Cell, Pace, measure
from minibatch.tables import parquet, provenance

# What each is called in the table: whose it is, and how its examples get there.
NAMES = {
    "numba": ("numba", "direct"),
    "partial_fit": ("scikit-learn", "direct"),
    "fit": ("scikit-learn", "none"),
    "numpy": ("numpy", "none"),
}


def cells(batch_sizes: list[int], examples: int) -> list[Cell]:
    """What is timed: the loop at every size, scikit-learn at its only one, NumPy at the largest."""
    sizes = {"numba": batch_sizes, "numpy": [examples]}
    return [
        Cell(name, loader, size)
        for name, (_, loader) in NAMES.items()
        for size in sizes.get(name, [1])
        if size in batch_sizes
    ]


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in this process, which is the launch, with a single thread."""
    [path] = inputs
    examples = parquet.read(path, parameters["inputs"][str(path)]).to_numpy()
    x, y = map(np.ascontiguousarray, split(examples))
    about = provenance.collect(frameworks=baselines.versions(), threads=[1])
    gc.freeze()  # a search through all that the imports left would fall into some timings
    pace = Pace(baselines, "cpu", x, y, seed=parameters["launch"])
    timing = {name: parameters[name] for name in ("budget_seconds", "launch")}
    with threadpool_limits(1):
        samples = measure(pace, cells(parameters["batch_sizes"], len(y)), **timing, threads=1)
    if not getattr(baselines.epoch, "signatures", ()):  # a plain function, where Numba is disabled
        raise UserError(
            "numba: not timed, because nothing was compiled: see NUMBA_DISABLE_JIT in the "
            "environment, and .numba_config.yaml in this folder"
        )
    whose = samples.implementation.map({name: names[0] for name, names in NAMES.items()})
    samples = samples.assign(
        framework=whose, device="cpu", implementation="baseline", machine=platform.node()
    )
    parquet.write(
        samples[[*COLUMNS]], output, parameters=parameters, provenance=about, columns=COLUMNS
    )


if __name__ == "__main__":
    sys.exit(command.run(make))
