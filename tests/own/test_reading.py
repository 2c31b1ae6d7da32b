"""A table is read as it was written, in whatever dialect that was."""

import csv

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from minibatch.errors import UserError
from minibatch.own import reading

NAMES = ["a", "b c", "größe", "T (°C)", "x_1", 'the "y"', "d,e", "f;g"]
NUMBERS = st.floats(-1e6, 1e6, allow_subnormal=False) | st.integers(-999, 999).map(float)


@st.composite
def tables(draw):
    """A table of numbers with names."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=2, max_size=5, unique=True))
    shape = draw(st.integers(3, 12)), len(names)
    cells = draw(st.lists(NUMBERS, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]))
    return pd.DataFrame(np.reshape(cells, shape), columns=names)


@st.composite
def dialects(draw):
    """How pandas may write a table."""
    decimal = draw(st.sampled_from(".,"))
    separators = [separator for separator in [",", ";", "\t", "|", " "] if separator != decimal]
    return {
        "sep": draw(st.sampled_from(separators)),
        "decimal": decimal,
        "header": draw(st.booleans()),
        "quoting": draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"])),
        "lineterminator": draw(st.sampled_from(["\n", "\r\n"])),
        "compression": draw(st.sampled_from([None, "gzip"])),
    }


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tables(), dialects())
def test_numbers_and_names_are_those_that_were_written(tmp_path, table, how):
    path = tmp_path / "table.csv"
    if how["compression"]:
        path = path.with_suffix(".csv.gz")
    table.to_csv(path, index=False, **how)
    found, _ = reading.read(path)
    expected = table.columns if how["header"] else [str(n + 1) for n in range(table.shape[1])]
    assert list(found) == list(expected)
    np.testing.assert_allclose(found.to_numpy(dtype=float), table.to_numpy(), rtol=1e-12)


def test_a_parquet_file_is_read(tmp_path):
    table = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, np.nan]})
    table.to_parquet(tmp_path / "table.parquet")
    found, said = reading.read(tmp_path / "table.parquet")
    pd.testing.assert_frame_equal(found, table)
    assert said == "Parquet"


def text(path, content):
    path.write_text(content)
    return reading.read(path)


def test_a_dialect_is_told(tmp_path):
    _, said = text(tmp_path / "a", "a;b\n1,5;2\n2,5;3\n")
    assert said == "text with semicolons, decimal commas and a header"


def test_numbers_in_the_first_line_are_no_header_though_text_stands_beside_them(tmp_path):
    found, _ = text(tmp_path / "a", "5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,2.8,virginica\n")
    assert (list(found), len(found)) == (["1", "2", "3"], 3)


def test_names_of_rows_as_r_writes_them_have_a_column(tmp_path):
    found, _ = text(tmp_path / "a", "a b\nx 1 2\ny 3 4\n")
    assert (list(found), found.b.tolist()) == (["column 1", "a", "b"], [2, 4])


def test_a_missing_cell_between_tabs_stays_in_its_column(tmp_path):
    found, _ = text(tmp_path / "a", "a\tb\tc\n1\t\t3\n4\t5\t6\n")
    assert found.c.tolist() == [3, 6]
    assert found.b.isna().tolist() == [True, False]


BAD = {
    "empty": (b"", "is empty: 0 bytes"),
    "no rows": (b"a,b,c\n", "has no rows"),
    "one column": (b"a\n1\n2\n", "no table: its lines have no two columns in common"),
    "ragged": (b"a,b\n1,2\n1,2,3\n4,5\n", "no table: Expected 2 fields in line 3, saw 3"),
    "a picture": (bytes(range(256)), "not a text file, nor Parquet"),
    "a spreadsheet": (b"PK\x03\x04\0\0", "nor Parquet; save the table as CSV or Parquet"),
    "half a Parquet file": (b"PAR1\0\0\0\0", "damaged: "),
    "half of what was packed": (b"\x1f\x8b\x08\0\0\0\0\0", "damaged: "),
    "two of a name": (b"a,a\n1,2\n", "two columns are called a; rename one"),
}


@pytest.mark.parametrize(("content", "line"), BAD.values(), ids=BAD)
def test_what_is_no_table_is_one_line(tmp_path, content, line):
    (tmp_path / "table").write_bytes(content)
    with pytest.raises(UserError) as raised:
        reading.read(tmp_path / "table")
    [said] = str(raised.value).splitlines()
    assert said.startswith(str(tmp_path / "table"))
    assert line in said


def test_a_file_that_is_not_there_and_a_folder_are_named(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        reading.read(tmp_path / "table")
    with pytest.raises(UserError, match="is a folder; name a file in it"):
        reading.read(tmp_path)


def test_a_huge_table_is_refused_with_its_size_and_what_would_do(tmp_path, monkeypatch):
    table = pd.DataFrame({"a": range(20), "b": range(20)})
    table.to_csv(tmp_path / "a.csv", index=False)
    table.to_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(reading, "MOST_NUMBERS", 39)
    for name in ("a.csv", "a.parquet"):
        with pytest.raises(UserError, match=r"has 20 rows of 2 columns; .*part of the rows"):
            reading.read(tmp_path / name)
    monkeypatch.setattr(reading, "MOST_BYTES", 10)
    with pytest.raises(UserError, match=r"too large, 0.0 GB of text; .*part of the rows"):
        reading.read(tmp_path / "a.csv")
