"""Time matrix products in one launch of a process: results/matmul/…/LAUNCH.parquet."""

import platform
import sys
from pathlib import Path
from types import ModuleType

import pandas as pd

from minibatch import command, frameworks
from minibatch.sgd import rounds
from minibatch.sgd.calibration import check_threads
from minibatch.sgd.products import Case, works
from minibatch.tables import parquet, provenance, verdicts

COLUMNS = {
    **dict.fromkeys(("machine", "framework", "device"), "string"),
    **{"threads": "int64", "strategy": "string", "n": "int64", "block": "int64"},
    **dict.fromkeys(("precision", "level"), "string"),
    **dict.fromkeys(("launch", "repeat", "calls", "work"), "int64"),
    **dict.fromkeys(("seconds", "cpu_seconds"), "float64"),
    **dict.fromkeys(("calibration_before", "calibration_after"), "float64"),
    "busy": "bool",
}


def measure(
    framework: ModuleType,
    cases: list[Case],
    *,
    device: str,
    threads: int,
    budget_seconds: float,
    launch: int,
) -> pd.DataFrame:
    """Verify every case, time all of them in rounds, and leave the framework in float32.

    One row a repeat: strategy, n (of a copy, its numbers), block (0 where there are none),
    precision, level ("memory" of a copy), launch, repeat, the calls that were made, their `work` in
    FLOP (of copies, in bytes), seconds, CPU seconds, and how quiet the machine was. Raises
    UserError where a product is wrong, or the largest takes more threads than it should.
    """
    try:
        timed = works(framework, cases, device)
        rows = rounds.measure(timed, budget_seconds=budget_seconds, launch=launch)
    finally:
        framework.set_precision("float32")
    # what computes for long: between calls, a framework may have threads at work beside
    if largest := [row for row in rows if row["strategy"] == "product"]:
        check_threads(largest, threads, device)
    return pd.DataFrame(rows)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in this process, which is the launch, if the gate is open."""
    [path] = inputs
    gate = parquet.read(path, parameters["inputs"][str(path)])
    if verdicts.closed(gate):
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    common = {name: parameters[name] for name in ("framework", "device", "threads")}
    framework = frameworks.start(common["framework"], common["threads"])
    versions = frameworks.provenance(framework, common["device"])
    about = provenance.collect(threads=[common["threads"]], **versions)
    cases = _open(gate, [Case(*case) for case in parameters["cases"]])
    names = ("device", "threads", "budget_seconds", "launch")
    samples = measure(framework, cases, **{name: parameters[name] for name in names})
    samples = samples.assign(machine=platform.node(), **common)[[*COLUMNS]]
    parquet.write(samples, output, parameters=parameters, provenance=about, columns=COLUMNS)


def _open(gate: pd.DataFrame, cases: list[Case]) -> list[Case]:
    """The cases in a precision that passed its check."""
    closed = {
        precision
        for precision in dict.fromkeys(case.precision for case in cases)
        if verdicts.closed(gate, precision)
    }
    return [case for case in cases if case.precision not in closed]


if __name__ == "__main__":
    sys.exit(command.run(make))
