"""What every stage's command line has in common."""

import argparse
import errno
import fcntl
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from minibatch.errors import UserError
from minibatch.locks import JOBS

Make = Callable[[dict, list[Path], Path], None]


def run(make: Make, argv: Sequence[str] | None = None) -> int:
    """Parse a stage's command line, call `make(parameters, inputs, output)`, return the exit code.

    A UserError or a failing disk is one line on standard error and exit code 1.
    """
    parser = argparse.ArgumentParser(description=sys.modules[make.__module__].__doc__)
    parser.add_argument("--parameters", type=json.loads, required=True, metavar="JSON")
    parser.add_argument("--inputs", type=Path, nargs="*", default=[], metavar="PATH")
    parser.add_argument("--output", type=Path, required=True, metavar="PATH")
    arguments = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    try:
        with _sharing_lock():
            make(arguments.parameters, arguments.inputs, arguments.output)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"error: {arguments.output}: the disk is full; free some space", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


@contextmanager
def _sharing_lock() -> Iterator[None]:
    """Hold a shared lock on the file that the environment names, if it names one.

    If snakemake is killed, its jobs live on: the next run waits until the last has let go, so
    that no two measure at once.
    """
    path = os.environ.get(JOBS)
    if path is None:
        yield
        return
    with open(path, "a+") as lock:  # NFS shares a lock only on a file that can be read
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield
