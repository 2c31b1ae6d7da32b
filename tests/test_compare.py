"""Results folders side by side, as they are read, compared, printed and refused."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from builders import everything, raw
from minibatch import compare
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

ROOT = Path(__file__).parents[1]
LAPTOP = "laptop, Some CPU, 8 cores"
NODE = "node07, A Server's CPU, 96 cores"


def results(folder, machine, read, made_from=None, target_loss=0.25):
    """A results folder as the pipeline fills it, as far as it is compared."""
    made_from = made_from or raw()
    whole = {"provenance": {"machines": [machine], "frameworks": ["torch 2"], "threads": [1]}}
    for name, parameters in made_from.items():
        empty = pd.DataFrame({"x": [0]})
        parquet.write(empty, folder / name, parameters=parameters, **whole)
    inputs = {
        f"results/{name}": digest(parameters)
        for name, parameters in made_from.items()
        if name.startswith("train")
    }
    for name, table in read.items():
        options = {"target_loss": target_loss} if name == "training" else {}
        parameters = {"inputs": {} if name == "matmul" else inputs, "options": options}
        parquet.write(table, folder / f"summary/{name}.parquet", parameters=parameters, **whole)
    return folder


@pytest.fixture
def pair(tmp_path, monkeypatch):
    """A laptop, and a node that takes three times as long; both named relative to the folder."""
    monkeypatch.chdir(tmp_path)
    results(Path("results"), LAPTOP, everything())
    results(Path("node/results"), NODE, everything(3))
    return ["results", "node/results"]


def said(folders, capsys, code=0):
    """What is printed, and what is said of problems."""
    assert compare.main([*map(str, folders)]) == code
    return capsys.readouterr()


def error(folders, capsys):
    printed = said(folders, capsys, 1)
    assert printed.out == ""
    [line] = printed.err.splitlines()
    return line.removeprefix("error: ")


def test_each_machine_is_named_and_its_numbers_are_printed(pair, capsys):
    printed = said(pair, capsys)
    assert printed.err == ""
    lines = [" ".join(line.split()) for line in printed.out.splitlines()]
    assert f"laptop: {LAPTOP}; results; threads: 1" in lines
    assert "jax compiled node07 cpu 3,000 (3×) 2 (3×)" in lines
    assert "Milliseconds to a loss of 0.25" in lines
    assert lines[-1] == "The figure: comparison/machines.svg"


def test_figure_and_table_are_written_beside_the_results(pair, capsys):
    said(pair, capsys)
    assert sorted(os.listdir("comparison")) == [
        f"machines.{end}" for end in ("parquet", "png", "svg")
    ]
    table = parquet.read("comparison/machines.parquet")
    assert table.attrs["provenance"]["machines"] == [LAPTOP, NODE]
    assert table.attrs["parameters"]["folders"] == {"laptop": "results", "node07": "node/results"}
    assert set(table.hardware) == {LAPTOP, NODE}
    assert table.ratio.max() == pytest.approx(3)
    first = Path("comparison/machines.svg").read_bytes()
    said(pair, capsys)
    assert Path("comparison/machines.svg").read_bytes() == first


def test_one_machine_before_and_after_is_told_apart_by_folder(pair, capsys):
    results(Path("after"), LAPTOP, everything(0.5))
    printed = said([pair[0], "after", pair[1]], capsys)
    assert set(parquet.read("comparison/machines.parquet").machine) == {
        "laptop (results)",
        "laptop (after)",
        "node07",
    }
    assert "laptop (after)" in printed.out
    svg = Path("comparison/machines.svg").read_text()
    assert "Some CPU, 8 cores (after): cpu" in svg


@pytest.mark.parametrize("folders", [[], ["results"]])
def test_without_two_folders_it_says_how_it_is_used(folders, pair, capsys):  # noqa: ARG001
    assert error(folders, capsys) == compare.USAGE


def test_a_folder_that_is_missing_is_named(pair, capsys):
    assert error([*pair, "nowhere"], capsys).startswith(
        "nowhere: there is no such folder; name two"
    )


def test_a_folder_without_tables_is_told_what_to_run(pair, capsys):
    assert error([pair[0], "node"], capsys) == (
        "node: no summary tables in it; run make on its machine, and name the results folder that "
        "it fills"
    )


def test_a_table_that_is_missing_or_damaged_or_of_another_version_is_named(pair, capsys):
    path = Path("node/results/summary/ladder.parquet")
    old = parquet.read(path)
    about = {name: old.attrs[name] for name in ("parameters", "provenance")}
    parquet.write(old.drop(columns="rung"), path, **about)
    assert error(pair, capsys).startswith(f"{path}: has no column rung, so another version made it")
    path.write_bytes(b"no Parquet")
    assert error(pair, capsys).startswith(f"{path}: damaged")
    path.unlink()
    assert error(pair, capsys).startswith(f"{path}: there is no such table; run snakemake")


def test_a_folder_that_is_named_twice_is_refused(pair, capsys):
    folders = [pair[0], "node/../results"]
    assert error(folders, capsys) == "one folder is named twice: results node/../results"


def test_an_output_that_cannot_be_written_is_one_line(pair, capsys):
    Path("comparison").write_text("a file")
    assert "comparison" in error(pair, capsys)


def test_other_parameters_are_named_in_a_warning_and_in_the_figure(pair, capsys):
    results(Path("node/results"), NODE, everything(3), raw(seeds=3), target_loss=0.3)
    printed = said(pair, capsys)
    assert printed.err == (
        "warning: laptop and node07 were measured with other parameters: "
        "seeds 5 against 3; target_loss 0.25 against 0.3\n"
    )
    svg = Path("comparison/machines.svg").read_text()
    assert "seeds 5 against 3" in svg
    assert parquet.read("comparison/machines.parquet").ratio.notna().any()


@pytest.mark.parametrize("made_again", [False, True])
def test_a_table_that_the_summaries_were_not_made_from_is_only_named(pair, capsys, made_again):
    """Where only the summaries were copied, or it was made again and they were not."""
    results(Path("node/results"), NODE, everything(3), raw(seeds=3))
    path = Path("node/results/train/pytorch/cpu/gd.parquet")
    path.unlink()
    if made_again:
        parquet.write(pd.DataFrame(), path, parameters={"seeds": 4}, provenance={})
    assert said(pair, capsys).err.endswith("other parameters: train/pytorch/cpu/gd.parquet\n")


@pytest.fixture
def make(tmp_path):
    """Calls `make compare` in the project with the interpreter of these tests."""
    tool = tmp_path / "venv/bin/python"
    tool.parent.mkdir(parents=True)
    tool.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --output "{tmp_path}/out"\n')
    tool.chmod(0o755)
    (tmp_path / "venv/requirements.done").write_text(f"{(tmp_path / 'venv').resolve()}\n")

    def call(**folders):
        names = [f"{name}={folder}" for name, folder in folders.items()]
        clean = {k: v for k, v in os.environ.items() if k not in "ABCD" and k != "MAKEFLAGS"}
        command = ["make", "-C", str(ROOT), "compare", f"VENV={tmp_path}/venv", *names]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=clean)

    return call


def test_make_compare_takes_two_folders_and_more_and_alone_says_how(make, tmp_path):
    paths = [
        results(tmp_path / "with space", LAPTOP, everything()),
        results(tmp_path / "b", NODE, everything(3)),
        results(tmp_path / "c", "mac, CPU", everything(0.5)),
    ]
    done = make(**dict(zip("ABC", paths, strict=True)))
    assert (done.returncode, done.stderr) == (0, "")
    assert f"The figure: {tmp_path}/out/machines.svg" in done.stdout
    assert len(parquet.read(tmp_path / "out/machines.parquet").machine.unique()) == 3
    alone = make()
    assert alone.returncode != 0
    assert alone.stderr.splitlines()[0] == f"error: {compare.USAGE}"
    assert "Traceback" not in alone.stderr
