"""Time steps of SGD in one launch of a process: examples → results/steptime/…/LAUNCH.parquet."""

import platform
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.sgd.examples import split
from minibatch.sgd.pace import COLUMNS, Cell, Pace, measure
from minibatch.tables import parquet, provenance, verdicts
from minibatch.tables.epochs import WHOLE_EPOCHS


def cells(
    framework: ModuleType, device: str, loaders: list[str], batch_sizes: list[int]
) -> list[Cell]:
    """What is timed in a framework: compiled epochs have no loader but the direct one."""
    return [
        Cell(implementation, loader, size)
        for implementation in frameworks.implementations(framework, device)
        for loader in (loaders if implementation not in WHOLE_EPOCHS else ["direct"])
        for size in batch_sizes
    ]


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure what passed the gate in this process, which is the launch."""
    examples, *gates = (parquet.read(path, parameters["inputs"][str(path)]) for path in inputs)
    names = {name: parameters[name] for name in ("framework", "device")}
    framework = frameworks.start(parameters["framework"], parameters["threads"])
    wanted = cells(framework, names["device"], parameters["loaders"], parameters["batch_sizes"])
    verdict = pd.concat(gates)
    wanted = [cell for cell in wanted if not verdicts.closed(verdict, cell.implementation)]
    if not wanted:
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    x, y = map(np.ascontiguousarray, split(examples.to_numpy()))
    about = provenance.collect(
        threads=[parameters["threads"]], **frameworks.provenance(framework, names["device"])
    )
    timing = {name: parameters[name] for name in ("budget_seconds", "launch", "threads")}
    samples = measure(
        Pace(framework, names["device"], x, y, seed=timing["launch"]), wanted, **timing
    )
    samples = samples.assign(**names, machine=platform.node())[[*COLUMNS]]
    parquet.write(samples, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
