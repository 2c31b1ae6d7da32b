"""Make real runs in one launch of a process: predicted steps → results/confirm/…/LAUNCH.parquet."""

import platform
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.sgd.examples import split
from minibatch.sgd.real import COLUMNS, Planned, Real, Run, measure
from minibatch.tables import parquet, provenance, verdicts

# A run that takes less is made once more straight after itself, and from the same weights.
SHORT_SECONDS = 0.02
TURNS = 2


def planned(
    predicted: pd.DataFrame, *, first_seed: int, seeds: int, budget_seconds: float
) -> list[Planned]:
    """The runs of a launch: those that are predicted, from `first_seed` on.

    Each is made with this many seeds, or fewer where they would take longer than its budget.
    """
    found = []
    for row in predicted.itertuples():
        about = row.implementation, row.loader, row.batch_size, row.learning_rate, row.steps
        affordable = max(1, int(budget_seconds / row.seconds))
        turns = TURNS if row.seconds < SHORT_SECONDS else 1
        found.append(Planned(Run(*about, first_seed), min(seeds, affordable), turns))
    return found


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Make the runs of what passed the gate in this process, which is the launch."""
    examples, predicted, *gates = (
        parquet.read(path, parameters["inputs"][str(path)]) for path in inputs
    )
    names = {name: parameters[name] for name in ("framework", "device")}
    verdict = pd.concat(gates)
    allowed = {
        name: not verdicts.closed(verdict, name) for name in predicted.implementation.unique()
    }
    predicted = predicted[predicted.implementation.map(allowed).astype(bool)]
    if predicted.empty:
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    launch, threads = parameters["launch"], parameters["threads"]
    framework = frameworks.start(names["framework"], threads)
    x, y = map(np.ascontiguousarray, split(examples.to_numpy()))
    about = provenance.collect(
        threads=[threads], **frameworks.provenance(framework, names["device"])
    )
    amount = {name: parameters[name] for name in ("seeds", "budget_seconds")}
    plan = planned(
        predicted, first_seed=parameters["beyond"] + (launch - 1) * amount["seeds"], **amount
    )
    real = Real(framework, names["device"], x, y)
    samples = measure(real, plan, launch=launch, threads=threads)
    samples = samples.assign(**names, machine=platform.node())[[*COLUMNS]]
    parquet.write(samples, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
