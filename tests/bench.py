"""The project's own ratios, each with the bound that it must keep: `make bench`.

Here, since it checks the project as tests do, on the small study that they run. All are ratios of
times of one call, so that a bound holds on any machine.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import NamedTuple

import yaml
from project import ROOT, Project

from minibatch.plan import targets
from minibatch.stages import summary
from minibatch.tables import parquet
from minibatch.tables.canonical import canonical

REPEATS = 3


class Ratio(NamedTuple):
    """A ratio, and what it may be at most."""

    what: str
    value: float
    bound: float

    def __str__(self) -> str:
        kept = "" if self.value <= self.bound else "  TOO LARGE"
        return f"{self.value:7.3f}  at most {self.bound:.2f}  {self.what}{kept}"


def main() -> int:
    """Print all ratios as they are known; 1 where one is too large."""
    found = []
    for ratio in (*of_the_workflow(), *of_launches(ROOT / "results/summary/steptime.parquet")):
        print(ratio, flush=True)
        found.append(ratio)
    return int(any(ratio.value > ratio.bound for ratio in found))


def of_the_workflow() -> Iterator[Ratio]:
    """What Snakemake costs, on the small study in a folder of its own."""
    with TemporaryDirectory() as folder:
        project = Project(Path(folder) / "study")
        try:
            first, again = seconds(project.run), seconds(project.run)
            yield Ratio(
                "a rerun with nothing to do, beside the small study itself", again / first, 0.1
            )
            yield Ratio("the overhead of jobs, beside their work", _overhead(project), 0.5)
        finally:
            project.close()


def _overhead(project: Project) -> float:
    """What jobs take longer as a rule's than by themselves, over what they take by themselves.

    All summaries, one after another, since they measure nothing.
    """
    config = yaml.safe_load((project.folder / "config.yaml").read_text())
    jobs = {
        f"results/summary/{name}.parquet": target
        for name, target in targets.summaries(config).items()
    }
    calls = {
        "alone": lambda: [_summarise(project, path, jobs[path]) for path in jobs],
        "jobs": lambda: project.run("--cores=1", "--forcerun", *jobs, "--", *jobs),
        "nothing": lambda: project.run("--cores=1", "--", *jobs),
    }
    took = {name: [] for name in calls}
    for _ in range(REPEATS):  # in turns, so that all meet the same machine
        for name, call in calls.items():
            took[name].append(seconds(call))
    alone, together, nothing = (median(values) for values in took.values())
    return (together - nothing) / alone - 1


def _summarise(project: Project, path: str, target: targets.Target) -> None:
    """Make a summary as its rule does, without Snakemake."""
    command = project.command()
    command["args"] = [sys.executable, "-P", "-m", summary.__name__, "--output", path]
    command["args"] += ["--parameters", canonical(target.parameters), "--inputs", *target.inputs]
    command["env"] |= {"PYTHONPATH": str(project.folder / "src")}
    subprocess.run(**command, capture_output=True, check=True)


def of_launches(path: Path) -> Iterator[Ratio]:
    """How far the launches of a place differ: half the interval of a cell's time, as a median."""
    if not path.exists():
        print(f"not there: {path}, whose intervals over launches are ratios, too: call make before")
        return
    cells = parquet.read(path)
    half = (cells.seconds_high / cells.seconds_low) ** 0.5 - 1
    for place, own in half.groupby([cells.framework, cells.device], sort=False):
        yield Ratio(f"half the interval of a step's time, {' on '.join(place)}", own.median(), 0.15)


def seconds(call: Callable) -> float:
    """How long a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


if __name__ == "__main__":
    sys.exit(main())
