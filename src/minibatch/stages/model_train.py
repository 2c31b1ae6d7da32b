"""Train the user's model as predicted, in one launch: predicted.parquet → confirm/….parquet."""

import sys
from pathlib import Path

from minibatch import command
from minibatch.own import confirm, start
from minibatch.tables import parquet


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Train at the best size, half and double of it, and the largest, to the target."""
    [path] = inputs
    predicted = parquet.read(path)
    output = output.absolute()  # before the model's folder is the working one
    contract = start.contract(parameters)
    about = start.about(contract)
    plan = predicted[predicted.tried]
    budget = {name: parameters[name] for name in ("launch", "budget_seconds")}
    table = confirm.measure(contract, plan, target=plan.target_loss.iloc[0], **budget)
    columns = confirm.COLUMNS
    parquet.write(table, output, parameters=parameters, provenance=about, columns=columns)


if __name__ == "__main__":
    sys.exit(command.run(make))
