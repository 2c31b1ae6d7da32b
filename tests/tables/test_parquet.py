import json
import os
import resource

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.dataset import dataset

from minibatch.errors import UserError
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

PARAMETERS = {"n": 64, "rates": [0.1, 1.0], "name": "λ"}
PROVENANCE = {"machines": ["one, cpu, 2 cores"], "threads": [1]}
REMEDY = "delete it, and snakemake makes it again"


@pytest.fixture
def frame():
    return pd.DataFrame(
        {
            "run": ["gd", "sgd", "λ"],
            "single": np.array([0.1, -0.0, 3e38], dtype=np.float32),
            "loss": [0.1, np.inf, 5e-324],
            "step": [1, 2, 2**53 + 1],
            "timed": [True, False, True],
        },
        index=[7, 7, 0],
    )


@pytest.fixture
def path(tmp_path, frame):
    """A table that was just written."""
    path = tmp_path / "table.parquet"
    parquet.write(frame, path, parameters=PARAMETERS, provenance=PROVENANCE)
    return path


def refusal(path, expected=None):
    """The one line with which a table is refused."""
    with pytest.raises(UserError) as caught:
        parquet.read(path, expected)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def rewritten(path, change):
    """Rewrite a table with pyarrow, its metadata kept, so that only the checksum can tell."""
    table = pq.read_table(path)
    pq.write_table(change(table).replace_schema_metadata(table.schema.metadata), path)


def replaced(table, column, row, value):
    """A pyarrow table with another value in one cell."""
    values = table[column].to_pylist()
    values[row] = value
    array = pa.array(values, table.schema.field(column).type)
    return table.set_column(table.column_names.index(column), column, array)


def test_what_is_written_reads_back_in_value_and_type(path, frame):
    pd.testing.assert_frame_equal(parquet.read(path), frame.reset_index(drop=True))


def test_a_value_that_is_not_a_number_reads_back_as_such(tmp_path):
    frame = pd.DataFrame({"loss": [0.1, np.nan, -np.inf]})
    parquet.write(frame, tmp_path / "t.parquet", parameters={}, provenance={})
    np.testing.assert_array_equal(parquet.read(tmp_path / "t.parquet")["loss"], frame["loss"])


def test_a_table_knows_its_parameters_and_where_it_was_made(path):
    about = parquet.read(path).attrs
    assert about == {"parameters": PARAMETERS, "provenance": PROVENANCE}


def test_others_find_the_metadata_in_the_schema(path):
    metadata = pq.read_schema(path).metadata
    assert json.loads(metadata[b"parameters"]) == PARAMETERS
    assert json.loads(metadata[b"provenance"]) == PROVENANCE


def test_an_empty_table_keeps_its_columns(tmp_path):
    frame = pd.DataFrame({"step": np.array([], dtype=np.int64)})
    parquet.write(frame, tmp_path / "t.parquet", parameters={}, provenance={})
    pd.testing.assert_frame_equal(parquet.read(tmp_path / "t.parquet"), frame)


def test_a_table_written_elsewhere_with_other_settings_still_holds_its_checksum(path, frame):
    table = pq.read_table(path)
    pq.write_table(table, path, compression="gzip", row_group_size=1, use_dictionary=False)
    pd.testing.assert_frame_equal(parquet.read(path), frame.reset_index(drop=True))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda t: replaced(t, "loss", 0, np.nextafter(0.1, 1)), id="a last digit"),
        pytest.param(lambda t: replaced(t, "single", 1, 0.0), id="a sign of zero"),
        pytest.param(lambda t: replaced(t, "step", 2, 2**53), id="a large whole number"),
        pytest.param(lambda t: replaced(t, "run", 1, "sgD"), id="a letter"),
        pytest.param(lambda t: replaced(t, "timed", 1, True), id="a truth"),
        pytest.param(lambda t: replaced(t, "loss", 1, None), id="a missing cell"),
        pytest.param(lambda t: t.slice(0, 2), id="one row fewer"),
        pytest.param(lambda t: pa.concat_tables([t, t]), id="all rows twice"),
        pytest.param(lambda t: t.take([1, 0, 2]), id="two rows swapped"),
        pytest.param(lambda t: t.drop_columns("step"), id="a column dropped"),
        pytest.param(lambda t: t.append_column("x", t["step"]), id="a column added"),
        pytest.param(
            lambda t: t.rename_columns(["run", "one", "loss", "step", "timed"]), id="name"
        ),
    ],
)
def test_one_change_by_hand_is_found_although_the_metadata_are_kept(path, change):
    rewritten(path, change)
    assert refusal(path) == (
        f"{path}: damaged or edited by hand, its content and its checksum differ; {REMEDY}"
    )


