"""What the bar of make says of jobs, and how long it takes them to take still."""

import io
import json

import pytest
from rich.console import Console

from minibatch.progress import Bar, Jobs, duration, follow


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def jobs(clock):
    made = Jobs(clock)
    made.plan({"time": 3, "draw": 2, "total": 5})
    return made


def run(jobs, clock, job, rule, seconds):
    jobs.begin(job, rule, f"{rule} {job}")
    clock.now += seconds
    return jobs.end(job)


def test_a_job_that_ends_is_a_line_with_its_number_and_its_seconds(jobs, clock):
    assert run(jobs, clock, 7, "time", 10) == "1 of 5: time 7 (10 s)"
    assert run(jobs, clock, 8, "draw", 2) == "2 of 5: draw 8 (2 s)"
    assert (jobs.done, jobs.now) == (2, "")


def test_what_remains_is_by_rule_and_goes_down_while_jobs_run(jobs, clock):
    assert jobs.remaining() is None
    run(jobs, clock, 1, "time", 10)
    assert jobs.remaining() == pytest.approx(2 * 10 + 2 * 10)  # nothing was drawn yet
    run(jobs, clock, 2, "draw", 2)
    assert jobs.remaining() == pytest.approx(2 * 10 + 2)
    jobs.begin(3, "time", "")
    clock.now += 4
    assert jobs.remaining() == pytest.approx(2 * 10 + 2 - 4)
    clock.now += 400  # whatever the estimate was
    assert jobs.remaining() == 0


def test_jobs_side_by_side_take_less(jobs, clock):
    jobs.begin(1, "time", "")
    jobs.begin(2, "time", "")
    clock.now += 10
    jobs.end(1)
    jobs.end(2)
    assert jobs.remaining() == pytest.approx((10 + 2 * 10) / 2)


def test_a_job_that_failed_runs_no_more_and_is_not_done(jobs):
    jobs.begin(1, "time", "Timing")
    jobs.fail(1)
    assert (jobs.now, jobs.done) == ("", 0)


def test_a_second_run_begins_anew(jobs, clock):
    run(jobs, clock, 1, "time", 10)
    jobs.plan({"draw": 1, "total": 1})
    assert (jobs.done, jobs.total, jobs.elapsed, jobs.remaining()) == (0, 1, 0, None)


@pytest.mark.parametrize("each", [True, False])
def test_events_become_lines_and_texts_are_passed_on(clock, each):
    events = [
        {"event": "run_info", "stats": {"time": 2, "total": 2}},
        {"event": "job_info", "jobid": 1, "rule_name": "time", "rule_msg": "Timing 1"},
        {"event": "job_info", "jobid": 2, "rule_name": "time", "rule_msg": None},
        {"event": "job_error", "jobid": 1, "text": "Error in rule time"},
        {"event": None, "text": "a warning"},
        {"event": "job_finished", "job_id": 2},
    ]
    said, jobs = [], Jobs(clock)
    follow(map(json.dumps, events), jobs, said.append, each=each)
    assert said == ["Error in rule time", "a warning", *["1 of 2: time (0 s)"] * each]
    assert jobs.now == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "under 1 min"), (59, "under 1 min"), (290, "about 5 min"), (7200, "about 2.0 h")],
)
def test_an_estimate_is_said_as_one(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_bar_is_one_line_whatever_runs(jobs, clock, width):
    run(jobs, clock, 1, "time", 300)
    for job in range(4):
        jobs.begin(job, "draw", f"Drawing [red]{job} of a long name")
    console = Console(file=io.StringIO(), width=width, force_terminal=False)
    console.print(Bar(jobs, console).get_renderable())
    line = console.file.getvalue()
    assert line.count("\n") == 1
    assert "1/5 jobs" in line
    assert "about 20 min left" in line
    assert "[red]" in line or width == 60
