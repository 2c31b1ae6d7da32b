"""A clock that runs only while the work that is measured does."""

from collections.abc import Callable, Sequence
from time import perf_counter_ns, process_time_ns

PHASES = ("load", "compute", "update")


class Clock:
    """Adds up nanoseconds by phase; what happens between `stop` and `start` does not count.

    `wait` returns when the device has finished all work that was given to it. It is called exactly
    where the clock starts and stops, so that neither earlier work is counted nor later work missed.
    `cpu_seconds` is what all threads of this process have computed in the meantime.
    """

    def __init__(self, wait: Callable[[], None], phases: Sequence[str] = PHASES):
        """Make a clock that stands still at zero."""
        self._wait = wait
        self._nanoseconds = dict.fromkeys(phases, 0)
        self._mark = self._cpu_mark = self._cpu = 0

    def start(self) -> None:
        """Start counting."""
        self._wait()
        self._cpu_mark = process_time_ns()
        self._mark = perf_counter_ns()

    def lap(self, phase: str) -> None:
        """Give the time since the last start or lap to `phase`."""
        now = perf_counter_ns()
        self._nanoseconds[phase] += now - self._mark
        self._mark = now

    def stop(self, phase: str) -> None:
        """Give what the device still had to do to `phase`, and stop counting."""
        self._wait()
        self.lap(phase)
        self._cpu += process_time_ns() - self._cpu_mark

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds counted so far."""
        return self._cpu * 1e-9

    def read(self) -> dict[str, float]:
        """Seconds counted so far: their sum, and each phase."""
        split = {f"{phase}_seconds": spent * 1e-9 for phase, spent in self._nanoseconds.items()}
        return {"seconds": sum(self._nanoseconds.values()) * 1e-9, **split}