@pytest.mark.parametrize("key", [b"parameters", b"provenance", b"checksum"])
@pytest.mark.parametrize("value", [b'{"n":65}', None])
def test_edited_or_missing_metadata_are_found(path, key, value):
    table = pq.read_table(path)
    metadata = table.schema.metadata | {key: value}
    if value is None:
        del metadata[key]
    pq.write_table(table.replace_schema_metadata(metadata), path)
    assert "edited by hand" in refusal(path)


@pytest.mark.parametrize("mask", [0x01, 0xFF])
def test_no_changed_byte_anywhere_in_the_file_changes_a_value_or_crashes(tmp_path, mask):
    path = tmp_path / "table.parquet"
    frame = pd.DataFrame({"run": ["gd", "sgd"], "loss": [0.1, 0.2]})
    parquet.write(frame, path, parameters={"n": 1}, provenance={"machines": ["one"]})
    whole = path.read_bytes()
    said = []
    for position in range(len(whole)):
        changed = bytearray(whole)
        changed[position] ^= mask
        path.write_bytes(changed)
        try:
            pd.testing.assert_frame_equal(parquet.read(path), frame)
        except UserError as problem:
            said.append(str(problem))
    assert len(said) > len(whole) / 3
    assert {line.partition(", it")[0].partition(" or edited")[0] for line in said} == {
        f"{path}: damaged"
    }


@pytest.mark.parametrize("part", [0, 0.5, 0.99])
def test_a_file_that_ends_early_is_refused(path, part):
    os.truncate(path, int(part * path.stat().st_size))
    assert refusal(path) == f"{path}: damaged, it does not read as Parquet; {REMEDY}"


def test_a_file_that_is_no_parquet_is_refused(path):
    path.write_text("run,loss\ngd,0.1\n")
    assert refusal(path) == f"{path}: damaged, it does not read as Parquet; {REMEDY}"


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.parquet"
    assert refusal(path) == f"{path}: there is no such table; run snakemake"


@pytest.mark.parametrize(
    "values",
    [[0.1], ["text"], [pd.Timestamp("2024-01-01")], [b"\xff"]],
    ids=["float", "text", "time", "bytes"],
)
def test_a_table_that_another_program_wrote_is_refused(path, values):
    pd.DataFrame({"loss": values}).to_parquet(path)
    assert refusal(path).startswith(f"{path}: damaged or edited by hand")


def test_a_table_with_two_columns_of_one_name_is_refused(path):
    table = pq.read_table(path)
    pq.write_table(table.append_column("loss", table["loss"]), path)
    assert refusal(path).startswith(f"{path}: damaged")


def test_metadata_of_another_program_that_are_no_text_are_refused(path):
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"\xff": b"\xfe"}), path)
    assert refusal(path).startswith(f"{path}: damaged")


def test_a_table_made_with_the_parameters_that_are_asked_for_is_read(path):
    reordered = dict(reversed(PARAMETERS.items()))
    assert len(parquet.read(path, digest(reordered))) == 3


