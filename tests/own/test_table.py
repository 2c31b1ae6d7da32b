"""A table of the user's own: what is wrong with it, and the configuration that suits it."""

import argparse

import numpy as np
import pandas as pd
import pytest
import yaml

from minibatch import answer
from minibatch.own import reading, table_checks
from minibatch.own import table as own
from minibatch.plan import config as configuration
from minibatch.plan import experiment, schemas
from minibatch.stages import table as stage

ROWS = 30


def good(columns=("a", "b", "y"), rows=ROWS):
    """A table with which nothing is wrong."""
    return pd.DataFrame(np.random.default_rng(0).normal(size=(rows, len(columns))), columns=columns)


def with_cells(name, cells, kind=object):
    """A good table, some of whose cells are others."""
    table = good().astype({name: kind})
    for row, value in cells.items():
        table.loc[row, name] = value
    return table


LEAVE = "to leave these columns out: DROP="
BAD = {
    "text": (
        with_cells("a", {3: "young", 9: "old"}),
        ["column a: not numeric: 'young' in row 4, and 1 more", f"{LEAVE}a"],
    ),
    "text in the target": (
        with_cells("y", {0: "?"}),
        ["column y: not numeric: '?' in row 1"],
    ),
    "missing": (
        with_cells("a", dict.fromkeys(range(1, 15, 2)), float),
        ["column a: no value in rows 2, 4, 6, 8, 10 and 2 more", f"{LEAVE}a"],
    ),
    "infinite": (
        with_cells("b", {4: np.inf, 5: -np.inf}, float),
        ["column b: infinite in rows 5, 6", f"{LEAVE}b"],
    ),
    "constant": (
        good().assign(b=2.5),
        ["column b: the same value, 2.5, in every row", f"{LEAVE}b"],
    ),
    "too large": (
        with_cells("a", {0: 1e308, 1: -1e308}, float),
        ["column a: values up to 1e+308 are too large", f"{LEAVE}a"],
    ),
    "twice": (
        good().assign(c=good().a),
        ["column c: the same values as column a", f"{LEAVE}c"],
    ),
    "the target twice": (
        good().assign(a=good().y),
        ["column a: the same values as the target", f"{LEAVE}a"],
    ),
    "numbers of rows": (
        good().rename(columns={"a": "column 1"}).assign(**{"column 1": range(ROWS)}),
        [
            "column column 1: without a name, and it counts the rows",
            "to leave these columns out: 'DROP=column 1'",
        ],
    ),
    "few rows": (
        good([*"abcdefghijk", "y"], 12),
        ["12 rows are too few for 11 features: at least 13"],
    ),
    "hardly a row": (good(rows=4), ["4 rows are too few for 2 features: at least 10"]),
    "no feature": (good(["y"]), ["no column is left beside the target"]),
    "many features": (
        good([*(f"x{number}" for number in range(101)), "y"], 200),
        ["101 features are too many; up to 100 are swept"],
    ),
}


@pytest.mark.parametrize(("table", "lines"), BAD.values(), ids=BAD)
def test_what_is_wrong_with_a_table_is_a_line(table, lines):
    assert table_checks.problems(table, "y", []) == lines


def test_nothing_is_wrong_with_a_good_table_nor_with_one_whose_bad_columns_are_left_out():
    assert table_checks.problems(good(), "y", []) == []
    table = good().assign(text="no", nothing=np.nan, same=1, again=good().b)
    assert len(table_checks.problems(table, "y", [])) == 5
    assert table_checks.problems(table, "y", ["text", "nothing", "same", "again"]) == []


def test_columns_that_depend_on_each_other_and_true_or_false_may_be_used():
    table = good().assign(c=good().a + good().b, d=good().a > 0)
    assert table_checks.problems(table, "y", []) == []


NAMES = {
    "no target": (None, [], "name the column to predict: TARGET=…; there are Alpha, b, y"),
    "mistyped": (
        "alpah",
        [],
        "TARGET=alpah: there is no such column; did you mean Alpha?",
    ),
    "unlike all": ("q", [], "TARGET=q: there is no such column; there are Alpha, b, y"),
    "the target left out": ("y", ["y"], "DROP=y: that is the target"),
    "what is not there": ("y", ["B2"], "DROP=B2: there is no such column; did you mean b?"),
}


@pytest.mark.parametrize(("target", "drop", "line"), NAMES.values(), ids=NAMES)
def test_a_name_that_is_none_of_a_column_is_a_line_with_those_that_may_be_meant(target, drop, line):
    assert table_checks.problems(good(["Alpha", "b", "y"]), target, drop) == [line]


def call(*arguments):
    """The exit code of a call whose table is refused, or of one that is not run."""
    return answer.main(arguments)


