import time

import pytest

from minibatch.sgd.clock import PHASES, Clock

pytestmark = pytest.mark.timing


def sleep(seconds):
    start = time.perf_counter()
    time.sleep(seconds)
    return time.perf_counter() - start


def test_a_new_clock_reads_zero_in_every_phase():
    columns = ("seconds", "load_seconds", "compute_seconds", "update_seconds")
    assert Clock(lambda: None).read() == dict.fromkeys(columns, 0.0)


def test_each_phase_gets_its_own_time_and_their_sum_is_the_whole():
    clock = Clock(lambda: None)
    slept = {}
    clock.start()
    for phase, seconds in zip(PHASES, (0.01, 0.03, 0.06), strict=True):
        slept[phase] = sleep(seconds)
        clock.lap(phase)
    read = clock.read()
    assert read["seconds"] == pytest.approx(sum(read[f"{phase}_seconds"] for phase in PHASES))
    for phase in PHASES:
        assert 1 <= read[f"{phase}_seconds"] / slept[phase] < 1.5


def test_time_adds_up_over_laps_of_one_phase():
    clock = Clock(lambda: None)
    clock.start()
    slept = 0
    for _ in range(3):
        slept += sleep(0.01)
        clock.lap("compute")
    assert 1 <= clock.read()["compute_seconds"] / slept < 1.5


def test_what_happens_between_stop_and_start_does_not_count():
    clock = Clock(lambda: None)
    clock.start()
    clock.stop("update")
    slept = sleep(0.05)
    clock.start()
    clock.stop("update")
    assert clock.read()["seconds"] / slept < 0.5


def test_work_given_to_the_device_before_the_start_does_not_count(device):
    clock = Clock(device.wait)
    device.submit(0.05)
    clock.start()
    clock.stop("compute")
    assert clock.read()["seconds"] / device.busy < 0.5


def test_work_that_the_device_still_does_at_the_stop_counts_in_the_phase_that_stops(device):
    clock = Clock(device.wait)
    clock.start()
    device.submit(0.05)
    clock.stop("update")
    assert clock.read()["update_seconds"] / device.busy > 0.9


def test_a_lap_does_not_wait_for_the_device(device):
    clock = Clock(device.wait)
    clock.start()
    device.submit(0.05)
    clock.lap("load")
    clock.stop("compute")
    assert clock.read()["load_seconds"] / device.busy < 0.5