def test_a_table_made_with_other_parameters_is_refused(path):
    assert refusal(path, digest(PARAMETERS | {"n": 65})) == (
        f"{path}: made with other parameters than the configuration's; {REMEDY}"
    )


def test_a_write_that_fails_leaves_the_old_table_and_nothing_else(path, frame):
    larger = pd.DataFrame(np.random.default_rng(0).normal(size=(10_000, 1)), columns=["loss"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            parquet.write(larger, path, parameters={}, provenance={})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert os.listdir(path.parent) == [path.name]
    pd.testing.assert_frame_equal(parquet.read(path), frame.reset_index(drop=True))


def test_a_name_that_looks_like_a_partition_adds_no_column(tmp_path, frame):
    path = tmp_path / "n=64" / "table.parquet"
    parquet.write(frame, path, parameters={}, provenance={})
    assert list(parquet.read(path)) == list(frame)


def test_what_is_made_from_tables_names_their_machines_gpus_frameworks_and_threads_once(tmp_path):
    sources = []
    for machine, framework, threads, gpus in [
        ("b", "torch 2", 4, {"gpus": ["H200 in b"]}),
        ("a", "jax 1", 1, {"gpus": []}),
        ("b", "jax 1", 1, {}),  # as of a stage that uses none
        ("b", "jax 1", 1, {"gpus": ["H200 in b"]}),
    ]:
        about = {"machines": [machine], "frameworks": [framework], "threads": [threads]} | gpus
        parquet.write(
            pd.DataFrame({"x": [1]}), tmp_path / "t.parquet", parameters={}, provenance=about
        )
        sources.append(parquet.read(tmp_path / "t.parquet"))
    assert parquet.origin(sources) == {
        "machines": ["a", "b"],
        "gpus": ["H200 in b"],
        "frameworks": ["jax 1", "torch 2"],
        "threads": [1, 4],
    }


COLUMNS = {"machine": "string", "n": "int64", "seconds": "float64"}


@pytest.fixture
def with_gap(tmp_path):
    """A folder with a gap and a whole table, in this order."""
    parquet.write_gap(tmp_path / "a.parquet", COLUMNS, parameters={})
    rows = pd.DataFrame({"seconds": [0.5], "n": [3], "machine": ["here"]})
    parquet.write(
        rows, tmp_path / "b.parquet", parameters={}, provenance=PROVENANCE, columns=COLUMNS
    )
    return tmp_path


def test_a_gap_has_no_rows_and_the_columns_and_types_of_a_whole_table(with_gap):
    gap, whole = (pq.read_schema(with_gap / f"{name}.parquet") for name in "ab")
    assert gap.remove_metadata() == whole.remove_metadata() == pa.schema([*COLUMNS.items()])
    assert parquet.read(with_gap / "a.parquet").empty
    assert list(parquet.read(with_gap / "a.parquet")) == list(COLUMNS)


def test_a_folder_with_a_gap_is_read_as_one_table(with_gap):
    expected = [{"machine": "here", "n": 3, "seconds": 0.5}]
    assert pd.read_parquet(with_gap).to_dict("records") == expected
    assert dataset(with_gap).to_table().to_pylist() == expected


def test_tables_put_together_have_the_types_of_their_parts(with_gap):
    parts = [parquet.read(with_gap / f"{name}.parquet") for name in "ab"]
    for frame in (pd.concat(parts), parts[0]):
        parquet.write(frame, with_gap / "c.parquet", parameters={}, provenance=PROVENANCE)
        found = pq.read_schema(with_gap / "c.parquet").remove_metadata()
        assert found == pa.schema([*COLUMNS.items()])


def test_a_table_without_one_of_its_columns_is_refused(tmp_path):
    with pytest.raises(KeyError, match="seconds"):
        parquet.write(
            pd.DataFrame({"machine": ["here"], "n": [3]}),
            tmp_path / "a.parquet",
            **{"parameters": {}, "provenance": {}, "columns": COLUMNS},
        )
