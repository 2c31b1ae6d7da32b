"""All frameworks of the chapter and JAX, each in its own environment, on a small study."""

import json
import os
import re
import subprocess

import pandas as pd
import pytest
from project import ROOT, Project

from minibatch.tables import parquet

CONTRACT = ROOT / "tests/frameworks/contract.py"
FRAMEWORKS = ["pytorch", "tensorflow", "mxnet", "jax"]
PINNED = FRAMEWORKS[1:]
RUNS = ["minibatch_10", "concise_10", "same_concise", "same_compiled"]
# The runs that solve one problem; concise_10 is as the chapter has it, and so another in some.
SAME = ["minibatch_10", "same_concise", "same_compiled"]
COMPARING = ("training", "agreement", "published", "statements", "ladder", "steptime", "stepcost")
COMPARING += ("time_to_target", "confirmed", "answer", "runs_to_target")


def small(config):
    """The least that shows every implementation and loader in every framework."""
    runs = config["training"]["runs"]
    runs["minibatch_10"]["epochs"] = 2
    same = {"batch_size": [10, 100], "learning_rate": 0.05, "epochs": 2, "loaders": ["direct"]}
    for name in ("concise", "compiled"):
        runs[f"same_{name}"] = {"implementation": name, **same}
    runs["concise_10"]["override"]["tensorflow"] = {"objective": "mse"}
    config["frameworks"] = FRAMEWORKS
    config["matmul"] |= {"sizes": [8], "blocks": {"n": 8, "columns": [2]}}
    config["parallel"]["ranks"] = [1]  # of PyTorch in any study
    config["training"]["runs"] = {name: runs[name] for name in RUNS}


@pytest.fixture(scope="module")
def four(study):
    """A project in which all four frameworks ran."""
    return study("four", small)


@pytest.fixture
def changed(tmp_path, four):
    """A copy of it, but for what its environments hold."""
    project = Project(tmp_path, four)
    yield project
    project.close()


def measured(framework):
    """The tables that are measured in a framework."""
    parts = ["verify/{}/cpu", "matmul/{}/cpu/1", "matmul/{}/cpu/2", "matmul/{}/cpu"]
    for stage in ("steptime", "confirm"):
        parts += [f"{stage}/{{}}/cpu{end}" for end in ("/1", "/2", "")]
    parts.append("predicted/{}/cpu")
    parts += [f"train/{{}}/cpu/{run}" for run in RUNS]
    return {f"results/{part.format(framework)}.parquet" for part in parts}


def made_again(framework):
    """All that is made in a framework, the rest of the gate's files included."""
    gate = f"results/verify/{framework}/cpu"
    return measured(framework) | {f"{gate}.json", f"{gate}/compiled.parquet"}


def summaries(*names):
    return {f"results/summary/{name}.parquet" for name in names}


def figures(*names):
    return {f"results/figures/{name}.{kind}" for name in names for kind in ("svg", "png")}


SHOWN = ("roofline", "loss_by_epoch", "loss_by_time", "published", "ladder", "step_time")
SHOWN += ("step_cost", "epoch_time", "step_parts", "product_size-cpu")  # of the summaries of all
SHOWN += ("answer", "exercise_1_surface-cpu", "exercise_4_twice-cpu")


def from_all():
    """What is made from the tables of all frameworks."""
    return summaries("matmul", *COMPARING) | figures(*SHOWN) | {"results/report.html"}


def packages(project, framework):
    record = json.loads((project.folder / f".envs/{framework}.json").read_text())
    assert record["status"] == "ready"
    return record["packages"]


# What a run makes


def test_every_framework_is_measured_and_passes_every_check(four):
    for framework in FRAMEWORKS:
        assert measured(framework) <= four.files().keys()
        for path in measured(framework):
            assert len(four.read(path)), path
        verdicts = four.verdicts(framework)
        assert verdicts.passed.all()
        subjects = {"environment", "products", "clock", "scratch", "concise", "compiled"}
        assert set(verdicts.subject) == subjects
    assert "NOT MEASURED" not in four.report()


@pytest.mark.parametrize("framework", PINNED)
def test_each_table_names_the_versions_of_its_own_environment(four, framework):
    held = packages(four, framework)
    named = held.get(framework) or held[f"{framework}-cpu"]
    stages = ("matmul", "steptime", "confirm", "predicted")
    gathered = {f"results/{stage}/{framework}/cpu.parquet" for stage in stages}
    for path in measured(framework) - gathered:
        about = parquet.read(four.folder / path).attrs["provenance"]
        assert about["frameworks"] == [f"{framework} {named}"], path
        versions = {name: about[name] for name in ("numpy", "pandas", "pyarrow")}
        assert versions == {name: held[name] for name in versions}, path
        assert about["python"].startswith("3.11."), path


def test_environments_hold_what_their_files_pin_and_no_other_framework(four):
    for framework in PINNED:
        held = packages(four, framework)
        pins = (four.folder / f"workflow/envs/{framework}.txt").read_text()
        for name, version in re.findall(r"^([\w-]+)==(\S+)$", pins, re.MULTILINE):
            assert held[name] == version, framework
        others = {"torch", *PINNED, "tensorflow-cpu"} - {framework, f"{framework}-cpu"}
        assert not others & held.keys()
    assert packages(four, "mxnet")["numpy"] == "1.23.5"


