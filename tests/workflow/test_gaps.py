"""A framework that is new, wrong, or cannot be installed, beside one that is measured as always."""

import json
from types import SimpleNamespace

import pytest
from project import TOY, Project

PINS = "numpy==2.4.6\npandas==2.2.3\npyarrow==21.0.0\n"
NOWHERE = "numpy==0.0.1\n"  # no such version
ELSEWHERE = "tensorflow-macos==2.16.2\n"  # no wheels for this platform
RUNS = ("minibatch_10", "concise_10", "compiled_100")
OF_EACH = ("gd", "sgd", "minibatch_100", *RUNS)  # that are not the first's alone
OF_STEPS = ("ladder", "steptime", "stepcost")  # the summaries of their times
ENDS = (".parquet", "/compiled.parquet", ".json")  # of the paths of verdicts
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


def measured(framework):
    """The tables that are measured in a framework, but for the gate's verdicts."""
    parts = ["matmul/{}/cpu/1", "matmul/{}/cpu/2", "matmul/{}/cpu"]
    for stage in ("steptime", "confirm"):
        parts += [f"{stage}/{{}}/cpu{end}" for end in ("/1", "/2", "")]
    parts.append("predicted/{}/cpu")
    parts += [f"train/{{}}/cpu/{run}" for run in RUNS]
    return {f"results/{part.format(framework)}.parquet" for part in parts}


def empty(project, framework):
    """Those of them without rows."""
    return {path for path in measured(framework) if project.read(path).empty}


def lines(said, text):
    """What it said of something, each line once."""
    return {line for line in said.splitlines() if text in line}


def tiny(config):
    """The least that makes a report, with right, wrong and missing frameworks."""
    runs = config["training"]["runs"]
    config["frameworks"] = ["toy", *WRONG, "nowhere", "elsewhere"]
    config["matmul"] |= {"sizes": [8], "blocks": {"n": 8, "columns": [2]}}
    config["parallel"]["ranks"] = [1]  # which are no framework's here
    config["training"]["runs"] = {name: runs[name] for name in RUNS}


@pytest.fixture(scope="module")
def gaps(tmp_path_factory):
    """A project with gaps: what a run, and one more, `said`, and how the first left the `project`.

    Then `mended`, the project after the pins of the framework that failed to install were mended.
    """
    project = Project(tmp_path_factory.mktemp("gaps"))
    try:
        project.add_framework("toy", TOY)
        for name, (module, *_) in WRONG.items():
            project.add_framework(name, FROM_TOY + module)
        project.add_framework("nowhere", TOY, NOWHERE)
        project.add_framework("elsewhere", TOY, ELSEWHERE)
        project.configure(tiny)
        said = project.fail()
        before = Project(tmp_path_factory.mktemp("before"), project)
        again = project.fail()
        (project.folder / "workflow/envs/nowhere.txt").write_text(PINS)
        mended = project.run()
        yield SimpleNamespace(
            project=before, said=said, again=again, mended=project, said_then=mended
        )
    finally:
        project.close()


# A new framework


def test_a_new_framework_is_a_module_and_a_word_in_the_configuration(finished):
    finished.add_framework("toy", TOY)
    before = finished.files().keys()
    finished.configure(lambda config: config["frameworks"].append("toy"))
    made_from_all = ("results/summary/", "results/figures/", "results/report.html")
    pending = finished.pending()
    assert {path for path in pending & before if not path.startswith(made_from_all)} == set()
    new = {path for path in pending - before if not path.startswith(made_from_all)}
    trained = {f"results/train/toy/cpu/{run}.parquet" for run in OF_EACH}
    checked = {f"results/verify/toy/cpu{end}" for end in ENDS}
    assert new == measured("toy") | trained | checked
    for table in ("matmul", "training", "agreement", "statements", "ladder", "steptime"):
        assert f"results/summary/{table}.parquet" in pending, table


def test_a_right_framework_is_measured_beside_wrong_ones_and_in_every_comparison(gaps):
    assert gaps.project.verdicts("toy").passed.all()
    assert empty(gaps.project, "toy") == set()
    assert "NOT MEASURED: toy" not in gaps.project.report()
    for table in ("matmul", "training", "statements", *OF_STEPS):
        assert "toy" in set(gaps.project.read(f"results/summary/{table}.parquet").framework), table
    agreement = gaps.project.read("results/summary/agreement.parquet")
    assert agreement.apart.max() < 1e-4


