import os
import sys

from minibatch.plan import boot


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
