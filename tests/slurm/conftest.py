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
def local(tmp_path_factory):
    """A project with the measured tables of the same study, made without SLURM."""
    project = Project(tmp_path_factory.mktemp("local"))
    project.configure(reduce)
    try:
        project.run("results/floor.parquet", "results/matmul/pytorch/cpu.parquet", *train(*RUNS))
        yield project
    finally:
        project.close()


@pytest.fixture(scope="session")
def studied(tmp_path_factory):
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
