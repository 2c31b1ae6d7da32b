"""Make one table of the report: measured tables → results/summary/….parquet."""

import sys
from importlib import import_module
from pathlib import Path

import pandas as pd

from minibatch import command
from minibatch.errors import UserError
from minibatch.tables import load, parquet, provenance

MAY_BE_EMPTY = {"real"}  # where no batch size reaches the target


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read the tables (and the published results, a CSV file) and summarise them."""
    measured = [path for path in paths if path.suffix == ".parquet"]
    read = load.by_name(measured, parameters["inputs"])
    if any(table.empty for name, table in read.items() if name not in MAY_BE_EMPTY):
        raise UserError("nothing was measured: no framework passed its checks; see results/logs")
    origin = parquet.origin(read.values())
    for path in paths:
        if path.suffix == ".csv":
            read[path.stem] = pd.read_csv(path)
    module = import_module(f"minibatch.summaries.{output.stem}")
    result = module.summarise(read, **parameters["options"])
    about = provenance.collect(**origin)
    parquet.write(result, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
