import errno
import fcntl
import os
import platform
import select
import subprocess
import sys

import pytest

from minibatch import locks
from minibatch.errors import UserError

pytestmark = pytest.mark.usefixtures("package_on_path")

GUARD_SECONDS = 100  # ends a test that hangs; nothing is measured by it

TAKE = """
import sys
from minibatch import locks
from minibatch.errors import UserError
try:
    lock = locks.take(".")
except UserError as problem:
    sys.exit(str(problem))
print("taken", flush=True)
sys.stdin.read()
"""

JOB = """
import sys
from minibatch import command
def make(parameters, inputs, output):
    print("working", flush=True)
    sys.stdin.read()
command.run(make, ["--parameters", "{}", "--output", "table"])
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with its two locks free."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(locks.JOBS, str(tmp_path / "jobs.lock"))
    return tmp_path


@pytest.fixture
def start(folder):  # noqa: ARG001
    """Start Python code in the folder; it is killed at the end."""
    started = []

    def start(code):
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        started.append(subprocess.Popen([sys.executable, "-c", code], text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        kill(process)


def said(stream):
    """The next line of a process; empty where it says nothing."""
    return stream.readline() if select.select([stream], [], [], GUARD_SECONDS)[0] else ""


def kill(process):
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_in_one_line_with_the_process_of_the_first(start):
    first = start(TAKE)
    assert said(first.stdout) == "taken\n"
    assert start(TAKE).communicate() == (
        "",
        f"another snakemake (process {first.pid} on {platform.node()}) is at work in this folder; "
        "wait until it ends\n",
    )


def test_a_disk_without_locks_is_one_line_with_the_remedy(folder, monkeypatch):
    def flock(file, operation):  # noqa: ARG001
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(UserError) as caught:
        locks.take(str(folder))
    assert str(caught.value) == (
        f"{folder} cannot be locked (No locks available); work in a folder on another disk"
    )


@pytest.mark.parametrize("end", [kill, lambda process: process.communicate()])
def test_the_lock_is_free_when_its_holder_is_killed_or_ends(start, end):
    first = start(TAKE)
    assert said(first.stdout) == "taken\n"
    end(first)
    locks.take(".").close()


def test_the_process_that_is_named_is_the_holder_and_no_earlier_one(start):
    locks.take(".").close()
    first = start(TAKE)
    assert said(first.stdout) == "taken\n"
    assert f"(process {first.pid} on {platform.node()})" in start(TAKE).communicate()[1]


def test_runs_in_different_folders_do_not_meet(start, folder, monkeypatch):
    assert said(start(TAKE).stdout) == "taken\n"
    (folder / "other").mkdir()
    monkeypatch.chdir(folder / "other")
    monkeypatch.setenv(locks.JOBS, "jobs.lock")
    locks.take(".").close()


@pytest.mark.parametrize("end", [kill, lambda process: process.communicate()])
def test_a_run_waits_until_jobs_left_behind_have_ended(start, end):
    job = start(JOB)
    assert said(job.stdout) == "working\n"
    run = start(TAKE)
    assert said(run.stderr) == "Waiting for a job that a killed run left behind ...\n"
    assert not select.select([run.stdout], [], [], 0.3)[0]
    end(job)
    assert said(run.stdout) == "taken\n"


def test_jobs_of_one_run_do_not_wait_for_each_other(start):
    jobs = [start(JOB), start(JOB)]
    assert [said(job.stdout) for job in jobs] == ["working\n"] * 2


def test_a_job_does_not_wait_for_the_run_that_started_it(start):
    assert said(start(TAKE).stdout) == "taken\n"
    assert said(start(JOB).stdout) == "working\n"


def test_a_child_of_the_holder_does_not_keep_the_lock(folder):
    with locks.take("."):
        child = subprocess.Popen(["sleep", "600"])
    try:
        locks.take(".").close()
    finally:
        child.kill()
        child.wait()
    assert os.path.exists(folder / "minibatch.run.lock")