def test_all_that_is_wrong_is_said_at_once_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = with_cells("a", {3: "young"}).assign(same=1, hole=good().a.where(good().a > 0))
    table.to_csv("bad.csv", index=False)
    assert call("--data", "bad.csv", "--target", "z", "--drop", "x, b") == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 6
    assert all(line.startswith("error: bad.csv: ") for line in said)
    for word in ("TARGET=z", "DROP=x", "column a: not", "column same:", "column hole:"):
        assert sum(word in line for line in said) == 1
    assert said[-1].endswith("DROP=b,a,same,hole")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def asked(path, target="y", drop=""):
    return argparse.Namespace(data=path, target=target, drop=drop, budget=None)


@pytest.fixture
def table(tmp_path):
    good().to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def configured(folder):
    return yaml.safe_load((folder / "config.yaml").read_text())


@pytest.mark.parametrize("rows", [10, 442, 30_000, 1_000_000])
@pytest.mark.parametrize("features", [1, 50])
def test_what_is_written_is_a_legal_configuration_for_any_table(tmp_path, rows, features):
    dataset = {"file": "/a {b}: 'c'.csv", "target": "größe: 1", "drop": ["x, y"]}
    dataset |= {"rows": rows, "features": features, "sha256": "abc"}
    (tmp_path / "config.yaml").write_text(own.written(dataset), encoding="utf-8")
    files = configuration.Files([str(tmp_path / "config.yaml")])
    config = configured(tmp_path)
    configuration.check(config, files)
    assert config["dataset"] == dataset
    assert config["sweep"]["batch_size"][-1] == rows
    assert list(schemas.validator(config).iter_errors(config)) == []


def test_a_budget_in_minutes_is_refused(table, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("--data", str(table), "--target", "y", "--budget", "3") == 1
    assert "BUDGET=3 is for a model; a table's is sweep.budget_gflop" in capsys.readouterr().err
    assert not (tmp_path / "answers").exists()


def test_batch_sizes_go_up_to_all_rows():
    assert own.sizes(10) == [1, 2, 5, 10]
    assert own.sizes(442) == [1, 2, 5, 10, 20, 50, 100, 200, 442]


def test_snakemake_is_called_for_the_folder_of_the_answer(table, tmp_path):
    folder = tmp_path / "answers/mine"
    options = own.prepare(asked(table, drop=""), folder)
    assert options[options.index("--directory") + 1] == str(folder)
    assert configured(folder)["dataset"]["file"] == str(table)


def test_a_table_that_was_checked_is_not_read_again(table, tmp_path, monkeypatch):
    own.prepare(asked(table), tmp_path)
    before = (tmp_path / "config.yaml").read_bytes()
    monkeypatch.setattr(reading, "read", lambda _: pytest.fail("read again"))
    own.prepare(asked(table), tmp_path)
    assert (tmp_path / "config.yaml").read_bytes() == before


def test_what_the_user_changed_stays_whatever_the_table(table, tmp_path):
    own.prepare(asked(table), tmp_path)
    path = tmp_path / "config.yaml"
    path.write_text(path.read_text().replace("seeds: 1000 ", "seeds: 80 "))
    good(rows=50).to_csv(table, index=False)
    own.prepare(asked(table, drop="b"), tmp_path)
    config = configured(tmp_path)
    assert config["sweep"]["seeds"] == 80
    assert (config["dataset"]["rows"], config["dataset"]["features"]) == (50, 1)
    assert config["sweep"]["batch_size"] == own.sizes(ROWS)  # as it stood there


def test_what_nobody_changed_suits_the_new_table(table, tmp_path):
    own.prepare(asked(table), tmp_path)
    first = configured(tmp_path)
    good(rows=50).to_csv(table, index=False)
    own.prepare(asked(table), tmp_path)
    config = configured(tmp_path)
    assert config["sweep"]["batch_size"] == own.sizes(50)
    tables = [experiment.measured(one)[experiment.EXAMPLES] for one in (first, config)]
    assert tables[0] != tables[1]  # so that all is measured again


@pytest.mark.parametrize("broken", ["", "[", "dataset: 3\n", "frameworks: [pytorch]\n"])
def test_a_configuration_that_is_none_any_more_is_written_anew(table, tmp_path, broken):
    (tmp_path / "config.yaml").write_text(broken)
    own.prepare(asked(table), tmp_path)
    assert configured(tmp_path)["dataset"]["rows"] == ROWS


def test_examples_are_standardised_in_the_order_of_the_table_with_the_target_last():
    table = good(["y", "a", "b"]).assign(text="no")
    found = stage.examples(table * 1, target="y", drop=["text"])
    assert list(found) == ["a", "b", "y"]
    np.testing.assert_allclose(found.mean(), 0, atol=1e-6)
    np.testing.assert_allclose(found.std(ddof=0), 1, rtol=1e-6)
    np.testing.assert_allclose(np.corrcoef(found.T)[0, 2], np.corrcoef(table.a, table.y)[0, 1])
