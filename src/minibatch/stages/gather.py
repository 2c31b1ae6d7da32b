"""Put the tables of single measurements together: results/matmul/…/*.parquet → one table."""

import sys
from pathlib import Path

import pandas as pd

from minibatch import command
from minibatch.tables import parquet, provenance


def gather(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Stack tables of the same columns."""
    return pd.concat(parts, ignore_index=True)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Read the parts and write the whole, with the provenance of each part."""
    parts = [parquet.read(path, parameters["inputs"][str(path)]) for path in inputs]
    about = provenance.collect(**parquet.origin(parts))
    parquet.write(gather(parts), output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
