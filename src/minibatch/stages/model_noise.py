"""Measure the gradient noise of the user's model on its way: reference.parquet → noise.parquet."""

import sys
from pathlib import Path

from minibatch import command
from minibatch.own import noise_run, start
from minibatch.own.crossing import reached
from minibatch.tables import parquet


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Train again as the reference did, and look at gradients on the way to its target."""
    [path] = inputs
    run = parquet.read(path)
    run = run[run.part == "reference"]
    output = output.absolute()  # before the model's folder is the working one
    contract = start.contract(parameters)
    about = start.about(contract)
    table, why = noise_run.measure(
        contract,
        batch_size=int(run.batch_size.iloc[0]),
        rate=float(run.learning_rate.iloc[0]),
        steps=round(reached(run, run.target_loss.iloc[0])),
        budget_seconds=parameters["budget_seconds"],
    )
    about["not_exact"] = why
    columns = noise_run.COLUMNS
    parquet.write(table, output, parameters=parameters, provenance=about, columns=columns)


if __name__ == "__main__":
    sys.exit(command.run(make))
