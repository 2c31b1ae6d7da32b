import fcntl
import os

import pytest
from project import AsUsers, Project

ODD = "a $HOME; 'b' \"c\" *?#%&{d}(1) ü \\ `e`"  # a folder may have any name


@pytest.fixture
def project(tmp_path):
    """A project in which nothing has run."""
    project = Project(tmp_path)
    yield project
    project.close()


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Gives a project after a whole run, by name; made once for all workers, and not to be changed.

    `said` is what that run said.
    """
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent

    def make(name, configure=None):
        said = folder / f"{name}.said"
        with (folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            project = AsUsers(folder / f"{ODD} {name}")
            if not said.exists():
                try:
                    if configure is not None:
                        project.configure(configure)
                    said.write_text(project.run())
                finally:
                    project.close()
        project.said = said.read_text()
        return project

    return make


@pytest.fixture(scope="session")
def undisturbed(study):
    """The small study of tests/workflow/config.yaml after a whole run."""
    return study("undisturbed")


@pytest.fixture
def finished(tmp_path, undisturbed):
    """A project after a whole run."""
    project = Project(tmp_path, undisturbed)
    yield project
    project.close()
