"""On what, with what and when a table was made."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def collect(**more) -> dict:
    """Describe this process: machine, versions, git commit and start time (UTC).

    `more` adds what only the stage knows: its threads, the framework's version and its GPUs.
    Tables that are made from measured ones give the `machines` of those.
    """
    return {
        "machines": [f"{platform.node()}, {_cpu()}, {os.cpu_count()} cores"],
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
    """The commit of this code, with + where files differ from it; "unknown" outside a checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    try:
        said = subprocess.run(
            [*git, "--abbrev=12", "--exclude=*"], capture_output=True, text=True, check=False
        )
    except OSError:
        return "unknown"
    return said.stdout.strip() or "unknown"
