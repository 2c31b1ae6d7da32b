"""A framework that is new, wrong, or cannot be installed, beside one that is measured as always."""

import json

import pytest
from project import TOY, Project

REPORT = "results/report.html"
PINS = "numpy==2.4.6\npandas==2.2.3\npyarrow==21.0.0\n"
FROM_TOY = "from minibatch.frameworks.toy import *\n"
WITHOUT_HALF = """
class Concise(Scratch):
    def __init__(self, weights, objective, device):
        super().__init__(weights, "mse", device)

IMPLEMENTATIONS = IMPLEMENTATIONS | {"concise": Concise}
"""
WITHOUT_WAIT = """
from concurrent.futures import ThreadPoolExecutor

from minibatch.frameworks import toy

queue = ThreadPoolExecutor(1)

class Later:
    def __init__(self, future):
        self.future = future

    def __getitem__(self, index):
        return self.future.result()[index]

def result(array):
    return array.future.result() if isinstance(array, Later) else array

def matmul(left, right):
    return Later(queue.submit(toy.matmul, left, right))

def write(target, index, value):
    return toy.write(target, index, result(value))

def to_numpy(array):
    return toy.to_numpy(result(array))
"""
WITHOUT_WAIT_FOR_STEPS = """
from concurrent.futures import ThreadPoolExecutor

queue = ThreadPoolExecutor(1)

class Queued(Scratch):
    def compute(self, x, y):
        self._last = queue.submit(super().compute, x, y)

    def update(self, learning_rate):
        self._last = queue.submit(super().update, learning_rate)

    def parameters(self):
        if hasattr(self, "_last"):
            self._last.result()
        return super().parameters()

IMPLEMENTATIONS = IMPLEMENTATIONS | {"scratch": Queued}
"""
MISCOMPILED = """
class Compiled(IMPLEMENTATIONS["compiled"]):
    def epoch(self, x, y, order, batch_size, learning_rate):
        super().epoch(x, y, order, batch_size, 2 * learning_rate)

IMPLEMENTATIONS = IMPLEMENTATIONS | {"compiled": Compiled}
"""
# Of each wrong framework: its module, and the only checks that fail, with what they find.
STEPS, TRACES = "each step against the closed-form gradient", "whole traces against the float64"
WRONG = {
    "without_half": (WITHOUT_HALF, {("concise", STEPS), ("concise", TRACES)}, "a step is wrong"),
    "without_wait": (WITHOUT_WAIT, {("clock", "the clock waits for a product")}, "does not wait"),
    "without_wait_for_steps": (
        WITHOUT_WAIT_FOR_STEPS,
        {("scratch", "the clock waits for a step")},
        "does not wait",
    ),
    "miscompiled": (MISCOMPILED, {("compiled", TRACES)}, "from those of the reference"),
}


def tiny(*frameworks):
    """Write the least that makes a report, with these frameworks."""

    def change(config):
        runs = config["training"]["runs"]
        kept = ("minibatch_10", "concise_10", "compiled")
        config["frameworks"] = list(frameworks)
        config["matmul"] |= {"sizes": [8], "blocks": {"n": 8, "columns": [2]}}
        config["training"]["runs"] = {name: runs[name] for name in kept}

    return change


def measured(framework, *runs):
    """The tables that are measured in a framework, but for the gate's verdicts."""
    parts = ["matmul/{}/cpu/8", "matmul/{}/cpu/ceilings", "matmul/{}/cpu"]
    parts += [f"train/{{}}/cpu/{run}" for run in runs or ("minibatch_10", "concise_10", "compiled")]
    return {f"results/{part.format(framework)}.parquet" for part in parts}


def empty(project, framework):
    """Those of them without rows."""
    return {path for path in measured(framework) if project.read(path).empty}


def verdicts(project, framework):
    return project.read(f"results/verify/{framework}/cpu.parquet")


# A new framework


def test_a_new_framework_is_a_module_and_a_word_in_the_configuration(finished):
    finished.add_framework("toy", TOY)
    before = finished.files()
    finished.configure(lambda config: config["frameworks"].append("toy"))
    finished.run()
    after = finished.files()
    made_from_all = ("results/summary/", "results/figures/", REPORT)
    kept = {path for path in before if not path.startswith(made_from_all)}
    assert {path for path in kept if after[path] != before[path]} == set()

    assert verdicts(finished, "toy").passed.all()
    for table in ("matmul", "training", "ladder", "statements"):
        assert "toy" in set(finished.read(f"results/summary/{table}.parquet").framework), table
    agreement = finished.read("results/summary/agreement.parquet")
    assert agreement.apart.max() < 1e-4
    new = {path.split("/")[-1] for path in after if path.startswith("results/figures/")}
    new -= {path.split("/")[-1] for path in before}
    drawn = ("roofline", "loss_by_epoch", "loss_by_time")
    assert new == {f"{figure}-toy-cpu.{kind}" for figure in drawn for kind in ("svg", "png")}
    report = finished.report()
    for figure in drawn:
        assert f'<figure id="{figure}-toy-cpu">' in report
    for comparison in ("framework_cost", "ladder"):
        path = f"results/figures/{comparison}-all-cpu.svg"
        assert after[path] != before[path]
    assert "NOT MEASURED" not in report


