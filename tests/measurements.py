"""Every table that a configuration asks for, with numbers as a machine might have measured them."""

from collections.abc import Sequence
from functools import cache
from types import SimpleNamespace
from zlib import crc32

import numpy as np
import pandas as pd
import pyarrow as pa

import builders
from minibatch.plan import experiment
from minibatch.sgd import surrogate
from minibatch.sgd.numpy_bounds import level
from minibatch.sgd.protocols import Run
from minibatch.stages.baseline import NAMES
from minibatch.stages.baseline import cells as baselines
from minibatch.stages.gather import gather
from minibatch.stages.predict import COLUMNS, predict
from minibatch.stages.standardise import standardise
from minibatch.stages.steptime import cells
from minibatch.stages.train import combinations
from minibatch.stages.variants import VARIANTS
from minibatch.tables import parquet, provenance
from minibatch.tables import verdicts as gate
from minibatch.tables.canonical import digest
from minibatch.tables.epochs import WHOLE_EPOCHS

SUBJECTS = ["products", "clock", "scratch", "concise", "compiled"]
RUN = ["implementation", "objective", "loader", "batch_size", "learning_rate", "epochs"]
RUN += ["schedule", "sampling", "copies"]
FLOOR = 0.2417
# How a run may go: the loss at its end from that at its beginning.
FATES = {
    "falls": lambda first, random: FLOOR + (first - FLOOR) * random.uniform(0, 0.2),
    "to the floor": lambda *_: FLOOR,
    "stays": lambda first, _: first,
    "rises": lambda first, random: first * random.uniform(1, 1e6),
    "overflows": lambda *_: np.inf,
    "no number": lambda *_: np.nan,
}
SHARES = [0.6, *[0.08] * 5]  # of all runs
VARIED = ["loader", "batch_size", "learning_rate"]  # within a table of traces
SECONDS = ["seconds", "load_seconds", "compute_seconds", "update_seconds"]
NOTHING = pd.DataFrame(columns=[*COLUMNS])  # predicted where no step was timed
POINTS = 4  # of a trace, after its first


