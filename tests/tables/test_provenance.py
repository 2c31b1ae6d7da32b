import os
import platform
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import minibatch
from minibatch.tables import provenance


def git(folder, *arguments):
    identity = ["-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main"]
    command = ["git", "-C", str(folder), *identity, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def commit_found(folder, **environment):
    """The commit that the package finds when it lies in a folder."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from minibatch.tables import provenance as p; print(p.collect()['commit'])",
        ],
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(folder)} | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A git repository with the package in it, and one commit."""
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    source = Path(minibatch.__file__).parent
    folder = tmp_path / "checkout"
    (folder / "minibatch/tables").mkdir(parents=True)
    for name in ("__init__.py", "tables/__init__.py", "tables/cores.py", "tables/provenance.py"):
        shutil.copy(source / name, folder / "minibatch" / name)
    git(folder, "init")
    git(folder, "add", "minibatch")
    git(folder, "commit", "-m", "one")
    return folder


def test_it_names_the_machine_and_the_versions_at_work():
    about = provenance.collect()
    [machine] = about["machines"]
    node, *cpu, cores = machine.split(", ")
    assert node == platform.node()
    assert cores.split()[0] == str(len(os.sched_getaffinity(0)))
    assert ", ".join(cpu)
    assert (about["numpy"], about["pandas"], about["pyarrow"]) == (
        np.__version__,
        pd.__version__,
        pa.__version__,
    )
    assert about["python"] == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux")
def test_it_names_the_model_of_the_cpu():
    match = re.search(r"^model name\s*: (.+?)\s*$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    if match is None:
        pytest.skip("/proc/cpuinfo names no model here")
    assert match[1] in provenance.collect()["machines"][0]


def test_the_start_is_now_in_utc():
    started = datetime.fromisoformat(provenance.collect()["started"])
    assert started.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - started) < timedelta(minutes=1)


def test_what_the_stage_knows_is_added_and_takes_precedence():
    about = provenance.collect(threads=[2], machines=["another"])
    assert about["threads"] == [2]
    assert about["machines"] == ["another"]


def test_the_commit_is_that_of_the_code_wherever_it_is_called_from(checkout):
    assert commit_found(checkout) == git(checkout, "rev-parse", "HEAD")[:12]


def test_a_tag_does_not_stand_for_the_commit(checkout):
    git(checkout, "tag", "-a", "v1", "-m", "one")
    assert commit_found(checkout) == git(checkout, "rev-parse", "HEAD")[:12]


def test_a_plus_tells_that_the_code_differs_from_the_commit(checkout):
    with (checkout / "minibatch/__init__.py").open("a") as file:
        file.write("CHANGED = True\n")
    assert commit_found(checkout) == git(checkout, "rev-parse", "HEAD")[:12] + "+"


def test_outside_a_checkout_the_commit_is_unknown(checkout):
    shutil.rmtree(checkout / ".git")
    assert commit_found(checkout) == "unknown"


def test_without_git_the_commit_is_unknown(checkout):
    assert commit_found(checkout, PATH="") == "unknown"


def test_the_commit_is_that_of_the_code_even_where_git_is_told_of_another_repository(
    checkout, tmp_path
):
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").write_text("of another project")
    git(other, "init")
    git(other, "add", "file")
    git(other, "commit", "-m", "another")
    told = {"GIT_DIR": f"{other}/.git", "GIT_WORK_TREE": str(other)}
    assert commit_found(checkout, **told) == git(checkout, "rev-parse", "HEAD")[:12]
    shutil.rmtree(checkout / ".git")
    assert commit_found(checkout, **told) == "unknown"


def test_a_repository_around_the_folder_that_does_not_hold_the_code_is_not_its_own(checkout):
    shutil.rmtree(checkout / ".git")
    (checkout / "file").write_text("of another project")
    git(checkout, "init")
    git(checkout, "add", "file")
    git(checkout, "commit", "-m", "another")
    assert commit_found(checkout) == "unknown"
