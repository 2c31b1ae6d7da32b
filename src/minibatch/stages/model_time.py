"""Time steps of the user's model in one launch of a process: MODEL.py → steptime/….parquet."""

import platform
import sys
from pathlib import Path

from minibatch import command
from minibatch.own import pace, start
from minibatch.sgd.pace import COLUMNS
from minibatch.tables import parquet


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Time all ways of training at all batch sizes."""
    output = output.absolute()  # before the model's folder is the working one
    contract = start.contract(parameters)
    about = start.about(contract)
    budget = {name: parameters[name] for name in ("launch", "budget_seconds")}
    samples, left_out = pace.measure(contract, **budget)
    names = {"framework": "pytorch", "device": str(contract.device), "machine": platform.node()}
    about["left_out"] = left_out
    parquet.write(
        samples.assign(**names)[[*COLUMNS]],
        output,
        parameters=parameters,
        provenance=about,
        columns=COLUMNS,
    )


if __name__ == "__main__":
    sys.exit(command.run(make))
