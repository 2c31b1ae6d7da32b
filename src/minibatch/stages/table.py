"""Read a table of the user's own and bring it to one scale: a file → results/data/examples….

Beside the examples, table.json says where they came from.
"""

import hashlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from minibatch import command
from minibatch.errors import UserError
from minibatch.own import reading, table_checks
from minibatch.sgd.scaling import scale
from minibatch.tables import parquet, provenance
from minibatch.tables.files import write_text


def examples(table: pd.DataFrame, *, target: str, drop: list[str]) -> pd.DataFrame:
    """The columns that are not left out, with mean 0 and deviation 1, the target last; float32.

    Raises UserError, a line for each thing that is wrong with the table.
    """
    if wrong := table_checks.problems(table, target, drop):
        raise UserError("\n".join(wrong))
    names = [name for name in table if name not in (target, *drop)] + [target]
    values = np.column_stack([table_checks.column(table[name]) for name in names])
    return pd.DataFrame(scale(values, "standardize").astype(np.float32), columns=names)


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Read the file, and write the examples and where they came from."""
    path, about = Path(parameters["file"]), provenance.collect()
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if found != parameters["sha256"]:
        raise UserError(f"{path} has changed since it was checked; call make answer again")
    table, held = reading.read(path)
    asked = {name: parameters[name] for name in ("target", "drop")}
    scaled = examples(table, **asked)
    parquet.write(scaled, output, parameters=parameters, provenance=about)
    source = {"name": path.name, "features": scaled.shape[1] - 1}
    source |= {"address": str(path), "held": held, "surrogate": False, "failures": {}, **asked}
    source |= {"sha256": found, "retrieved": datetime.now(UTC).isoformat(timespec="seconds")}
    write_text(output.with_name("table.json"), json.dumps(source, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(command.run(make))