class Tables:
    """The tables of a configuration, each made when it is read, and served in the place of files.

    `closed` are subjects whose check failed, by framework and device: what that forbids has a
    table without rows. `fates` is how often a run goes which way, in the order of FATES. While
    `patch` lasts, stages read these tables, and write theirs to `found`, by path.
    """

    def __init__(
        self, config: dict, seed: int, closed: dict, patch, fates: Sequence[float] = SHARES
    ):
        self.found: dict[str, pd.DataFrame] = {}
        self._asked = experiment.measured(config)
        self._rows = config["dataset"]["rows"]
        self._seed, self._closed, self._fates = seed, closed, fates
        here = {"started": "today", "commit": "abc", "system": "Linux", "python": "3"}
        here |= {"numpy": "2", "pandas": "3", "pyarrow": "20"}
        patch.setattr(experiment, "measured", lambda _: self._asked)  # which takes its time
        origin = parquet.origin
        patch.setattr(parquet, "origin", lambda frames: Shared(origin(frames)))
        patch.setattr(parquet, "read", self._read)
        patch.setattr(parquet, "write", self._write)
        patch.setattr(provenance, "collect", lambda **more: here | more)

    def _read(self, path, expected=None) -> pd.DataFrame:
        """In the place of `parquet.read`."""
        table = self._at(str(path))
        assert expected in (None, digest(table.attrs["parameters"]))
        return table.copy(deep=False)  # the reader's own, with `attrs` of its own

    def _write(self, frame: pd.DataFrame, path, *, parameters: dict, provenance: dict) -> None:
        """In the place of `parquet.write`: columns get the types of a file that was read again."""
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        self._keep(str(path), table.to_pandas(ignore_metadata=True), parameters, provenance)

    def _keep(self, path: str, table: pd.DataFrame, parameters: dict, provenance: dict) -> None:
        table.attrs = {"parameters": Shared(parameters), "provenance": Shared(provenance)}
        self.found[path] = table

    def _at(self, path: str) -> pd.DataFrame:
        if path not in self.found:
            parameters = self._asked[path]
            about = {"machines": ["here, a CPU, 2 cores"], "gpus": [], "threads": [1]}
            about["frameworks"] = [parameters.get("framework", "numba")]
            random = np.random.default_rng([self._seed, crc32(path.encode())])
            self._keep(path, self._measure(path, parameters, random), parameters, about)
        return self.found[path]

    def _measure(self, path: str, parameters: dict, random) -> pd.DataFrame:
        """A table that the configuration asks for."""
        _, stage, *_ = path.removesuffix(".parquet").split("/")
        if stage == "data":
            return _examples(self._rows, parameters["scaling"]).copy()
        if path == experiment.CURVES:
            return _curves(parameters, self._rows, random)
        if path == experiment.FINALS:
            return _finals(parameters, random, self._fates)
        if path == experiment.VARIANTS:
            return _variants(parameters, self._rows, random, self._fates)
        if stage == "parallel" and "launch" in parameters:
            return self._steps(parameters)
        if stage == "ceilings" and "copy_kib" in parameters:
            return self._ceilings(parameters)
        if stage == "protocol":
            runs = [Run(**run) for run in parameters["runs"]]
            names = ("repeats", "launch")
            clocked = builders.clocked(runs, **{name: parameters[name] for name in names})
            return clocked.assign(seconds=_seconds(random, len(clocked)))
        if stage == "predicted":
            read = map(self._at, parameters["inputs"])
            tables = dict(zip(("examples", "curves", "samples"), read, strict=True))
            return predict(tables, parameters["target"]) if len(tables["samples"]) else NOTHING
        if "launch" in parameters and "framework" not in parameters:
            return _baseline(parameters, self._rows, random)
        if "framework" not in parameters:
            return gather([self._at(part) for part in parameters["inputs"]])
        place = {name: parameters[name] for name in ("framework", "device")}
        failed = self._closed.get(tuple(place.values()), "")
        if stage == "verify":
            precisions = [name for name in parameters["precisions"] if name != "float32"]
            verdicts = builders.verdicts({failed: "it was wrong"}, SUBJECTS + precisions, **place)
            compiled = path.endswith("/compiled.parquet")
            return verdicts[verdicts.subject.isin(WHOLE_EPOCHS) == compiled]
        if stage == "matmul":
            table, subject = self._products(parameters), "precision"
        elif stage == "steptime":
            table, subject = _paces(parameters, self._rows, random), "implementation"
        elif stage == "confirm":
            [path] = [path for path in parameters["inputs"] if "/predicted/" in path]
            table, subject = _real(self._at(path), parameters, random), "implementation"
        else:
            table = _traces(parameters, self._rows, random, self._fates)
            subject = "implementation"
        table = table.assign(**place)
        if failed in gate.ALONE:
            return table[table[subject] != failed]
        return table[:0] if failed else table

    def _products(self, parameters: dict) -> pd.DataFrame:
        """A launch of the cases that are asked for."""
        place = [parameters[name] for name in ("framework", "device")]
        launch = parameters["launch"]
        seconds = {
            tuple(case): [self._of_a_launch(launch, place, case)] for case in parameters["cases"]
        }
        return builders.products(seconds, threads=parameters["threads"]).assign(launch=launch)

    def _ceilings(self, parameters: dict) -> pd.DataFrame:
        """A launch of a product and of copies."""
        launch, copies = parameters["launch"], [kib * 2**7 for kib in parameters["copy_kib"]]
        cases = [("product", parameters["product"], 0, "float32")]
        cases += [("copy", n, 0, "float32") for n in copies]
        seconds = {case: [self._of_a_launch(launch, case)] for case in cases}
        sizes = {"L1": 2**15, "L2": 2**20, "L3": 2**25}
        levels = {n: level(8 * n, sizes) for n in copies}
        return builders.products(seconds, levels, framework="numpy").assign(launch=launch)

    def _steps(self, parameters: dict) -> pd.DataFrame:
        """A launch of steps that several processes share."""
        launch, device = parameters["launch"], parameters["device"]
        cases = [(r, size) for size in parameters["batch_sizes"] for r in parameters["ranks"]]
        seconds = {case: [self._of_a_launch(launch, device, case)] for case in cases}
        return builders.steps(seconds, device=device).assign(launch=launch)

    def _of_a_launch(self, launch: int, *case) -> float:
        """The seconds of a case, which launches have about alike."""
        seed = [self._seed, crc32(repr(case).encode())]
        [seconds] = _seconds(np.random.default_rng(seed), 1)
        return seconds * np.random.default_rng([*seed, launch]).uniform(1, 1.1)


class Shared(dict):
    """A dictionary that nobody changes: pandas copies `attrs` deeply with every operation."""

    def __deepcopy__(self, memo):
        return self


@cache
def _examples(rows: int, scaling: str) -> pd.DataFrame:
    return standardise(surrogate.table(), rows=rows, scaling=scaling)


def _baseline(parameters: dict, examples: int, random) -> pd.DataFrame:
    """A launch of what needs no framework."""
    ways = {
        (NAMES[cell.implementation][0], "baseline", cell.loader, cell.batch_size): 0
        for cell in baselines(parameters["batch_sizes"], examples)
    }
    return _launch(ways, parameters, examples, random)


