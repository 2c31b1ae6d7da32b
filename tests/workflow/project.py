"""A copy of the project in a folder of its own, used as its users use it."""

import atexit
import csv
import html
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import psutil
import yaml

from minibatch.tables import parquet

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
RUNS = list(yaml.safe_load((HERE / "config.yaml").read_text())["training"]["runs"])
PARTS = ("Snakefile", "workflow", "src", "profiles")
TOY = (HERE / "toy.py").read_text()
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
UV_CACHE = os.environ.get("UV_CACHE_DIR", str(CACHE / "uv"))  # environments are built from it
GUARD_SECONDS = 2400  # a hang ends before pytest ends the test, however slow the machine is

# Python runs this file before a stage. While there is a file `pause` in the project's folder, a
# training stops at the point that it names, and says so by a file `paused`.
PAUSE = """
import os, pathlib, sys, time

def pausing(point, function):
    def wrapped(*arguments):
        pause = pathlib.Path("pause")
        if pause.exists() and pause.read_text() == point:
            pathlib.Path("paused.new").write_text(str(os.getpid()))
            os.rename("paused.new", "paused")
            while pause.exists():
                time.sleep(0.02)
        return function(*arguments)
    return wrapped

if "minibatch.stages.train" in sys.orig_argv:
    os.replace = pausing("writing", os.replace)
    time.perf_counter_ns = pausing("measuring", time.perf_counter_ns)
"""


def train(*runs: str) -> set[str]:
    """The tables of some runs."""
    return {f"results/train/pytorch/cpu/{run}.parquet" for run in runs}


def _environments(folder: str, names: list[str]) -> list[str]:
    """What is not copied with a project: the packages, gigabytes, which no plan reads."""
    inside = Path(folder).parent.name == ".envs"
    return [name for name in names if inside and name != "bin"]


class Project:
    """A project folder, made where there is none; close it, so that no process lives on."""

    def __init__(self, folder: Path, template: "Project | None" = None):
        self.folder = folder
        if (folder / "Snakefile").exists():  # it was made before
            return
        if template is None:
            folder.mkdir(exist_ok=True)
            for part in PARTS:
                copy = shutil.copy2 if (ROOT / part).is_file() else shutil.copytree
                copy(ROOT / part, folder / part)
            shutil.copy2(HERE / "config.yaml", folder)
            (folder / "src/sitecustomize.py").write_text(PAUSE)
        else:
            shutil.copytree(
                template.folder,
                folder,
                symlinks=True,
                dirs_exist_ok=True,
                ignore=_environments,
            )

    def command(self, *arguments: str) -> dict:
        """What subprocess needs to call snakemake here, in an environment without settings."""
        dropped = ("MINIBATCH_", "SNAKEMAKE_", "PYTHONPATH", "HTTP_PROXY", "ALL_PROXY")
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.upper().startswith(dropped)
        }
        return {
            "args": [sys.executable, "-m", "snakemake", *arguments],
            "cwd": self.folder,
            "env": kept
            | {"XDG_CACHE_HOME": str(self.folder.parent / "cache"), "UV_CACHE_DIR": UV_CACHE},
            "text": True,
        }

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Call snakemake, with four cores unless the arguments say otherwise."""
        return PLANNER.ask(**self.command("--cores=4", *arguments))

    def run(self, *arguments: str) -> str:
        """Call snakemake, which must succeed; returns all that it says."""
        done = self.snakemake(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def fail(self, *arguments: str) -> str:
        """Call snakemake, which must fail in words that are meant for users."""
        done = self.snakemake(*arguments)
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert "Traceback" not in said, said
        return said

    @contextmanager
    def started(self, *arguments: str) -> Iterator["Running"]:
        """Start snakemake, which ends with the block at the latest."""
        running = Running(self.folder, **self.command("--cores=4", *arguments))
        try:
            yield running
        finally:
            running.kill()
            running.wait(GUARD_SECONDS)

    @contextmanager
    def paused(self, point: str, *arguments: str) -> Iterator["Running"]:
        """Start snakemake, and let its first training pause: "measuring" or "writing"."""
        (self.folder / "pause").write_text(point)
        with self.started(*arguments) as running:
            running.wait_for((self.folder / "paused").exists)
            yield running

    def resume(self) -> None:
        """Let the training that pauses go on, and no other pause."""
        (self.folder / "pause").unlink(missing_ok=True)

    def stage(self) -> psutil.Process:
        """The training that pauses."""
        return psutil.Process(int((self.folder / "paused").read_text()))

    def processes(self) -> list[psutil.Process]:
        """All processes that are at work in this folder."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.cwd() == str(self.folder.resolve()):
                    found.append(process)
            except psutil.Error:  # it ended meanwhile, or is none of ours
                continue
        return found

    def close(self) -> None:
        """End whatever a test left running here."""
        self.resume()
        for process in self.processes():
            process.kill()

    def rows(self, *arguments: str) -> dict[str, dict[str, str]]:
        """The rows of `snakemake --summary`, by output."""
        said = self._planned("--summary", *arguments).stdout.splitlines()
        [start] = [number for number, line in enumerate(said) if line.startswith("output_file\t")]
        rows = csv.DictReader(said[start:], delimiter="\t")
        return {row["output_file"]: row for row in rows}

    def plan(self, *arguments: str) -> str:
        """Call snakemake to say something only; returns all that it says."""
        done = self._planned(*arguments)
        return done.stdout + done.stderr

    def _planned(self, *arguments: str) -> subprocess.CompletedProcess:
        done = PLANNER.ask(**self.command("--cores=4", *arguments))
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    def pending(self, *arguments: str) -> set[str]:
        """The outputs that the next run would make."""
        rows = self.rows(*arguments)
        return {path for path, row in rows.items() if row["plan"] == "update pending"}

    def configure(self, change: Callable[[dict], object]) -> None:
        """Change config.yaml, read as a dictionary."""
        path = self.folder / "config.yaml"
        config = yaml.safe_load(path.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config, sort_keys=False))

    def add_framework(self, name: str, module: str, pins: str | None = None) -> None:
        """Write a framework's module, and its file of pins if it has one."""
        (self.folder / f"src/minibatch/frameworks/{name}.py").write_text(module)
        if pins is not None:
            (self.folder / f"workflow/envs/{name}.txt").write_text(pins)

    def replace(self, path: str, old: str, new: str) -> None:
        """Replace text that a file of the project has."""
        text = (self.folder / path).read_text()
        assert old in text
        (self.folder / path).write_text(text.replace(old, new))

    def remove(self, *paths: str) -> None:
        """Remove files of the project."""
        for path in paths:
            (self.folder / path).unlink()

    def files(self) -> dict[str, bytes]:
        """The content of all results by path, hidden ones included, but without logs."""
        paths = (path for path in self.folder.glob("results/**/*") if path.is_file())
        named = {path.relative_to(self.folder).as_posix(): path for path in paths}
        return {
            name: path.read_bytes()
            for name, path in named.items()
            if not name.startswith("results/logs/")
        }

    def report(self) -> str:
        """The text of the report, without its figures."""
        page = (self.folder / "results/report.html").read_text()
        return html.unescape(re.sub('src="data:[^"]*"', "", page))

    def read(self, path: str) -> pd.DataFrame:
        """Read a table of the project."""
        return parquet.read(self.folder / path)

    def verdicts(self, framework: str, device: str = "cpu") -> pd.DataFrame:
        """The verdicts of a framework: on all but what is compiled, then on that."""
        paths = (f"{device}.parquet", f"{device}/compiled.parquet")
        return pd.concat(self.read(f"results/verify/{framework}/{path}") for path in paths)

    def traces(self, *runs: str) -> dict[str, pd.DataFrame]:
        """What some trainings recorded, or all, apart from times."""
        found = {}
        for path in train(*(runs or RUNS)):
            table = self.read(path)
            timed = [column for column in table if column.endswith("seconds")]
            found[path] = table.drop(columns=timed)
        return found


