import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from minibatch.plan import boot

ROOT = Path(__file__).parents[2]


def test_jobs_import_the_package_with_the_interpreter_that_runs_snakemake(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert (
        boot.settings("/here/src", remote=False).items()
        >= {
            "PYTHONPATH": "/here/src",
            "MINIBATCH_PYTHON": sys.executable,
            "MINIBATCH_JOBS_LOCK": os.path.join(tmp_path, ".snakemake/minibatch.jobs.lock"),
        }.items()
    )


def test_on_a_node_of_a_cluster_no_lock_is_shared():
    assert boot.settings("/here/src", remote=True)["MINIBATCH_JOBS_LOCK"] is None


ACCESS = """
import os, sys
from minibatch.plan import boot, config

os.chdir(sys.argv[1])
config.or_exit(boot.require_access, ".snakemake")
"""


@pytest.fixture
def finished():
    """A folder that others may enter, with what Snakemake keeps as it keeps it."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        (folder / ".snakemake/metadata").mkdir(parents=True)
        record = folder / ".snakemake/metadata/made"
        record.touch(0o600)
        yield folder


def access(folder: Path, user: int | None) -> subprocess.CompletedProcess:
    """Ask as another user for access to a folder."""
    return subprocess.run(
        [sys.executable, "-P", "-c", ACCESS, folder],
        env={"PYTHONPATH": str(ROOT / "src"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"},
        user=user,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may act as another user")
@pytest.mark.parametrize("shared", [False, True], ids=["as it is", "with a folder for all"])
def test_a_colleagues_finished_folder_is_refused_in_a_line(finished, shared):
    other = os.geteuid() + 54321
    if shared:
        (finished / ".snakemake").chmod(0o777)
    done = access(finished, other)
    assert done.returncode == 1
    path = ".snakemake/metadata/made" if shared else ".snakemake"
    assert done.stderr == (
        f"{finished.resolve() / path} belongs to another user ({os.geteuid()}); work in a copy of "
        "your own\n"
    )
    assert access(finished, None).returncode == 0
