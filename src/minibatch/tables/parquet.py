"""Parquet tables that know what they were made with, and notice when they were changed since."""

import json
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from minibatch.errors import UserError
from minibatch.tables.canonical import canonical, digest
from minibatch.tables.files import replacing


def write(
    frame: pd.DataFrame,
    path: str | Path,
    *,
    parameters: dict,
    provenance: dict,
    columns: dict[str, str] | None = None,
) -> None:
    """Write a table with its parameters and provenance in the schema metadata, whole or not at all.

    `columns`, where given, are those of the table, with their Arrow types, also where it has no
    rows. A checksum over the cells and the metadata goes with it; `read` compares it.
    """
    schema = pa.schema([*columns.items()]) if columns is not None else None
    table = pa.Table.from_pandas(frame, schema, preserve_index=False).replace_schema_metadata()
    table = table.cast(pa.schema([_plain(field) for field in table.schema]))
    about = {"parameters": canonical(parameters), "provenance": canonical(provenance)}
    about["checksum"] = _checksum(table, about)
    split = [field.name for field in table.schema if pa.types.is_floating(field.type)]
    others = [name for name in table.column_names if name not in split]
    compact = {"compression": "zstd", "use_byte_stream_split": split, "use_dictionary": others}
    with replacing(path) as temporary:
        pq.write_table(table.replace_schema_metadata(about), temporary, **compact)


def write_gap(path: str | Path, columns: dict[str, str], *, parameters: dict) -> None:
    """Write a table without rows where nothing was measured, since the gate is closed."""
    rows = pd.DataFrame(columns=[*columns])
    write(rows, path, parameters=parameters, provenance={}, columns=columns)


def read(path: str | Path, expected: str | None = None) -> pd.DataFrame:
    """Read a table, with its `parameters` and `provenance` under `frame.attrs`.

    `expected` is the digest of the parameters that the configuration asks for.
    Raises UserError where the file is damaged, was edited by hand, or was made with others.
    """
    remedy = "delete it, and snakemake makes it again"
    try:
        table = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such table; run snakemake") from None
    except (OSError, pa.ArrowException):
        raise UserError(f"{path}: damaged, it does not read as Parquet; {remedy}") from None
    about = _about(table)
    if about is None:
        raise UserError(
            f"{path}: damaged or edited by hand, its content and its checksum differ; {remedy}"
        )
    parameters = json.loads(about["parameters"])
    if expected is not None and digest(parameters) != expected:
        raise UserError(f"{path}: made with other parameters than the configuration's; {remedy}")
    frame = table.to_pandas(ignore_metadata=True)
    frame.attrs = {"parameters": parameters, "provenance": json.loads(about["provenance"])}
    return frame


def origin(frames: Iterable[pd.DataFrame]) -> dict[str, list]:
    """What tables that are made from others take over: machines, GPUs, frameworks, threads."""
    sources = [frame.attrs["provenance"] for frame in frames]
    return {
        name: sorted({value for source in sources for value in source.get(name, [])})
        for name in ("machines", "gpus", "frameworks", "threads")
    }


def _plain(field: pa.Field) -> pa.Field:
    """A column with one type of text, whatever pandas makes of it: its versions differ."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field


def _about(table: pa.Table) -> dict[str, str] | None:
    """What a table says of itself; None unless its checksum is that of its content."""
    metadata = table.schema.metadata or {}
    try:
        about = {key.decode(): value.decode() for key, value in metadata.items()}
        return about if about.get("checksum") == _checksum(table, about) else None
    except (UnicodeDecodeError, TypeError):  # no text, or a type of cell that we never write
        return None


def _checksum(table: pa.Table, about: dict[str, str]) -> str:
    """Digest of the cells and of what is said about them; the same for every pyarrow version."""
    cells = [[name, *_cells(table[name])] for name in table.column_names]
    return digest([about.get("parameters"), about.get("provenance"), cells])


def _cells(column: pa.ChunkedArray) -> list:
    """The type and the cells of a column; of numbers, of which there may be millions, a digest."""
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        return [str(kind), column.to_pylist()]
    values = column.to_numpy()  # cells that are missing become NaN, but not those of booleans
    if values.dtype == object:
        return [str(kind), values.tolist()]
    return [str(kind), sha256(values.astype(values.dtype.newbyteorder("<")).tobytes()).hexdigest()]
