import subprocess
from pathlib import Path

import psutil
import pytest
from cluster import RUNS, Cluster, reduce
from project import Project, train

HERE = Path(__file__).parent
DAEMONS = {"munged", "slurmctld", "slurmscriptd", "slurmd", "slurmstepd", "srun"}


def daemons():
    """What of SLURM runs; what has ended and only waits to be collected does not."""
    processes = psutil.process_iter(["name", "status"])
    running = [one.info for one in processes if one.info["status"] != psutil.STATUS_ZOMBIE]
    return [info["name"] for info in running if info["name"] in DAEMONS]


@pytest.fixture(scope="session", autouse=True)
def controller():
    """A SLURM of our own, which leaves no process behind."""
    try:
        subprocess.run([HERE / "start.sh"], check=True)
        yield
    finally:
        subprocess.run([HERE / "stop.sh"], check=True)
    assert daemons() == []


@pytest.fixture(scope="session")
def starting(tmp_path_factory):
    """A project without SLURM that trains as the study does, and the process that is at it."""
    project = Project(tmp_path_factory.mktemp("local"))
    project.configure(reduce)
    try:
        with project.started(*train(*RUNS)) as run:
            yield project, run
    finally:
        project.close()


@pytest.fixture(scope="session")
def local(starting):
    """A project with the traces of the same study, made without SLURM."""
    project, run = starting
    assert run.finish() == 0, run.said()
    return project


@pytest.fixture(scope="session")
def studied(tmp_path_factory, starting):  # noqa: ARG001 - which goes on meanwhile
    """A project after the whole study on SLURM, and what that `said`; not to be changed."""
    project = Cluster(tmp_path_factory.mktemp("studied"))
    try:
        project.said = project.run()
        yield project
    finally:
        project.close()


@pytest.fixture
def finished(tmp_path, studied):
    """A project after the whole study."""
    project = Cluster(tmp_path, studied)
    yield project
    project.close()
