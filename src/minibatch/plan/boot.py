"""What comes before the rules: the environment of jobs, and a configuration that was checked."""

import logging
import os
import sys
from pathlib import Path

from snakemake.utils import update_config

from minibatch.errors import UserError
from minibatch.locks import JOBS
from minibatch.plan import caller, environments, experiment, gate, sense
from minibatch.plan import config as configuration

LOCK = ".snakemake/minibatch.jobs.lock"


def settings(source: str, remote: bool) -> dict[str, str | None]:
    """The environment variables of all jobs, by name; None for one that must not be set.

    `source` is the folder of the package, `remote` whether this is one job on a cluster's node.
    """
    return caller.settings(os.environ) | {
        "PYTHONPATH": source,
        "MINIBATCH_PYTHON": sys.executable,
        # a cluster's orphans are cancelled, not waited for: its disk may not lock
        JOBS: None if remote else os.path.abspath(LOCK),
    }


def set_environment(source: str, remote: bool) -> None:
    """Set the environment variables of all jobs."""
    for name, value in settings(source, remote).items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def require_access(state: str) -> None:
    """Raise UserError where the user may not go on with what Snakemake keeps in a folder.

    Snakemake lets only the one who ran it read that: a colleague's finished study is an example.
    """
    kept = Path(state) if Path(state).exists() else Path()
    for path in (kept, *kept.glob("metadata/*")):
        if not os.access(path, os.R_OK if path.is_file() else os.W_OK):
            raise UserError(
                f"{path.resolve()} belongs to another user ({path.stat().st_uid}); work in a copy "
                "of your own"
            )


def start(workflow) -> configuration.Files:
    """Set the environment, read and check the configuration, and say what deserves a word.

    Takes Snakemake's workflow, whose `config` is whole afterwards; returns the files as written.
    Ends the program with the lines of what is wrong.
    """
    logging.raiseExceptions = False  # on a full disk, our line and not how Snakemake fails to log
    set_environment(f"{workflow.basedir}/src", workflow.remote_exec)
    paths = ["config.yaml", *workflow.overwrite_configfiles]
    options = workflow.config_settings.config_args or ()
    written = configuration.or_exit(configuration.Files, paths, options)
    workflow.configfile("config.yaml")  # only now, since its words for broken YAML are many
    for change in written.given():
        update_config(workflow.config, change)
    configuration.or_exit(configuration.check, workflow.config, written)
    if workflow.is_main_process:
        configuration.or_exit(require_access, os.path.dirname(LOCK))
        places = experiment.places(workflow.config)
        environments.forget(places)
        gate.forget_failed(places)
        print(*sense.warnings(workflow.config), sep="\n", file=sys.stderr)
    return written