class AsUsers(Project):
    """A project whose snakemake is a process of its own, which imports all that it needs."""

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Call snakemake, with four cores unless the arguments say otherwise."""
        command = self.command("--cores=4", *arguments)
        return subprocess.run(**command, capture_output=True, timeout=GUARD_SECONDS, check=False)


class Planner:
    """The process that calls snakemake for all projects; it starts with the first call."""

    def __init__(self):
        self._process = None

    def ask(self, args: list, cwd: Path, env: dict[str, str], **_) -> subprocess.CompletedProcess:
        """What comes of a call of `python -m snakemake`."""
        outputs = [cwd.parent / f"{name}.{time.monotonic_ns()}" for name in ("stdout", "stderr")]
        request = {"folder": str(cwd), "environment": env, "arguments": args}
        request |= {path.stem: str(path) for path in outputs}
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(HERE / "planner.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            atexit.register(self._process.communicate)
        print(json.dumps(request), file=self._process.stdin, flush=True)
        code = int(self._process.stdout.readline())
        return subprocess.CompletedProcess(args, code, *(path.read_text() for path in outputs))


PLANNER = Planner()


class Running(subprocess.Popen):
    """A process, in a session of its own as if it had a terminal, and what it says."""

    def __init__(self, folder: Path, **command):
        self._log = folder.parent / f"said.{time.monotonic_ns()}"
        with self._log.open("w") as log:
            super().__init__(
                **command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                # What a shell starts in the background ignores Ctrl-C, and that is inherited.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def said(self) -> str:
        """All it has said so far."""
        return self._log.read_text()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds, which the process should bring about."""
        end = time.monotonic() + GUARD_SECONDS
        while not condition():
            assert time.monotonic() < end, f"waited in vain: {self.said()}"
            assert self.poll() is None or condition(), f"ended before: {self.said()}"
            time.sleep(0.02)

    def finish(self) -> int:
        """Wait for the end, and return the exit code."""
        return self.wait(GUARD_SECONDS)


def assert_same(left: dict[str, pd.DataFrame], right: dict[str, pd.DataFrame]) -> None:
    """Compare traces, to the last bit."""
    assert left.keys() == right.keys()
    for name in left:
        pd.testing.assert_frame_equal(left[name], right[name], check_exact=True)
