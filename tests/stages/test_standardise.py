import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import surrogate
from minibatch.stages import standardise
from minibatch.stages.standardise import COLUMNS, parse
from minibatch.tables import parquet

ROW = "800\t0\t0.3048\t71.3\t0.00266337\t126.201\n"
TEXT = ROW + "1000\t-1.5\t0.3048\t71.3\t2.66e-3\t125.201\n" + "1250\t1\t0.1\t39.6\t0.003\t125.951\n"


def made(folder, content, **parameters):
    """The examples that the stage makes from the content of a file."""
    source, output = folder / "airfoil.dat", folder / "examples.parquet"
    source.write_bytes(content)
    parameters = {"rows": 1500, "scaling": "standardize"} | parameters
    standardise.make(parameters, [source], output)
    return parquet.read(output)


def refusal(folder, content, **parameters):
    """The one line with which the stage refuses a file, without the name of the file."""
    with pytest.raises(UserError) as caught:
        made(folder, content, **parameters)
    said = str(caught.value)
    assert "\n" not in said
    assert not (folder / "examples.parquet").exists()
    assert said.startswith(f"{folder}/airfoil.dat: ")
    return said.removeprefix(f"{folder}/airfoil.dat: ")


def test_a_table_is_read_number_by_number():
    expected = [
        [800, 0, 0.3048, 71.3, 0.00266337, 126.201],
        [1000, -1.5, 0.3048, 71.3, 0.00266, 125.201],
        [1250, 1, 0.1, 39.6, 0.003, 125.951],
    ]
    np.testing.assert_array_equal(parse(TEXT), expected)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_in_any_way_and_the_last_not_at_all(end):
    np.testing.assert_array_equal(parse(TEXT.strip().replace("\n", end)), parse(TEXT))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("\t39.6", "", "row 3: 5 columns instead of 6"),
        ("\t39.6", "\t39.6\t1", "row 3: 7 columns instead of 6"),
        ("\t", ",", "row 1: 1 columns instead of 6"),
        ("\t125.951\n", "\t125.951\n\n", "row 4: 1 columns instead of 6"),
        ("39.6", "n/a", "row 3, column 4 (velocity): 'n/a' is not a number"),
        ("-1.5", "", "row 2, column 2 (angle_of_attack): '' is not a number"),
        ("2.66e-3", "nan", "row 2, column 5 (displacement_thickness): 'nan' is not a number"),
        ("126.201", "inf", "row 1, column 6 (sound_pressure): 'inf' is not a number"),
        ("0.3048\t71.3\t0.0", "1e999\t71.3\t0.0", "row 1, column 3 (chord_length): '1e999' is not"),
        ("800\t", "8 00\t", "row 1, column 1 (frequency): '8 00' is not a number"),
    ],
)
def test_a_malformed_table_is_refused_with_row_and_column(tmp_path, old, new, said):
    assert old in TEXT
    assert refusal(tmp_path, TEXT.replace(old, new).encode(), rows=2).startswith(said)


@pytest.mark.parametrize("index", range(6))
def test_a_column_that_is_constant_is_named(tmp_path, index):
    rows = [line.split("\t") for line in TEXT.splitlines()]
    for row in rows:
        row[index] = "7"
    text = "\n".join(map("\t".join, rows))
    assert refusal(tmp_path, text.encode(), rows=2) == (
        f"column {index + 1} ({COLUMNS[index]}): the same value in every row, so it has no scale"
    )


@pytest.mark.parametrize(
    ("content", "rows", "said"),
    [
        (b"", 10, "the table is empty"),
        (TEXT.encode(), 4, "3 rows, but dataset.rows in config.yaml asks for 4"),
        (b"\xff\xfe" + TEXT.encode(), 2, "not a text file"),
    ],
)
def test_a_file_that_is_empty_short_or_no_text_is_refused(tmp_path, content, rows, said):
    assert refusal(tmp_path, content, rows=rows) == said


def test_the_columns_are_scaled_by_all_rows_and_the_first_are_kept_in_order(tmp_path):
    examples = made(tmp_path, TEXT.encode(), rows=2)
    assert list(examples) == list(COLUMNS)
    frequency = np.array([800, 1000, 1250])
    expected = (frequency - 3050 / 3) / np.sqrt(np.mean(frequency**2) - (3050 / 3) ** 2)
    np.testing.assert_allclose(examples["frequency"], expected[:2], rtol=1e-6)
    assert set(examples.dtypes) == {np.dtype(np.float32)}


def test_the_dataset_becomes_1500_rows_of_float32(tmp_path, dataset, real):
    examples = made(tmp_path, dataset)
    assert examples.shape == (1500, 6)
    expected = ((real - real.mean(axis=0)) / np.sqrt(real.var(axis=0)))[:1500]
    np.testing.assert_array_equal(examples, expected.astype(np.float32))


def test_whitening_gives_the_features_the_identity_as_covariance(tmp_path, dataset):
    examples = made(tmp_path, dataset, rows=1503, scaling="whiten").to_numpy(dtype=float)
    features = examples[:, :5]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(features.T @ features / 1503, np.eye(5), atol=1e-6)


def test_the_surrogate_comes_through_as_it_is(tmp_path):
    content = "".join("\t".join(map(repr, row)) + "\n" for row in surrogate.table().tolist())
    examples = made(tmp_path, content.encode())
    np.testing.assert_allclose(examples, surrogate.table()[:1500], atol=1e-6)


def test_the_table_says_what_it_was_made_with(tmp_path):
    examples = made(tmp_path, TEXT.encode(), rows=3)
    assert examples.attrs["parameters"] == {"rows": 3, "scaling": "standardize"}
    assert examples.attrs["provenance"]["machines"]
