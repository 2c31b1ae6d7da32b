"""A table of the user's own through Snakemake: its report, and what measures it again."""

import html
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from project import GUARD_SECONDS, Project

from minibatch.own import table

CONFIG = {  # as small as it gets
    "launches: 4 ": "launches: 2 ",
    "budget_seconds: 0.03": "budget_seconds: 0.001",
    "learning_rates: 32": "learning_rates: 8",
    "seeds: 1000": "seeds: 40",
    "resamples: 1000": "resamples: 100",
    "budget_seconds: 1 ": "budget_seconds: 0.01 ",
    "[framework, direct]": "[direct]",
    "[1, 2, 5, 10, 20, 50, 60]": "[1, 10, 20, 60]",
}
ASKED = {"target": "y", "drop": "name", "budget": None}


def write(path, seed=0):
    """A table with a header, decimal commas, a column of text, and one that depends on others."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(random.normal(size=(60, 2)), columns=["größe", "b {c}"])
    table["sum"] = table.sum(axis=1)
    table["y"] = table["größe"] - 0.5 * table["b {c}"] + 0.3 * random.normal(size=60)
    table.assign(name="x").to_csv(path, sep=";", decimal=",", index=False)


class Answer(Project):
    """A copy of the project in which a table is answered for."""

    def __init__(self, folder):
        super().__init__(folder)
        self.own = self.folder / "answers/mine"
        self.table = self.folder / "my {table}.csv"

    def answer(self, *more):
        """Call what make calls."""
        command = self.command()
        arguments = ["--data", self.table, "--target", "y", "--drop", "name", "--name", "mine"]
        command["args"] = [sys.executable, "-P", "-m", "minibatch.answer", *arguments, *more]
        command["env"] |= {"PYTHONPATH": str(self.folder / "src")}
        return subprocess.run(**command, capture_output=True, timeout=GUARD_SECONDS, check=False)

    def shrink(self):
        """Configure a small study, as a user would edit it."""
        path = self.own / "config.yaml"
        text = path.read_text(encoding="utf-8")
        for old, new in CONFIG.items():
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def page(self):
        """The text of the report, without its figures."""
        text = re.sub('src="data:[^"]*"|<style>.*?</style>', "", self.read_page(), flags=re.DOTALL)
        return html.unescape(re.sub(r"\s+", " ", text))

    def read_page(self):
        return (self.own / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def answered(tmp_path_factory):
    """The answer for a small table, after a whole run."""
    project = Answer(tmp_path_factory.mktemp("own") / "a folder")
    write(project.table)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project.folder)
        asked = type("Asked", (), {"data": project.table, **ASKED})
        table.prepare(asked, project.own)
    project.shrink()
    project.said = project.answer()
    yield project
    project.close()


def test_the_report_has_the_answer_and_its_why_and_nothing_of_the_chapter(answered):
    assert answered.said.returncode == 0, answered.said.stderr
    assert answered.said.stdout.endswith(f"The report: {answered.own / 'report.html'}\n")
    page = answered.page()
    for words in (
        "Which batch size of SGD is best for my {table}.csv on this machine",
        "Linear regression of <strong>y</strong> on 3 columns, over 60 rows",
        "oss of floor + 10 % of the gain",
        "Columns depend on each other",
        "40 seeds and 8 learning rates a batch size",
        "text with semicolons, decimal commas and a header",
        "All checks of all frameworks",
        "Real runs of the predicted steps",
    ):
        assert words in page, words
    for words in ("chapter", "airfoil", "Dive into", "d2l", "1500", "matmul", "nan", "None"):
        assert re.search(rf"\b{words}\b", page) is None, words


def test_the_examples_are_the_numbers_of_the_file(answered):
    examples = answered.read("answers/mine/results/data/examples.parquet")
    assert list(examples) == ["größe", "b {c}", "sum", "y"]
    raw = pd.read_csv(answered.table, sep=";", decimal=",")
    expected = (raw.y - raw.y.mean()) / raw.y.std(ddof=0)
    np.testing.assert_allclose(examples.y, expected, atol=1e-6)


def test_a_second_call_does_nothing(answered):
    before = {path: path.stat().st_mtime_ns for path in answered.own.rglob("results/**/*")}
    said = answered.answer()
    assert said.returncode == 0
    assert "Nothing to be done" in said.stderr
    assert {path: path.stat().st_mtime_ns for path in before} == before


def pending(project):
    """What would be made again, by the call that Snakemake gets."""
    plan = project.folder / "Snakefile"
    rows = project.rows("--snakefile", str(plan), "--directory", str(project.own))
    return {path for path, row in rows.items() if row["plan"] == "update pending"}


def test_another_content_is_measured_again_even_where_the_file_is_older(answered, tmp_path):
    assert pending(answered) == set()
    kept = shutil.copy2(answered.table, tmp_path)
    config = (answered.own / "config.yaml").read_bytes()
    try:
        write(answered.table, seed=1)
        os.utime(answered.table, (0, 0))
        text = config.decode()
        asked = type("Asked", (), {"data": answered.table, **ASKED})
        table.prepare(asked, answered.own)
        assert (answered.own / "config.yaml").read_text(encoding="utf-8") != text
        found = pending(answered)
        assert {"results/data/examples.parquet", "results/sweep/curves.parquet"} <= found
        assert "report.html" in found
        assert not any(path.startswith("results/verify") for path in found)
    finally:
        shutil.copy2(kept, answered.table)
        (answered.own / "config.yaml").write_bytes(config)


def test_a_bad_table_is_refused_before_any_job_and_leaves_the_answer_as_it_was(answered):
    before = answered.read_page()
    said = answered.answer("--target", "z")
    assert said.returncode == 1
    assert said.stdout == ""
    [line] = said.stderr.splitlines()
    assert line.startswith("error: my {table}.csv: TARGET=z: there is no such column")
    assert answered.read_page() == before