# A wrong framework


@pytest.mark.parametrize("framework", WRONG)
def test_the_gate_says_what_a_wrong_framework_gets_wrong(gaps, framework):
    _, expected, finding = WRONG[framework]
    found = gaps.project.verdicts(framework)
    failed = found[~found.passed]
    named = {(row.subject, row.check) for row in failed.itertuples()}
    assert len(named) == len(expected)
    for subject, check in expected:
        assert any(one == subject and other.startswith(check) for one, other in named), named
    assert finding in failed.detail.iloc[0]
    where = f"{framework} on cpu" + (", compiled" if framework == "miscompiled" else "")
    for detail in failed.detail:
        assert f"NOT MEASURED: {where}: {detail}" in gaps.project.report()


@pytest.mark.parametrize("framework", [name for name in WRONG if name != "miscompiled"])
def test_nothing_is_measured_in_a_wrong_framework(gaps, framework):
    assert empty(gaps.project, framework) == measured(framework)
    for table in ("matmul", "training", *OF_STEPS):
        shown = gaps.project.read(f"results/summary/{table}.parquet")
        assert framework not in set(shown.framework), table


def test_where_only_compiling_is_wrong_the_rest_is_measured(gaps):
    compiled = {"results/train/miscompiled/cpu/compiled_100.parquet"}
    assert empty(gaps.project, "miscompiled") == compiled
    for launch in (1, 2):
        steps = gaps.project.read(f"results/steptime/miscompiled/cpu/{launch}.parquet")
        assert set(steps.implementation) == {"scratch", "concise"}
    ladder = gaps.project.read("results/summary/ladder.parquet")
    rungs = ladder[ladder.framework == "miscompiled"].rung
    assert set(rungs) == {"framework loader", "direct indexing", "concise"}


# A framework that cannot be installed


def assert_gap(project, framework, status, reason):
    [verdict] = project.verdicts(framework).itertuples()
    assert not verdict.passed
    assert verdict.detail.startswith(f"{status}: ")
    assert reason in verdict.detail
    assert f"NOT MEASURED: {framework} on cpu: {verdict.detail}" in project.report()
    assert empty(project, framework) == measured(framework)


def test_a_failed_install_fails_in_one_line_after_a_report_that_names_the_gap(gaps):
    reason = "no version of numpy==0.0.1"
    [line] = lines(gaps.said, "error: nowhere")
    failed = "error: nowhere was not measured, its environment could not be installed"
    assert line.startswith(failed)
    assert reason in line
    assert_gap(gaps.project, "nowhere", "failed", reason)


def test_a_failed_install_is_tried_again_by_the_next_run(gaps):
    assert "Installing nowhere" in gaps.again
    assert lines(gaps.again, "error: nowhere") == lines(gaps.said, "error: nowhere")


def test_with_pins_that_can_be_installed_it_is_measured(gaps):
    assert gaps.mended.verdicts("nowhere").passed.all()
    assert empty(gaps.mended, "nowhere") == set()
    assert "NOT MEASURED: nowhere" not in gaps.mended.report()
    record = json.loads((gaps.mended.folder / ".envs/nowhere.json").read_text())
    assert record["packages"]["numpy"] == "2.4.6"


def test_a_platform_without_wheels_leaves_the_framework_out_and_succeeds(gaps):
    [line] = lines(gaps.said, "warning: elsewhere is not measured")
    reason = line.partition("warning: elsewhere is not measured: ")[2]
    assert "platform" in reason
    for project in (gaps.project, gaps.mended):  # whose run succeeded
        assert_gap(project, "elsewhere", "left out", reason)


def test_the_next_run_makes_the_checks_again_that_failed_and_nothing_else(gaps):
    before = gaps.mended.files()
    said = gaps.mended.run()
    verified = {line.partition(": ")[2] for line in lines(said, "Verifying")}  # Job 4: …
    assert verified == {f"Verifying {framework} on cpu" for framework in WRONG}
    assert f"{len(WRONG) + 1} of {len(WRONG) + 1} steps" in said  # and the rule that asks for all
    assert gaps.mended.files() == before
