"""On what, with what and when a table was made."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from minibatch.tables import cores

# By which git takes another repository than that around a folder: git rev-parse --local-env-vars
ELSEWHERE = {
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"),
    *("GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG", "GIT_CONFIG_PARAMETERS"),
    *("GIT_CONFIG_COUNT", "GIT_NAMESPACE", "GIT_PREFIX", "GIT_GRAFT_FILE", "GIT_SHALLOW_FILE"),
    *("GIT_IMPLICIT_WORK_TREE", "GIT_NO_REPLACE_OBJECTS", "GIT_REPLACE_REF_BASE"),
    "GIT_INTERNAL_SUPER_PREFIX",
}


def collect(**more) -> dict:
    """Describe this process: machine, versions, git commit and start time (UTC).

    `more` adds what only the stage knows: its threads, the framework's version and its GPUs.
    Tables that are made from measured ones give the `machines` of those.
    """
    return {
        "machines": [f"{platform.node()}, {_cpu()}, {cores.described()}"],
        "system": platform.platform(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "pandas", "pyarrow")},
        "commit": _commit(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        **more,
    }


def _cpu() -> str:
    """The CPU's model; Linux alone tells it in a file."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _commit() -> str:
    """The commit of this code, with + where files differ from it; "unknown" outside a checkout.

    Neither a repository that the environment names counts, nor one around the folder that does not
    hold this file.
    """
    if _git("ls-files", "--error-unmatch", Path(__file__).name) is None:
        return "unknown"
    return _git("describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*") or "unknown"


def _git(*arguments: str) -> str | None:
    """What git says of the repository around this file; None where it fails, or is not there."""
    kept = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    git = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(git, env=kept, capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