def test_the_final_losses_of_one_problem_agree_in_all_ways_to_solve_it(four):
    paths = [path for path in four.files() if path.startswith("results/train/")]
    traces = pd.concat([four.read(path) for path in paths])
    traces = traces[traces.run.isin(SAME)]
    assert traces.epochs.max() <= 2
    final = traces[traces.epoch == traces.epochs]
    problems = final.groupby(["batch_size", "learning_rate", "epochs", "objective", "seed"]).loss
    assert set(problems.size()) == {4 * 4, 2 * 4}  # two loaders from scratch at batch size 10 only
    assert (problems.max() / problems.min() - 1).max() < 1e-4


def test_the_report_shows_every_framework_in_every_comparison(four):
    report = four.report()
    for kind in ("roofline", "loss_by_epoch", "loss_by_time", "published", "step_time"):
        assert f'<figure id="{kind}">' in report
        svg = (four.folder / f"results/figures/{kind}.svg").read_text()
        shown = FRAMEWORKS[:3] if kind == "published" else FRAMEWORKS  # the book has no JAX
        for framework in FRAMEWORKS:
            assert (f"<!-- {framework} -->" in svg) == (framework in shown), (kind, framework)
    ladder = four.read("results/summary/ladder.parquet")
    rungs = ladder.groupby("framework").rung.apply(list)
    for framework in FRAMEWORKS:
        assert set(rungs[framework]) == {
            "framework loader",
            "direct indexing",
            "concise",
            "compiled",
        }


def test_a_step_is_timed_in_every_implementation_and_loader_of_every_framework(four):
    ways = {(name, loader) for name in ("scratch", "concise") for loader in ("framework", "direct")}
    ways |= {("compiled", "direct")}
    steps = four.read("results/summary/steptime.parquet")
    assert (steps.launches == 2).all()
    for framework in FRAMEWORKS:
        own = steps[steps.framework == framework]
        assert set(zip(own.implementation, own.loader, strict=True)) == ways
        assert {*own.groupby(["implementation", "loader"]).batch_size.agg(tuple)} == {
            (1, 7, 100, 1500)
        }
    lines = four.read("results/summary/stepcost.parquet")
    assert set(lines.framework) == {*FRAMEWORKS, "numba"}


def test_a_second_run_has_nothing_to_do(four):
    assert "Nothing to be done" in four.run()


# What a change makes again


def test_a_changed_pin_makes_again_what_that_framework_measured_and_no_other(changed):
    changed.replace("workflow/envs/mxnet.txt", "pandas==2.2.3", "pandas==2.2.2")
    expected = {".envs/mxnet.json"} | made_again("mxnet") | from_all()
    assert changed.pending() == expected


def test_a_comment_among_the_pins_makes_nothing_again(changed):
    path = changed.folder / "workflow/envs/mxnet.txt"
    path.write_text(f"# Once more.\n\n{path.read_text()}")
    changed.replace("workflow/envs/mxnet.txt", "numpy==1.23.5", "numpy==1.23.5   # the last")
    assert changed.pending() == set()


def test_code_of_one_framework_makes_again_what_that_framework_measured_and_no_other(changed):
    path = changed.folder / "src/minibatch/frameworks/jax.py"
    path.write_text(path.read_text() + "\nEDITED = True\n")
    assert changed.pending() == made_again("jax") | from_all()


def test_a_removed_framework_is_in_no_summary_and_the_others_stay_as_they_were_measured(changed):
    others = [name for name in FRAMEWORKS if name != "tensorflow"]
    changed.configure(lambda config: config.update(frameworks=others))
    # of which one was that framework's alone
    problems = {"results/sweep/finals.parquet", "results/summary/ends.parquet"}
    assert changed.pending() == from_all() | problems
    before = changed.files()
    path = "results/summary/agreement.parquet"
    changed.run(path)
    assert before.keys() == changed.files().keys()
    assert {name for name in before if changed.files()[name] != before[name]} == {path}
    assert changed.read(path).ways.max() == 3 * 4


# A part of the frameworks


def test_the_command_line_restricts_the_frameworks_and_no_other_environment_is_made(project):
    project.configure(small)
    assert "Installing mxnet" in project.plan("--dry-run")
    only = ["--config", "frameworks=[pytorch]", "--"]
    planned = project.plan("--dry-run", *only)
    assert "Verifying pytorch" in planned
    assert "Installing" not in planned
    for framework in PINNED:
        assert f"/{framework}/" not in planned
    project.run(*only, "results/train/pytorch/cpu/minibatch_10.parquet")
    assert not (project.folder / ".envs").exists()


def test_a_study_of_the_main_environment_alone_makes_no_other(undisturbed):
    assert "Installing" not in undisturbed.said
    assert not (undisturbed.folder / ".envs").exists()


@pytest.mark.parametrize("framework", PINNED)
def test_each_framework_keeps_the_contract_in_its_own_environment(four, framework):
    command = [four.folder / f".envs/{framework}/bin/python", CONTRACT, framework]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) > 50
