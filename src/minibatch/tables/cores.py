"""The processor cores that this process may use, which may be fewer than the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path

GROUPS, OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available(groups: Path = GROUPS, own: Path = OWN) -> int:
    """Cores by affinity (taskset, a job of SLURM), and no more than a container's or group's share.

    `groups` is where the control groups are mounted, `own` the file that names this process's. A
    share of one and a half cores is one core for threads that should not take turns.
    """
    if hasattr(os, "sched_getaffinity"):  # Linux
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, int(min([cores, *_quotas(groups, own)])))


def described() -> str:
    """That number in words."""
    cores = available()
    return f"{cores} core{'s' if cores > 1 else ''}"


def _quotas(groups: Path, own: Path) -> Iterator[float]:
    """The shares of the group that this process is in, and of all around it, in cores."""
    for line in _read(own).splitlines():
        _, controllers, name = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = Path(name.lstrip("/"))
        for part in (group, *group.parents):
            if controllers:  # version 1
                folder = groups / "cpu" / part
                limit, period = (
                    _read(folder / f"cpu.cfs_{kind}_us").strip() for kind in ("quota", "period")
                )
            else:
                limit, _, period = _read(groups / part / "cpu.max").strip().partition(" ")
            if limit.isdigit() and period.isdigit():  # "max" and -1 stand for no limit
                yield int(limit) / int(period)


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
