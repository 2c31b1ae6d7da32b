"""Run Snakemake under one bar, for make: jobs done, what runs, and about how long it takes still.

On a terminal; elsewhere it is one line a job. What Snakemake warns of, and all that the jobs write,
is passed on above the bar. In a process of its own, since jobs write to the terminal, too.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column

from snakemake_logger_plugin_progress import VARIABLE


class Jobs:
    """The jobs of one run, from the events of the logger plugin."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self.plan({"total": 0})

    def plan(self, stats: dict[str, int]) -> None:
        """Begin a run with so many jobs of each rule."""
        self._start = self._clock()
        self._left = Counter(stats)  # jobs that have not ended, by rule
        self.total = self._left.pop("total")
        self._seconds: dict[str, list[float]] = {}  # that jobs took, by rule
        self._running: dict[int, tuple[str, str, float]] = {}  # rule, what it does, since when

    def begin(self, job: int, rule: str, doing: str) -> None:
        """A job has begun."""
        self._running[job] = rule, doing, self._clock()

    def fail(self, job: int) -> None:
        """A job has failed; it counts as one that is left."""
        self._running.pop(job, None)

    def end(self, job: int) -> str:
        """A job has ended; the line that says so."""
        rule, doing, begun = self._running.pop(job)
        seconds = self._clock() - begun
        self._seconds.setdefault(rule, []).append(seconds)
        self._left[rule] -= 1
        return f"{self.done} of {self.total}: {doing} ({seconds:.0f} s)"

    @property
    def done(self) -> int:
        """How many have ended well."""
        return sum(map(len, self._seconds.values()))

    @property
    def now(self) -> str:
        """What runs, the longest first."""
        return ", ".join(doing for _, doing, _ in self._running.values())

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self._clock() - self._start

    def remaining(self) -> float | None:
        """About how many seconds there are still; None before a job has ended.

        A job takes as long as those of its rule did in the mean, or as all did where none of its
        rule has ended; and as many run side by side as did so far.
        """
        took = [seconds for part in self._seconds.values() for seconds in part]
        if not took:
            return None
        means = {rule: sum(part) / len(part) for rule, part in self._seconds.items()}
        overall = sum(took) / len(took)
        work = sum(count * means.get(rule, overall) for rule, count in self._left.items())
        spent = sum(self._clock() - begun for _, _, begun in self._running.values())
        side_by_side = max(1.0, (sum(took) + spent) / self.elapsed)
        return max(0.0, work - spent) / side_by_side


class Bar(Progress):
    """The bar; each time that it is drawn it asks the jobs."""

    def __init__(self, jobs: Jobs, console: Console):
        self._jobs = jobs
        doing = Column(no_wrap=True, overflow="ellipsis", ratio=1)
        super().__init__(
            SpinnerColumn(),
            MofNCompleteColumn(),
            TextColumn("jobs"),
            BarColumn(20),
            TextColumn("{task.fields[left]}"),
            TextColumn("{task.description}", markup=False, table_column=doing),
            console=console,
            expand=True,
            transient=True,
            refresh_per_second=4,
        )
        self.add_task("", total=None, left="")

    def get_renderables(self) -> Iterable:
        """The bar as it is now."""
        jobs, left = self._jobs, self._jobs.remaining()
        for task in self.task_ids:
            self.update(
                task,
                total=jobs.total or None,
                completed=jobs.done,
                description=jobs.now,
                left="" if left is None else f"{duration(left)} left",
            )
        return super().get_renderables()


def duration(seconds: float) -> str:
    """A time that is an estimate, in the unit that suits it."""
    if seconds < 60:
        return "under 1 min"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"


def follow(lines: Iterable[str], jobs: Jobs, say: Callable[[str], None], each: bool) -> None:
    """Keep the jobs up to date; say what deserves it, and, if asked, that each job has ended."""
    for line in lines:
        match event := json.loads(line):
            case {"event": "run_info", "stats": stats}:
                jobs.plan(stats)
            case {"event": "job_info", "jobid": job, "rule_name": rule, "rule_msg": doing}:
                jobs.begin(job, rule, doing or rule)
            case {"event": "job_finished", "job_id": job}:
                ended = jobs.end(job)
                if each:
                    say(ended)
            case {"event": "job_error", "jobid": job}:
                jobs.fail(job)
        if "text" in event:
            say(event["text"])


def main(arguments: Sequence[str]) -> int:
    """Run `snakemake` with these arguments, and return its exit code."""
    console = Console(
        stderr=True, force_terminal=sys.stderr.isatty(), highlight=False, markup=False, emoji=False
    )

    def say(text: str) -> None:
        console.print(text.rstrip("\n"), soft_wrap=True)

    snakemake, events = _start(arguments)
    # Snakemake ends its jobs first, and says so; what a terminal sends, it has got by itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, _: snakemake.send_signal(number))
    written = threading.Thread(target=_pass_on, args=(snakemake.stderr, say), daemon=True)
    written.start()
    jobs, live = Jobs(), console.is_interactive
    with Bar(jobs, console) if live else nullcontext():
        follow(events, jobs, say, each=not live)
        snakemake.wait()
        written.join(5)  # longer only where a job left something behind that may still write
    if snakemake.returncode == 0:
        took = timedelta(seconds=round(jobs.elapsed))
        say(f"{jobs.done} jobs in {took}" if jobs.total else "Nothing to be done")
    return snakemake.returncode


def _pass_on(lines: Iterable[str], say: Callable[[str], None]) -> None:
    """Say all that jobs, and Snakemake outside of its log, write."""
    for line in lines:
        say(line)


def _start(arguments: Sequence[str]) -> tuple[subprocess.Popen, Iterable[str]]:
    """Snakemake, and the lines of its events."""
    events, to = os.pipe()
    snakemake = subprocess.Popen(
        [sys.executable, "-P", "-m", "snakemake", "--logger", "progress", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        pass_fds=[to],
        env=os.environ | {VARIABLE: str(to)},
    )
    os.close(to)
    return snakemake, open(events, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
