import pytest
from project import Project


@pytest.fixture
def project(tmp_path):
    """A project in which nothing has run."""
    project = Project(tmp_path)
    yield project
    project.close()


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory):
    """A project after a whole run, and what that `said`; not to be changed."""
    project = Project(tmp_path_factory.mktemp("undisturbed"))
    try:
        project.said = project.run()
        yield project
    finally:
        project.close()


@pytest.fixture
def finished(tmp_path, undisturbed):
    """A project after a whole run."""
    project = Project(tmp_path, undisturbed)
    yield project
    project.close()
