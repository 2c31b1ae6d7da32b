"""Times calls that take turns: each case for about as long, in rounds, each in another order."""

import random
from functools import partial
from typing import Protocol

from minibatch.sgd.calibration import calibrated
from minibatch.sgd.clock import Clock

REPEATS = 5  # of each case in a launch
FEWEST = 3  # of one of which a single call takes longer than its budget
GROWTH = 4  # of the calls from which the time of one is estimated, until they take long enough
CALLS = "calls"


class Work(Protocol):
    """A case: calls that can be made back to back."""

    about: dict  # what it is, the columns of its rows

    def fitting(self, wanted: int) -> int:
        """How many calls a repeat makes, of about this many that are wanted."""

    def amount(self, calls: int) -> int:
        """The FLOP of this many calls, or the bytes that they read and write."""

    def verify(self, calls: int) -> None:
        """Make this many calls; UserError where what they give is wrong."""

    def prepare(self) -> None:
        """What has to be set before calls, and takes time of its own."""

    def run(self, calls: int) -> None:
        """Make this many calls."""

    def wait(self) -> None:
        """Return when all of them are done."""


def measure(works: list[Work], *, budget_seconds: float, launch: int) -> list[dict]:
    """Verify and warm up all cases, and time them in rounds; one row a repeat.

    A row has what the case is, launch, repeat, the calls and the work that was done, its seconds
    and CPU seconds, and how quiet the machine was. The repeats of a case take about
    `budget_seconds` together, or a call each. Raises UserError where a case is wrong.
    """
    plans = [_warm_up(work, budget_seconds) for work in works]
    found, quiet = calibrated(partial(_time_all, works, plans, launch))
    rows = []
    for (index, repeat), read in sorted(found.items()):
        work, (calls, _) = works[index], plans[index]
        about = {"launch": launch, "repeat": repeat, "calls": calls, "work": work.amount(calls)}
        rows.append(work.about | about | read | quiet)
    return rows


def _warm_up(work: Work, budget_seconds: float) -> tuple[int, int]:
    """How many calls a repeat makes, and how many repeats there are.

    As many calls were made and verified, as was the first one.
    """
    first = work.fitting(1)
    work.verify(first)
    calls, seconds = first, budget_seconds / REPEATS
    _time(work, first)  # it may free what verifying has left, a copy of a large result
    while (taken := _time(work, calls)["seconds"]) < seconds / GROWTH:
        calls = work.fitting(GROWTH * calls)
    calls = work.fitting(max(1, round(calls * seconds / taken)))
    if calls > first:
        work.verify(calls)
    return calls, FEWEST if calls == first and taken > budget_seconds else REPEATS


def _time_all(
    works: list[Work], plans: list[tuple[int, int]], launch: int
) -> dict[tuple[int, int], dict]:
    """The times of every case and repeat."""
    orders, found = random.Random(launch), {}
    for repeat in range(REPEATS):
        for index in orders.sample(range(len(works)), len(works)):
            calls, repeats = plans[index]
            if repeat < repeats:
                found[index, repeat] = _time(works[index], calls)
    return found


def _time(work: Work, calls: int) -> dict[str, float]:
    """What this many calls took until they were done, in seconds and CPU seconds."""
    work.prepare()
    clock = Clock(work.wait, [CALLS])
    clock.start()
    work.run(calls)
    clock.stop(CALLS)
    return {"seconds": clock.read()["seconds"], "cpu_seconds": clock.cpu_seconds}
