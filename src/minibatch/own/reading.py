"""Reading a table of the user's own, whatever program wrote it: pandas reads, and what suits it.

Text may be separated by commas, semicolons, tabs, bars or spaces, have decimal points or commas, a
header or none, quotes, a byte-order mark, or be compressed; or the table is a Parquet file.
"""

import gzip
from collections.abc import Iterator
from io import StringIO
from itertools import islice, product
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from minibatch.errors import UserError

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", r"\s+": "spaces"}
DECIMALS = ".,"
SAMPLE = 200  # lines by which a dialect is found out
FIRST = 2**20  # bytes by which text is told from what is none
MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f\x1a"})  # which no text has
# Numbers in a table: what SGD on it takes is the same for a random part of the rows.
MOST_NUMBERS = 60_000_000
MOST_BYTES = 1_500_000_000  # of text, which holds about as many
TOO_LARGE = (
    f"up to {MOST_NUMBERS:,} numbers, a million rows of 60 columns, are read; a random part of the "
    "rows will do"
)


class Dialect(NamedTuple):
    """How a text holds a table."""

    encoding: str
    separator: str
    decimal: str
    header: bool

    def __str__(self) -> str:
        """What it is, for a reader."""
        decimal = "commas" if self.decimal == "," else "points"
        header = "a header" if self.header else "no header"
        return f"text with {SEPARATORS[self.separator]}, decimal {decimal} and {header}"


def read(path: Path) -> tuple[pd.DataFrame, str]:
    """The table in a file, its columns named by text, and how the file holds it.

    Without a header, columns are called 1, 2, 3 and so on. Raises UserError where there is no
    table, or one that is too large.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            first = file.read(FIRST)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such file") from None
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None
    if not size:
        raise UserError(f"{path} is empty: 0 bytes")
    if first.startswith(b"PAR1"):
        return _parquet(path), "Parquet"
    if size > MOST_BYTES:
        raise UserError(f"{path} is too large, {size / 1e9:.1f} GB of text; {TOO_LARGE}")
    try:
        dialect = _dialect(path, first)
        frame = _text(path, dialect)
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a text file in UTF-8, nor Parquet") from None
    except pd.errors.EmptyDataError:
        raise UserError(f"{path} has no rows") from None
    except pd.errors.ParserError as error:
        said = " ".join(str(error).rpartition("C error: ")[2].split())
        raise UserError(f"{path}: no table: {said}") from None
    except (EOFError, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: damaged: {error}") from None
    _check_size(path, *frame.shape)
    return frame, str(dialect)


def _check_size(path: Path, rows: int, columns: int) -> None:
    """Raise UserError where a table has more numbers than are read, or no row."""
    if rows * columns > MOST_NUMBERS:
        raise UserError(f"{path} has {rows:,} rows of {columns:,} columns; {TOO_LARGE}")
    if not rows:
        raise UserError(f"{path} has no rows")


def _parquet(path: Path) -> pd.DataFrame:
    try:
        about = pq.read_metadata(path)
        _check_size(path, about.num_rows, about.num_columns)
        table = pq.read_table(path, partitioning=None)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: damaged: {str(error).splitlines()[0]}") from None
    frame = table.to_pandas(ignore_metadata=True)
    return frame.set_axis(_unique(path, table.column_names), axis="columns")


def _dialect(path: Path, first: bytes) -> Dialect:
    """What suits the first lines best: the most numbers, and among those the most columns."""
    packed = first.startswith(b"\x1f\x8b")
    if packed:
        with gzip.open(path) as file:
            first = file.read(FIRST)
    encoding = next((name for mark, name in MARKS.items() if first.startswith(mark)), "utf-8")
    if encoding != "utf-16" and first.translate(None, CONTROLS) != first:
        hint = "; save the table as CSV or Parquet" if first.startswith(b"PK") else ""
        raise UserError(f"{path}: not a text file, nor Parquet{hint}")
    if encoding == "utf-8" and not _decodes(first):
        encoding = "cp1252"
    with (gzip.open if packed else open)(path, "rt", encoding=encoding, newline="") as file:
        sample = "".join(islice(file, SAMPLE))
    found = max(_suiting(sample, encoding), default=None, key=lambda suiting: suiting[0])
    if found is None:
        raise UserError(f"{path}: no table: its lines have no two columns in common")
    return found[1]


def _decodes(first: bytes) -> bool:
    """Whether bytes are UTF-8, but for a last character that may be cut."""
    try:
        first.decode()
    except UnicodeDecodeError as error:
        return len(first) == FIRST and error.start >= len(first) - 3
    return True


def _suiting(sample: str, encoding: str) -> Iterator[tuple[tuple, Dialect]]:
    """How well each way to separate columns suits: the share of numbers, and how many columns.

    Where two suit as well, the earlier is better.
    """
    for separator, decimal in product(SEPARATORS, DECIMALS):
        if separator == decimal:
            continue
        how = {"sep": separator, "decimal": decimal, "header": None, "skipinitialspace": True}
        try:
            top = pd.read_csv(StringIO(sample), nrows=1, **how)
            lenient = {"index_col": False, "on_bad_lines": "skip"}  # reading all of it is not
            body = pd.read_csv(StringIO(sample), skiprows=1, **lenient, **how)
        except pd.errors.EmptyDataError:  # a single line
            body = top[:0]
        except (pd.errors.ParserError, ValueError):
            continue
        if max(top.shape[1], body.shape[1]) < 2:
            continue
        shares = [_numeric(body[name]) for name in body]
        share = sum(shares) / max(1, len(shares))
        # a header has text where the columns have numbers; R has no name for the names of rows
        above = zip(top, shares[-top.shape[1] :], strict=False)
        titles = [not _numeric(top[name]) for name, share in above if share > 0.5]
        header = sum(titles) > len(titles) / 2 or not titles
        found = Dialect(encoding, separator, decimal, header)
        yield (round(share, 3), body.shape[1]), found


def _numeric(column: pd.Series) -> float:
    """The share of numbers among the cells that are there."""
    known = column.dropna()
    return float(pd.to_numeric(known, errors="coerce").notna().mean()) if len(known) else 0.0


def _text(path: Path, dialect: Dialect) -> pd.DataFrame:
    """All of the table in a text."""
    how = {"sep": dialect.separator, "encoding": dialect.encoding, "skipinitialspace": True}
    top = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, **how)
    names = [str(name).strip() for name in top.iloc[0]]
    frame = pd.read_csv(
        path,
        header=None,
        skiprows=int(dialect.header),
        decimal=dialect.decimal,
        index_col=False,
        low_memory=False,
        **how,
    )
    width = frame.shape[1]
    if not dialect.header:
        names = [str(number) for number in range(1, width + 1)]
    elif len(names) == width - 1:  # as R writes it: the names of rows have none themselves
        names = ["", *names]
    if len(names) != width:
        raise UserError(f"{path}: {len(names)} names in the header, but {width} columns below it")
    return frame.set_axis(_unique(path, names), axis="columns")


def nameless(place: int) -> str:
    """What a column is called that has no name in the header."""
    return f"column {place + 1}"


def _unique(path: Path, names: list[str]) -> list[str]:
    """Names of columns, each there once; what has none is called by its place.

    Raises UserError where two have one name.
    """
    names = [name or nameless(place) for place, name in enumerate(names)]
    twice = [name for name in dict.fromkeys(names) if names.count(name) > 1]
    if twice:
        raise UserError(f"{path}: two columns are called {', '.join(twice)}; rename one")
    return names
