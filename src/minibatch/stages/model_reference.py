"""Train the user's model to its target, with a learning rate that suits: MODEL.py → reference…."""

import sys
from pathlib import Path

from minibatch import command
from minibatch.own import reference, start
from minibatch.tables import parquet


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Choose the learning rate where the file names none, and train."""
    output = output.absolute()  # before the model's folder is the working one
    contract = start.contract(parameters)
    about = start.about(contract)
    table = reference.measure(contract, parameters["model"], parameters["budget_seconds"])
    columns = reference.COLUMNS
    parquet.write(table, output, parameters=parameters, provenance=about, columns=columns)


if __name__ == "__main__":
    sys.exit(command.run(make))
