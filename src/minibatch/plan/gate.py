"""Checks that failed are made again by the next call, since what they lacked may be there now.

A place is a framework on a device. Its verdicts are two tables, so that what is not compiled does
not depend on the compiler; its outcome, a file beside them, says which subjects failed. Where some
did, the outcome is removed, so that the checks run again. What was made after the verdicts does not
wait for that: they stay as they are unless the outcome differs, and only then are they new inputs.
"""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from minibatch.plan.environments import Place

CHECKED = "MINIBATCH_CHECKED"  # the environment variable of a call that has just checked again


def verdicts(framework: str, device: str) -> list[str]:
    """The tables of verdicts: on all but what is compiled, and on that."""
    folder = f"results/verify/{framework}/{device}"
    return [f"{folder}.parquet", f"{folder}/compiled.parquet"]


def outcome(framework: str, device: str) -> str:
    """The file that says which subjects failed."""
    return f"results/verify/{framework}/{device}.json"


def again(places: Iterable[Place]) -> dict[str, bytes]:
    """The verdicts that are checked again, with the content of their files."""
    found = [path for place in places if _undecided(*place) for path in verdicts(*place)]
    return {path: Path(path).read_bytes() for path in found}


def forget_failed(places: Iterable[Place]) -> None:
    """Remove the outcomes where a check failed."""
    for place in places:
        if _undecided(*place):
            Path(outcome(*place)).unlink(missing_ok=True)


def go_on(checked: dict[str, bytes]) -> None:
    """Call snakemake as it was called, in place of this process, if a verdict is another now.

    That call checks nothing again, and makes what depends on the verdicts.
    """
    changed = [path for path, content in checked.items() if Path(path).read_bytes() != content]
    if changed:
        print("Checks have another outcome now:", *changed, flush=True, file=sys.stderr)
        os.environ[CHECKED] = "1"
        os.execv(sys.executable, sys.orig_argv)


def _undecided(framework: str, device: str) -> bool:
    """Whether there are verdicts whose outcome is missing, damaged, or says that a check failed."""
    if CHECKED in os.environ or not all(map(os.path.exists, verdicts(framework, device))):
        return False
    try:
        said = json.loads(Path(outcome(framework, device)).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return True
    return bool(said["failed"])
