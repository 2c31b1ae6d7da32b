"""One run at a time, and no measurement beside another: locks that a crash releases."""

import fcntl
import os
import platform
import sys
from typing import TextIO

from minibatch.errors import UserError

JOBS = "MINIBATCH_JOBS_LOCK"  # the environment variable that tells jobs which file to share


def take(directory: str) -> TextIO:
    """Become the only run in a working directory; its lock lasts as long as the file is open.

    Jobs that a killed run left behind are waited for. Raises UserError where another run is on, or
    where there are no locks: without them, two runs would mix their measurements.
    """
    run = open(os.path.join(directory, "minibatch.run.lock"), "a+")  # noqa: SIM115
    try:
        fcntl.flock(run, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        with run:
            run.seek(0)
            holder = run.read().strip()
        raise UserError(
            f"another snakemake (process {holder}) is at work in this folder; wait until it ends"
        ) from None
    except OSError as error:  # some network file systems have none
        run.close()
        raise UserError(
            f"{directory} cannot be locked ({error.strerror}); work in a folder on another disk"
        ) from None
    run.truncate(0)
    print(os.getpid(), "on", platform.node(), file=run, flush=True)
    with open(os.environ[JOBS], "a") as jobs:
        try:
            fcntl.flock(jobs, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Waiting for a job that a killed run left behind ...", file=sys.stderr)
            fcntl.flock(jobs, fcntl.LOCK_EX)
    return run
