"""Whether something else took the processor during a measurement.

Work that always is the same is timed before and after it.
"""

from collections.abc import Callable
from time import perf_counter_ns, process_time_ns
from typing import TypeVar

ADDITIONS = 200_000  # in plain Python, about 10 ms
BUSY = 1.2  # a calibration that takes this many times its CPU time, or the other calibration
ATTEMPTS = 2

Measured = TypeVar("Measured")


def calibrated(measure: Callable[[], Measured]) -> tuple[Measured, dict]:
    """What `measure` returns, and the columns that say how quiet the machine was meanwhile.

    Where it was busy, it is measured again, once.
    """
    for _ in range(ATTEMPTS):
        before, found, after = _calibrate(), measure(), _calibrate()
        if not (busy := _busy(before, after)):
            break
    return found, {"calibration_before": before[0], "calibration_after": after[0], "busy": busy}


def _calibrate() -> tuple[float, float]:
    """Seconds, and CPU seconds, of the work that always is the same."""
    wall, cpu = perf_counter_ns(), process_time_ns()
    total = 0
    for number in range(ADDITIONS):
        total += number
    return (perf_counter_ns() - wall) * 1e-9, (process_time_ns() - cpu) * 1e-9


def _busy(before: tuple[float, float], after: tuple[float, float]) -> bool:
    """Whether a calibration waited for the processor, or the two differ."""
    waited = max(wall / cpu for wall, cpu in (before, after))
    return max(waited, before[0] / after[0], after[0] / before[0]) > BUSY
