"""Whether something else ran beside a measurement."""

import pytest

from minibatch.errors import UserError
from minibatch.sgd import calibration
from minibatch.sgd.calibration import calibrated, check_threads


@pytest.mark.parametrize(
    ("before", "after", "busy"),
    [
        ((1.0, 1.0), (1.1, 1.1), False),
        ((1.0, 1.0), (1.3, 1.3), True),  # the clock of the processor was changed
        ((1.3, 1.3), (1.0, 1.0), True),
        ((1.3, 1.0), (1.3, 1.0), True),  # it waited for another process
    ],
)
def test_a_machine_that_waits_or_changes_is_busy(before, after, busy):
    assert calibration._busy(before, after) is busy


@pytest.mark.parametrize(
    ("readings", "attempt", "busy"),
    [([1, 1], 1, False), ([1, 2, 1, 1], 2, False), ([1, 2, 2, 1], 2, True)],
)
def test_a_busy_machine_is_measured_once_more(monkeypatch, readings, attempt, busy):
    read, measured = iter(readings), []
    monkeypatch.setattr(calibration, "_calibrate", lambda: (reading := next(read), reading))
    found, quiet = calibrated(lambda: measured.append(None) or len(measured))
    assert found == attempt == len(measured)
    assert (quiet["calibration_before"], quiet["calibration_after"]) == tuple(readings[-2:])
    assert quiet["busy"] is busy


def test_threads_are_counted_where_they_compute():
    rows = [{"seconds": 1.0, "cpu_seconds": 1.4}, {"seconds": 1.0, "cpu_seconds": 1.8}]
    check_threads(rows[:1], 1)
    check_threads(rows, 2)
    with pytest.raises(UserError, match=r"1\.6 threads were at work instead of 1"):
        check_threads(rows, 1)
    check_threads(rows, 1, "cuda")
    rows.append({"seconds": 1.0, "cpu_seconds": 4.6})
    with pytest.raises(UserError, match=r"2\.6 threads"):
        check_threads(rows, 1, "cuda")


def test_the_work_is_a_few_milliseconds_of_this_process():
    seconds, cpu_seconds = calibration._calibrate()
    assert 1e-3 < cpu_seconds < 1
    assert seconds > 0.9 * cpu_seconds
