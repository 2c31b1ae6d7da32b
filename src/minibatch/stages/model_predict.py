"""Predict the time to the target of the user's model, by batch size → predicted.parquet."""

import sys
from pathlib import Path

from minibatch import command
from minibatch.summaries import model_prediction
from minibatch.tables import load, parquet, provenance


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Multiply steps by what they cost."""
    tables = load.by_name(inputs, {})
    about = provenance.collect(**parquet.origin(tables.values()))
    table = model_prediction.summarise(tables, **parameters)
    parquet.write(table, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