# A wrong framework


@pytest.fixture(scope="module")
def beside_wrong_ones(tmp_path_factory):
    """A project with a right framework and all wrong ones; what its only run `said`."""
    project = Project(tmp_path_factory.mktemp("wrong"))
    try:
        project.add_framework("toy", TOY)
        for name, (module, *_) in WRONG.items():
            project.add_framework(name, FROM_TOY + module)
        project.configure(tiny("toy", *WRONG))
        project.said = project.run(REPORT)
        yield project
    finally:
        project.close()


@pytest.mark.parametrize("framework", WRONG)
def test_the_gate_says_what_a_wrong_framework_gets_wrong(beside_wrong_ones, framework):
    _, expected, finding = WRONG[framework]
    found = verdicts(beside_wrong_ones, framework)
    failed = found[~found.passed]
    named = {(row.subject, row.check) for row in failed.itertuples()}
    assert len(named) == len(expected)
    for subject, check in expected:
        assert any(one == subject and other.startswith(check) for one, other in named), named
    assert finding in failed.detail.iloc[0]
    where = f"{framework} on cpu" + (", compiled" if framework == "miscompiled" else "")
    for detail in failed.detail:
        assert f"NOT MEASURED: {where}: {detail}" in beside_wrong_ones.report()


@pytest.mark.parametrize("framework", [name for name in WRONG if name != "miscompiled"])
def test_nothing_is_measured_in_a_wrong_framework(beside_wrong_ones, framework):
    assert empty(beside_wrong_ones, framework) == measured(framework)
    for table in ("matmul", "training", "ladder"):
        shown = beside_wrong_ones.read(f"results/summary/{table}.parquet")
        assert framework not in set(shown.framework), table


def test_where_only_compiling_is_wrong_the_rest_is_measured(beside_wrong_ones):
    compiled = {"results/train/miscompiled/cpu/compiled.parquet"}
    assert empty(beside_wrong_ones, "miscompiled") == compiled
    ladder = beside_wrong_ones.read("results/summary/ladder.parquet")
    rungs = ladder[ladder.framework == "miscompiled"].rung
    assert set(rungs) == {"framework loader", "direct indexing", "concise"}


def test_a_right_framework_is_measured_beside_wrong_ones(beside_wrong_ones):
    assert verdicts(beside_wrong_ones, "toy").passed.all()
    assert empty(beside_wrong_ones, "toy") == set()
    assert "NOT MEASURED: toy" not in beside_wrong_ones.report()


# A framework that cannot be installed


@pytest.fixture
def toys(project):
    """Run with a toy in the main environment, and one with pins of its own, called "pinned"."""

    def write(pins):
        project.add_framework("toy", TOY)
        project.add_framework("pinned", TOY, pins)
        project.configure(tiny("toy", "pinned"))
        return project

    return write


def lines(said, text):
    """What it said of something, each line once."""
    return {line for line in said.splitlines() if text in line}


def assert_gap(project, status, reason):
    [verdict] = verdicts(project, "pinned").itertuples()
    assert not verdict.passed
    assert verdict.detail.startswith(f"{status}: ")
    assert reason in verdict.detail
    assert f"NOT MEASURED: pinned on cpu: {verdict.detail}" in project.report()
    assert empty(project, "pinned") == measured("pinned")
    assert empty(project, "toy") == set()


def test_a_failed_install_fails_in_one_line_after_a_report_that_names_the_gap(toys):
    project = toys("numpy==0.0.1\n")
    reason = "no version of numpy==0.0.1"
    said = project.fail()
    [line] = lines(said, "error: pinned")
    assert line.startswith("error: pinned was not measured, its environment could not be installed")
    assert reason in line
    assert_gap(project, "failed", reason)

    again = project.fail()
    assert "Installing pinned" in again
    assert lines(again, "error: pinned") == {line}

    (project.folder / "workflow/envs/pinned.txt").write_text(PINS)
    project.run()
    assert verdicts(project, "pinned").passed.all()
    assert empty(project, "pinned") == set()
    assert "NOT MEASURED" not in project.report()
    record = json.loads((project.folder / ".envs/pinned.json").read_text())
    assert record["packages"]["numpy"] == "2.4.6"
    assert "Nothing to be done" in project.run()


def test_a_platform_without_wheels_leaves_the_framework_out_and_succeeds(toys):
    project = toys("tensorflow-macos==2.16.2\n")
    said = project.run(REPORT)
    [line] = lines(said, "warning: pinned is not measured")
    reason = line.partition("warning: pinned is not measured: ")[2]
    assert "platform" in reason
    assert_gap(project, "left out", reason)
    assert "Nothing to be done" in project.run(REPORT)