def _paces(parameters: dict, examples: int, random) -> pd.DataFrame:
    """A launch of a framework; what works on after a call has no phases."""
    names = ["scratch", "concise", "compiled"]
    names += ["graph"] if parameters["device"] == "cuda" else []
    framework = SimpleNamespace(IMPLEMENTATIONS=dict.fromkeys(names))
    about = (parameters[name] for name in ("device", "loaders", "batch_sizes"))
    wanted = cells(framework, *about)
    name = parameters["framework"]
    ways = {(name, cell.implementation, cell.loader, cell.batch_size): 0 for cell in wanted}
    table = _launch(ways, parameters, examples, random)
    apart = ~table.implementation.isin(WHOLE_EPOCHS) & (random.random() < 0.5)
    phases = [*SECONDS[1:], "start_seconds"]
    return table.assign(**{phase: table[phase].where(apart) for phase in phases})


def _launch(ways: dict, parameters: dict, examples: int, random) -> pd.DataFrame:
    seconds = {way: _seconds(random, 1) for way in ways}
    table = builders.samples(seconds, examples, busy=bool(random.random() < 0.1))
    return table.assign(launch=parameters["launch"])


def _real(predicted: pd.DataFrame, parameters: dict, random) -> pd.DataFrame:
    """A launch of real runs, which take about the time predicted, or another, and may diverge."""
    about = [parameters["launch"]], parameters["seeds"], int(random.integers(1, 3))
    table = builders.real(predicted, *about)
    took = table.seconds * random.choice([1, 3]) * random.uniform(0.95, 1.05, len(table))
    losses = random.choice([0.2, 0.3, np.inf], p=[0.6, 0.3, 0.1])
    return table.assign(seconds=took, cpu_seconds=took, loss=losses)


def _curves(parameters: dict, examples: int, random) -> pd.DataFrame:
    """A sweep whose runs end at the floor, or above all that may be asked for."""
    lowest = FLOOR if random.random() < 0.8 else 1e7
    least = random.integers(1, 10)
    counts = {
        size: int(least * (1 + random.uniform(10, 200) / size))
        for size in parameters["batch_sizes"]
    }
    return builders.curves(counts, lowest, examples)


def _finals(parameters: dict, random, fates: Sequence[float]) -> pd.DataFrame:
    """Losses of a few seeds, of runs that do not all end well."""
    ends = {run["run"]: _fate(random, fates)(0.5, random) for run in parameters["runs"]}
    losses = {run: np.inf if np.isnan(end) else end for run, end in ends.items()}
    return builders.finals(parameters["runs"], losses)


def _variants(parameters: dict, examples: int, random, fates: Sequence[float]) -> pd.DataFrame:
    """Runs that fall or rise by a factor an epoch, some of them beyond all numbers."""
    factors = {}
    for run in parameters["runs"]:
        for name in VARIANTS:
            factor = (_fate(random, fates)(0.5, random) - FLOOR) / (0.5 - FLOOR)
            factors[run["run"], name] = factor if np.isfinite(factor) else 1e300
    return builders.variants(parameters["runs"], factors, FLOOR, examples)


def _fate(random, fates: Sequence[float]):
    """How a run goes."""
    return FATES[random.choice(list(FATES), p=fates)]


def _traces(parameters: dict, examples: int, random, fates: Sequence[float]) -> pd.DataFrame:
    """Traces of all combinations and seeds: a few points each, over all its updates."""
    apart = parameters["device"] == "cpu" and parameters["implementation"] != "compiled"
    phases = (1, 0.3, 0.4, 0.3) if apart else (1, np.nan, np.nan, np.nan)
    points, about = [], []
    for run in combinations(parameters):
        updates = run.epochs * -(-examples * run.copies // run.batch_size)
        steps = np.linspace(0, updates, min(updates, POINTS) + 1).round()
        fate = _fate(random, fates)
        for seed in range(parameters["seeds"]):
            losses, [pace] = _losses(fate, len(steps), random), _seconds(random, 1)
            points.append([steps, run.epochs * steps / updates, losses, steps * pace])
            about += [(*(getattr(run, name) for name in VARIED), seed)] * len(steps)
    common = {name: getattr(run, name) for name in RUN if name not in VARIED}
    table = pd.DataFrame(about, columns=[*VARIED, "seed"])
    step, epoch, loss, seconds = np.hstack(points)
    timed = {name: part * seconds for name, part in zip(SECONDS, phases, strict=True)}
    return table.assign(
        machine="here",
        run=parameters["run"],
        **common,
        step=step.astype(int),
        epoch=epoch,
        loss=loss,
        **timed,
    )


def _losses(fate, points: int, random) -> np.ndarray:
    """A curve that bends, to a loss that need not be finite."""
    first = random.uniform(0.4, 0.7)
    end = fate(first, random)
    middle = (end if np.isfinite(end) else 9) - first
    losses = first + middle * np.linspace(0, 1, points) ** 0.3
    losses[-1] = end
    return losses


def _seconds(random, count: int) -> list[float]:
    """As spread as clocks are: within a few decades, and about alike for one case."""
    return list(10 ** random.uniform(-6, 1) * random.uniform(1, 1.3, count))
