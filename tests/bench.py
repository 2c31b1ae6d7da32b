"""The project's own ratios, each with the bound that it must keep: `make bench`.

Here, since it checks the project as tests do, on the small study that they run. All are ratios of
times of one call, so that a bound holds on any machine.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import NamedTuple

import numpy as np
import yaml
from project import ROOT, AsUsers, Project
from threadpoolctl import threadpool_limits

from minibatch import frameworks
from minibatch.plan import targets
from minibatch.sgd import cases, sampling, surrogate, sweep
from minibatch.sgd.baselines import Fit
from minibatch.sgd.engine import Engine
from minibatch.sgd.moments import Moments
from minibatch.stages import summary
from minibatch.stages.train import Run, train
from minibatch.tables import parquet
from minibatch.tables.canonical import canonical

REPEATS = 3
SHORT = 20  # repeats of what takes milliseconds

EXAMPLES, FEATURES = 1500, 5
RATES = np.geomspace(1e-4, 1e-2, 64)  # at which no run diverges
EPOCHS = 40  # of 60,000 examples together
PRODUCT = 1024
SHARES = {1500: 0.9, 100: 0.9, 10: 0.7, 1: 0.5}  # of a product's FLOP rate, by batch size
EXCESS = 0.002  # the share above the floor that the runs of the sweep reach


class Ratio(NamedTuple):
    """A ratio, and what it may be at most, or else has to be at least."""

    what: str
    value: float
    bound: float
    least: bool = False

    def kept(self) -> bool:
        """Whether the bound is."""
        return self.value >= self.bound if self.least else self.value <= self.bound

    def __str__(self) -> str:
        side, beyond = ("at least", "SMALL") if self.least else ("at most", "LARGE")
        mark = "" if self.kept() else f"  TOO {beyond}"
        return f"{self.value:10.3f}  {side} {self.bound:.2f}  {self.what}{mark}"


def main() -> int:
    """Print all ratios as they are known; 1 where one is beyond its bound."""
    found, launches = [], ROOT / "results/summary/steptime.parquet"
    for ratio in chain(of_the_engine(), of_the_workflow(), of_launches(launches)):
        print(ratio, flush=True)
        found.append(ratio)
    return int(not all(ratio.kept() for ratio in found))


def of_the_engine() -> Iterator[Ratio]:
    """How fast the runs of the sweep are, on one core."""
    pytorch = frameworks.load("pytorch")
    pytorch.set_threads(1)
    table = surrogate.table().astype(np.float32)[:EXAMPLES]
    x, y = np.ascontiguousarray(table[:, :FEATURES]), np.ascontiguousarray(table[:, FEATURES])
    with threadpool_limits(1):
        for size, bound in SHARES.items():
            what = f"the engine's FLOP rate at batch size {size}, beside a product's"
            yield Ratio(what, _share_of_a_product(x, y, size), bound, least=True)
        what = "an epoch of a single run at batch size 1, beside that of scikit-learn's fit"
        yield Ratio(what, _beside_fit(x, y), 1 / 3)
        for size in SHARES:
            what = f"one run after the other in PyTorch at batch size {size}, beside the sweep"
            yield Ratio(what, _beside_pytorch(pytorch, x, y, size), 100, least=True)


def _share_of_a_product(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """The FLOP of runs side by side a second, over those of a product of float32 matrices."""
    left, right, result = (np.ones((PRODUCT, PRODUCT), np.float32) for _ in range(3))
    took = _least(
        {
            "runs": _runs(x, y, size, RATES),
            "product": lambda: np.matmul(left, right, out=result),
        }
    )
    runs = 4 * (FEATURES + 1) * EPOCHS * EXAMPLES * len(RATES)
    return runs / took["runs"] / (2 * PRODUCT**3 / took["product"])


def _beside_fit(x: np.ndarray, y: np.ndarray) -> float:
    """The time of a single run, over that of one call of scikit-learn's fit for its epochs."""
    order = sampling.batch_order(EXAMPLES, 0, 0, "permutation", 1)
    fit = Fit(sampling.initial_weights(0, FEATURES), "half_mse", "cpu")
    took = _least(
        {
            "run": _runs(x, y, 1, RATES[-1:]),
            "fit": lambda: fit.epochs(x, y, order, 1, RATES[-1], EPOCHS),
        }
    )
    return took["run"] / took["fit"]


def _runs(x: np.ndarray, y: np.ndarray, size: int, rates: np.ndarray) -> Callable:
    """What takes the steps of all epochs at these rates."""
    engine, start = Engine(x, y), sampling.initial_parameters(0, FEATURES)
    order = np.array(
        [sampling.batch_order(EXAMPLES, 0, epoch, "permutation", 1) for epoch in range(EPOCHS)],
        np.uint16,
    )
    points = np.array([0, EPOCHS * -(-EXAMPLES // size)])
    return lambda: engine.excess(start, order, size, rates, points, np.ones(EPOCHS))


def _beside_pytorch(pytorch: ModuleType, x: np.ndarray, y: np.ndarray, size: int) -> float:
    """The time of a seed's runs at all learning rates in PyTorch, over that in the sweep.

    All runs take the same steps there: as long as those of one epoch.
    """
    [case] = cases.planned(Moments(x, y), [size], len(RATES), EXCESS)
    run = Run(
        **{"device": "cpu", "implementation": "scratch", "loader": "direct"},
        **{"objective": "half_mse", "batch_size": size, "learning_rate": RATES[-1], "epochs": 1},
        **{"schedule": "constant", "sampling": "permutation", "copies": 1, "seed": 0},
    )
    traces = [train(pytorch, x, y, run) for _ in range(REPEATS)]
    step = min(trace.seconds.iloc[-1] / trace.step.iloc[-1] for trace in traces)
    took = _least({"sweep": lambda: [*sweep.run(x, y, [case], seeds=1)]})
    return step * case.horizon * len(RATES) / took["sweep"]


def _least(calls: dict[str, Callable]) -> dict[str, float]:
    """The least time of each of some calls, after the first, which compiles."""
    in_turns(calls, 1)
    return {name: min(values) for name, values in in_turns(calls, SHORT).items()}


def in_turns(calls: dict[str, Callable], repeats: int) -> dict[str, list[float]]:
    """How long each call takes each time, one after the other: all meet the same machine."""
    took = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            took[name].append(seconds(call))
    return took


def of_the_workflow() -> Iterator[Ratio]:
    """What Snakemake costs, on the small study in a folder of its own."""
    with TemporaryDirectory() as folder:
        project = AsUsers(Path(folder) / "study")
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
    alone, together, nothing = map(median, in_turns(calls, REPEATS).values())
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
