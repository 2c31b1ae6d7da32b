"""make answer MODEL=…, as its users call it: in a project folder, with a file of their own."""

import json
import os
import subprocess
import sys
import textwrap

import pandas as pd
import pytest
from project import ROOT, Project

MODEL = """
    import torch

    learning_rate, batch_size, target_loss = 0.1, 10, 0.06

    def model():
        return torch.nn.Linear(3, 1)

    def data():
        draws = torch.Generator().manual_seed(0)
        x = torch.randn(60, 3, generator=draws)
        return x, x.sum(dim=1, keepdim=True) + 0.3 * torch.randn(60, 1, generator=draws)

    def loss(model, batch):
        x, y = batch
        return ((model(x) - y) ** 2).mean() / 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    project = Project(tmp_path_factory.mktemp("own"))
    (project.folder / "net.py").write_text(textwrap.dedent(MODEL))
    yield project.folder
    project.close()


def answer(folder, *arguments):
    """What the command says, and its exit code."""
    environment = {name: value for name, value in os.environ.items() if "SNAKEMAKE" not in name}
    done = subprocess.run(
        [sys.executable, "-P", "-m", "minibatch.answer", *arguments],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(folder / "src")},
        capture_output=True,
        text=True,
        timeout=1200,
        check=False,
    )
    return done.stdout + done.stderr, done.returncode


@pytest.fixture(scope="module")
def made(folder):
    said, code = answer(folder, "--model", "net.py", "--budget", "2")
    assert code == 0, said
    return folder / "answers/net"


BAD = {
    "nothing": ([], "name a table or a model of your own"),
    "both": (["--model", "net.py", "--data", "x.csv"], "name a table or a model of your own"),
    "no file": (["--model", "none.py"], "none.py: there is no such file"),
    "no minutes": (["--model", "net.py", "--budget", "ten"], "BUDGET=ten: not a number of min"),
    "too few": (["--model", "net.py", "--budget", "1"], "BUDGET=1: not a number of minutes, 2"),
    "name": (["--model", "net.py", "--name", "../x"], "NAME=../x: not made of letters"),
    "theirs": (["--model", "broken.py"], "broken.py:1: ZeroDivisionError: division by zero"),
}


@pytest.mark.parametrize(("arguments", "line"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_one_line_and_nothing_is_written(folder, arguments, line):
    (folder / "broken.py").write_text("1 / 0\n")
    before = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    said, code = answer(folder, *arguments)
    assert code == 1
    assert said.startswith("error: ")
    assert line in said
    assert len(said.strip().splitlines()) == 1
    after = {path for path in folder.rglob("*") if "__pycache__" not in path.parts}
    assert after - before <= {folder / "answers"}


def test_the_answer_is_a_page_and_a_table_and_nothing_of_the_study(made):
    assert (made / "report.html").stat().st_size > 10_000
    table = pd.read_parquet(made / "results/answer.parquet")
    assert table.best.sum() == 1
    assert table.launches.eq(5).all()
    assert not (made.parents[1] / "results").exists()
    assert not (made.parents[1] / ".snakemake").exists()


def test_a_second_call_does_nothing(made):
    said, code = answer(made.parents[1], "--model", "net.py", "--budget", "2")
    assert code == 0
    assert "Nothing to be done" in said


def test_another_file_of_that_name_is_refused(made):
    other = made.parents[1] / "elsewhere"
    other.mkdir(exist_ok=True)
    (other / "net.py").write_text(textwrap.dedent(MODEL))
    said, code = answer(made.parents[1], "--model", "elsewhere/net.py")
    assert code == 1
    assert "answers/net has the answer for " in said


def planned(made):
    """The outputs that Snakemake would make now."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--summary"]
    command += [
        "--snakefile",
        str(made.parents[1] / "workflow/model.smk"),
        "--directory",
        str(made),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[0] for row in rows if row[-1] == "update pending"}


def test_a_changed_file_measures_again_and_a_changed_page_does_not(made):
    asked = made / "model.json"
    whole = json.loads(asked.read_text())
    assert planned(made) == set()
    whole["files"][next(iter(whole["files"]))] = "another state"
    before = asked.read_text()
    asked.write_text(json.dumps(whole))
    again = planned(made)
    asked.write_text(before)
    measured = {f"results/steptime/{launch}.parquet" for launch in range(1, 5)}
    assert measured | {"results/reference.parquet", "report.html"} <= again
    page = made.parents[1] / "workflow/resources/model.html.j2"
    text = page.read_text()
    page.write_text(text + "<!-- -->\n")
    again = planned(made)
    page.write_text(text)
    assert "report.html" in again
    assert not again & (measured | {"results/predicted.parquet"})


def test_the_examples_can_be_asked_about(tmp_path):
    for path in sorted((ROOT / "examples").glob("*.py")):
        command = [sys.executable, "-P", "-m", "minibatch.stages.model_check", "--parameters"]
        done = subprocess.run(
            [*command, json.dumps({"model": str(path)}), "--output", str(tmp_path / "model.json")],
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
