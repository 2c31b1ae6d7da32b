"""Every table that a configuration asks for, with numbers as a machine might have measured them."""

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa

import builders
from minibatch.plan import experiment
from minibatch.sgd import surrogate
from minibatch.stages.gather import gather
from minibatch.stages.standardise import standardise
from minibatch.stages.train import combinations
from minibatch.tables import parquet, provenance
from minibatch.tables import verdicts as gate
from minibatch.tables.canonical import digest

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


def measure(config: dict, seed: int, closed: dict[tuple[str, str], str]) -> dict[str, pd.DataFrame]:
    """The tables by path; `closed` are subjects whose check failed, by framework and device.

    Each has its parameters and provenance under `attrs`, as one that was read. A job whose gate
    is closed has a table without rows.
    """
    random = np.random.default_rng(seed)
    found: dict[str, pd.DataFrame] = {}
    for path, parameters in experiment.measured(config).items():
        table = _table(path, parameters, found, random, closed)
        about = {"machines": ["here, a CPU, 2 cores"], "gpus": [], "threads": [1]}
        about["frameworks"] = [parameters.get("framework", "numba")]
        table.attrs = {"parameters": parameters, "provenance": about}
        found[path] = table
    return found


def _table(path: str, parameters: dict, found: dict, random, closed: dict) -> pd.DataFrame:
    """One table of `measure`, of which `found` has those before it."""
    _, stage, *_ = path.removesuffix(".parquet").split("/")
    if stage == "data":
        return _examples(parameters["rows"], parameters["scaling"]).copy()
    if stage == "baseline":
        return _baseline(parameters, random)
    if stage == "parallel":
        return _steps(parameters, random)
    place = {name: parameters[name] for name in ("framework", "device") if name in parameters}
    if stage == "verify":
        failed = closed.get((place["framework"], place["device"]), "")
        precisions = [name for name in parameters["precisions"] if name != "float32"]
        verdicts = builders.verdicts({failed: "it was wrong"}, SUBJECTS + precisions, **place)
        compiled = path.endswith("/compiled.parquet")
        return verdicts[(verdicts.subject == gate.COMPILED) == compiled]
    if not place:
        return gather([found[part] for part in parameters["inputs"]])
    verdicts = pd.concat(found[name] for name in parameters["inputs"] if "/verify/" in name)
    place["threads"] = parameters["threads"]
    if stage == "matmul":
        return _products(parameters, verdicts, random, place)
    return _traces(parameters, verdicts, len(found[experiment.EXAMPLES]), random, place)


@cache
def _examples(rows: int, scaling: str) -> pd.DataFrame:
    return standardise(surrogate.table(), rows=rows, scaling=scaling)


def _baseline(parameters: dict, random) -> pd.DataFrame:
    sizes = parameters["batch_sizes"]
    kinds = [("numba", size) for size in sizes] + [("scikit-learn", 1)] * (1 in sizes)
    seconds = {kind: _seconds(random, parameters["seeds"]) for kind in kinds}
    return builders.baseline(seconds, learning_rate=parameters["learning_rate"], loss=0.3)


def _steps(parameters: dict, random) -> pd.DataFrame:
    cases = [(r, size) for size in parameters["batch_sizes"] for r in parameters["ranks"]]
    return builders.steps(
        {case: _seconds(random, 3) for case in cases}, device=parameters["device"]
    )


def _products(parameters: dict, verdicts: pd.DataFrame, random, place: dict) -> pd.DataFrame:
    if gate.closed(verdicts):
        return pd.DataFrame()
    if "ceilings" in parameters:
        asked = parameters["ceilings"]
        cases = [("copy", asked["copy_mib"] * 2**18, 0, "float32")]
        cases += [("product", asked["product"], 0, name) for name in asked["precisions"]]
    else:
        n = parameters["n"]
        cases = [(name, n, width, precision) for name, width, precision in parameters["cases"]]
    closed = {name for name in {name for *_, name in cases} if gate.closed(verdicts, name)}
    rows = [
        (*case, repeat, seconds)
        for case in cases
        if case[-1] not in closed
        for repeat, seconds in enumerate(_seconds(random, int(random.integers(1, 4))))
    ]
    columns = ["strategy", "n", "block", "precision", "repeat", "seconds"]
    return pd.DataFrame(rows, columns=columns).assign(machine="here", **place)


def _traces(
    parameters: dict, verdicts: pd.DataFrame, examples: int, random, place: dict
) -> pd.DataFrame:
    if gate.closed(verdicts, parameters["implementation"]):
        return pd.DataFrame()
    apart = place["device"] == "cpu" and parameters["implementation"] != "compiled"
    phases = (0.3, 0.4, 0.3) if apart else (np.nan,) * 3
    names = ["machine", "framework", "device", "run", *RUN, "seed", "step", "epoch"]
    names += ["loss", "seconds", "load_seconds", "compute_seconds", "update_seconds"]
    rows = []
    for run in combinations(parameters):
        about = "here", place["framework"], place["device"], parameters["run"]
        about += tuple(getattr(run, name) for name in RUN)
        updates = run.epochs * -(-examples * run.copies // run.batch_size)
        fate = FATES[random.choice(list(FATES), p=[0.75, *[0.05] * 5])]
        for seed in range(parameters["seeds"]):
            losses, [pace] = _losses(fate, min(updates, 4), random), _seconds(random, 1)
            for step, loss in zip(
                np.linspace(0, updates, len(losses)).round(), losses, strict=True
            ):
                seconds = step * pace
                parts = (part * seconds for part in phases)
                rows.append(
                    (*about, seed, step, run.epochs * step / updates, loss, seconds, *parts)
                )
    return pd.DataFrame(rows, columns=names).astype({"step": int})


def _losses(fate, points: int, random) -> np.ndarray:
    """A curve that bends, to a loss that need not be finite."""
    first = random.uniform(0.4, 0.7)
    end = fate(first, random)
    losses = (
        first + ((end if np.isfinite(end) else 9) - first) * np.linspace(0, 1, points + 1) ** 0.3
    )
    losses[-1] = end
    return losses


def _seconds(random, count: int) -> list[float]:
    """As spread as clocks are: within a few decades, and about alike for one case."""
    return list(10 ** random.uniform(-6, 1) * random.uniform(1, 1.3, count))


class Tables:
    """Tables in memory, in the place of files: what a stage reads and writes while it is there."""

    def __init__(self, found: dict[str, pd.DataFrame], patch):
        """Serve the tables by path to `parquet.read`, and take those of `parquet.write`."""
        self.found = found
        here = {"started": "today", "commit": "abc", "system": "Linux", "python": "3"}
        here |= {"numpy": "2", "pandas": "3", "pyarrow": "20"}
        patch.setattr(parquet, "read", self._read)
        patch.setattr(parquet, "write", self._write)
        patch.setattr(provenance, "collect", lambda **more: here | more)

    def _read(self, path, expected=None) -> pd.DataFrame:
        table = self.found[str(path)]
        assert expected in (None, digest(table.attrs["parameters"]))
        copy = table.copy()
        copy.attrs = table.attrs
        return copy

    def _write(self, frame: pd.DataFrame, path, *, parameters: dict, provenance: dict) -> None:
        # the types of columns are those of a file that was read again
        table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata()
        self.found[str(path)] = table.to_pandas(ignore_metadata=True)
        self.found[str(path)].attrs = {"parameters": parameters, "provenance": provenance}
