"""Time steps of SGD in one launch of a process: examples → results/steptime/…/LAUNCH.parquet."""

import platform
import random
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.sgd.examples import split
from minibatch.sgd.pace import Cell, Pace, calibrate
from minibatch.tables import parquet, provenance, verdicts

COLUMNS = {
    **dict.fromkeys(("machine", "framework", "device", "implementation", "loader"), "string"),
    **dict.fromkeys(("batch_size", "launch", "repeat", "epochs", "epoch_steps"), "int64"),
    **dict.fromkeys(("steps", "examples"), "int64"),
    **dict.fromkeys(("seconds", "cpu_seconds"), "float64"),
    **dict.fromkeys(("start_seconds", "load_seconds"), "float64"),
    **dict.fromkeys(("compute_seconds", "update_seconds", "first_call_seconds"), "float64"),
    **dict.fromkeys(("calibration_before", "calibration_after"), "float64"),
    "busy": "bool",
}
REPEATS = 5  # of each cell in a launch
BUSY = 1.2  # a calibration that takes this many times its CPU time, or the other calibration


def cells(framework: ModuleType, loaders: list[str], batch_sizes: list[int]) -> list[Cell]:
    """What is timed in a framework: compiled epochs have no loader but the direct one."""
    return [
        Cell(implementation, loader, size)
        for implementation in framework.IMPLEMENTATIONS
        for loader in (loaders if implementation != verdicts.COMPILED else ["direct"])
        for size in batch_sizes
    ]


def measure(pace: Pace, wanted: list[Cell], *, budget_seconds: float, launch: int) -> pd.DataFrame:
    """Warm all cells up, time them in rounds, each round in another order, and verify the last.

    One row a repeat: implementation, loader, batch_size, launch, repeat, how many epochs it begins,
    the steps of a whole one, its own steps and examples, its seconds, CPU seconds and seconds by
    phase, and the seconds of the cell's first call. `budget_seconds` is for all repeats of a cell.
    Raises UserError where steps are not those of the reference.
    """
    works = [pace.warm_up(cell, budget_seconds / REPEATS) for cell in wanted]
    orders, found = random.Random(launch), {}
    before = calibrate()
    for repeat in range(REPEATS):
        for index in orders.sample(range(len(works)), len(works)):
            found[index, repeat] = pace.time(works[index])
    after = calibrate()
    for work in works:
        pace.verify(work)
    rows = [
        {
            **vars(works[index].cell),
            "launch": launch,
            "repeat": repeat,
            "epochs": works[index].epochs,
            "epoch_steps": works[index].cell.steps(pace.examples),
            "steps": works[index].steps,
            "examples": works[index].epochs * len(works[index].order),
            "first_call_seconds": works[index].first_call,
            **read,
        }
        for (index, repeat), read in sorted(found.items())
    ]
    return pd.DataFrame(rows).assign(
        calibration_before=before[0], calibration_after=after[0], busy=_busy(before, after)
    )


def _busy(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether something else has taken the processor while cells were timed."""
    waited = max(wall / cpu for wall, cpu in (before, after))
    return max(waited, before[0] / after[0], after[0] / before[0]) > BUSY


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in this process, which is the launch; once more where the machine was busy."""
    examples, *gates = (parquet.read(path, parameters["inputs"][str(path)]) for path in inputs)
    names = {name: parameters[name] for name in ("framework", "device")}
    framework = frameworks.start(parameters["framework"], parameters["threads"])
    wanted = cells(framework, parameters["loaders"], parameters["batch_sizes"])
    verdict = pd.concat(gates)
    wanted = [cell for cell in wanted if not verdicts.closed(verdict, cell.implementation)]
    if not wanted:
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    x, y = map(np.ascontiguousarray, split(examples.to_numpy()))
    about = provenance.collect(
        threads=[parameters["threads"]], **frameworks.provenance(framework, names["device"])
    )
    timing = {name: parameters[name] for name in ("budget_seconds", "launch")}
    pace = Pace(framework, names["device"], x, y, seed=parameters["launch"])
    samples = measure(pace, wanted, **timing)
    if samples.busy.any():
        samples = measure(pace, wanted, **timing)
    samples = samples.assign(**names, machine=platform.node())[[*COLUMNS]]
    parquet.write(samples, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
