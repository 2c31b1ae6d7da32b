"""Standardise the raw table: results/data/airfoil.dat → results/data/examples.parquet."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from minibatch import command
from minibatch.errors import UserError
from minibatch.sgd.scaling import scale
from minibatch.tables import parquet, provenance

COLUMNS = (
    "frequency",
    "angle_of_attack",
    "chord_length",
    "velocity",
    "displacement_thickness",
    "sound_pressure",
)


def parse(text: str) -> np.ndarray:
    """Read a tab-separated table of numbers without header, shape (rows, 6).

    Raises UserError with row and column (from 1) where the text is no such table.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = line.split("\t")
        if len(fields) != len(COLUMNS):
            raise UserError(f"row {number}: {len(fields)} columns instead of {len(COLUMNS)}")
        rows.append([_number(field, number, name) for name, field in enumerate(fields)])
    if not rows:
        raise UserError("the table is empty")
    return np.array(rows)


def standardise(table: np.ndarray, *, rows: int, scaling: str) -> pd.DataFrame:
    """Scale the columns by all rows and keep the first `rows`: float32, the target last.

    Raises UserError where the table is too short or a column is constant.
    """
    if len(table) < rows:
        raise UserError(f"{len(table)} rows, but dataset.rows in config.yaml asks for {rows}")
    for index, column in enumerate(table.T):
        if np.ptp(column) == 0:
            raise UserError(f"{_name(index)}: the same value in every row, so it has no scale")
    return pd.DataFrame(scale(table, scaling)[:rows].astype(np.float32), columns=list(COLUMNS))


def _number(field: str, row: int, index: int) -> float:
    try:
        value = float(field)
    except ValueError:
        value = np.nan
    if not np.isfinite(value):
        raise UserError(f"row {row}, {_name(index)}: {field!r} is not a number")
    return value


def _name(index: int) -> str:
    return f"column {index + 1} ({COLUMNS[index]})"


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Read the raw table and write the examples."""
    [source] = inputs
    about = provenance.collect()
    try:
        table = parse(source.read_text(encoding="utf-8"))
        examples = standardise(table, rows=parameters["rows"], scaling=parameters["scaling"])
    except UnicodeDecodeError:
        raise UserError(f"{source}: not a text file") from None
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    parquet.write(examples, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
