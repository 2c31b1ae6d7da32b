"""Whether a measurement had the processor that it was to have, and no more than that.

Work that always is the same is timed before and after it, which something else would disturb.
"""

from collections.abc import Callable
from time import perf_counter_ns, process_time_ns
from typing import TypeVar

import pandas as pd

from minibatch.errors import UserError

ADDITIONS = 200_000  # in plain Python, about 10 ms
BUSY = 1.2  # a calibration that takes this many times its CPU time, or the other calibration
ATTEMPTS = 2
OWN_THREADS = 0.5  # CPU seconds a second that may be taken beside the threads that compute
GPU_THREADS = 1.0  # that may be taken besides, by a thread that hands work over to a GPU

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


def check_threads(rows: list[dict], threads: int, device: str = "cpu") -> None:
    """Raise UserError where more threads computed than were asked for, in the same time.

    JAX hands work over to a GPU by a thread of its own, beside the one that prepares it.
    """
    used = sum(row["cpu_seconds"] for row in rows) / sum(row["seconds"] for row in rows)
    if used > threads + OWN_THREADS + GPU_THREADS * (device != "cpu"):
        raise UserError(f"not timed, because {used:.1f} threads were at work instead of {threads}")


def check_steps(samples: pd.DataFrame, threads: int, device: str, *, works_on: bool) -> None:
    """`check_threads` for each batch size of timed steps, since large ones alone may be shared out.

    For all together where work goes on after a call: a thread hands it over then.
    """
    parts = [samples] if works_on else [own for _, own in samples.groupby("batch_size")]
    for own in parts:
        check_threads(own.to_dict("records"), threads, device)


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
