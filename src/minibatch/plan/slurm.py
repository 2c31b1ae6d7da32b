"""What SLURM cannot do, and what a killed run leaves in its queue."""

import os
import re
import shlex
import subprocess
import sys
import time

from minibatch.errors import UserError

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAME = re.compile(rf"([\w-]+_)?{UUID}")  # how the plugin calls its jobs: PREFIX_UUID
PATIENCE_SECONDS = 120  # SLURM itself gives a cancelled job 30 to end
SECONDS_BETWEEN_LOOKS = 1


def require_plain_path(python: str) -> None:
    """Raise UserError where jobs cannot be started by a Python, for its path: it is not quoted."""
    if shlex.quote(python) != python:
        raise UserError(
            f"{python}: Snakemake starts SLURM's jobs by this path without quoting it; make the "
            "environment in a folder whose path has neither spaces nor other signs of a shell"
        )


def cancel_orphans() -> None:
    """Cancel the jobs that snakemake submitted from the working directory; wait for their end.

    Only for the run that holds the folder's lock: to it, every such job is an earlier run's, whose
    snakemake is gone. Jobs that wait in the queue would write the same tables once more, at any
    time. Raises UserError where SLURM does not answer, or does not end them.
    """
    orphans = _queued()
    if not orphans:
        return
    print("Cancelling SLURM jobs that a killed run left behind:", *orphans, file=sys.stderr)
    _ask("scancel", *orphans)
    end = time.monotonic() + PATIENCE_SECONDS
    while orphans := _queued():
        if time.monotonic() > end:
            raise UserError(
                f"SLURM does not end the cancelled jobs {' '.join(orphans)}; see squeue --me, and "
                "where a node hangs, tell its administrators, and work in a copy of this folder"
            )
        time.sleep(SECONDS_BETWEEN_LOOKS)


def _queued() -> list[str]:
    """The numbers of this folder's jobs that have not ended."""
    here = os.path.realpath(".")
    lines = _ask("squeue", "--me", "--noheader", "--format=%A|%j|%Z").splitlines()
    jobs = [line.split("|", 2) for line in lines]
    ours = (
        number
        for number, name, folder in jobs
        if NAME.fullmatch(name) and os.path.realpath(folder) == here
    )
    return sorted(ours, key=int)


def _ask(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"{command[0]} failed: {' '.join(done.stderr.split())}")
    return done.stdout
