"""Configurations, drawn from the schema of config.yaml.

By a random generator, and not choice by choice by Hypothesis, which takes longer over hundreds of
choices than a figure takes to be drawn, and tries each configuration again with small changes.
"""

from copy import deepcopy
from random import Random

import yaml

from minibatch.plan import environments
from minibatch.plan.schemas import DEFINITIONS, ROOT, SCHEMA
from minibatch.sgd.strategies import STRATEGIES
from minibatch.summaries.chapter import BLOCK

# What the schema leaves open, and small numbers, since a synthetic table has rows for each.
LARGEST = 16384
SIZES = [1, 2, 8, 32, 64, 128, 256, 512, 1024, LARGEST]
FRAMEWORKS = ["pytorch", "tensorflow", "mxnet", "jax"]
CHAPTER = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["training"]["runs"]
CHAPTER = {
    name: CHAPTER[name] for name in ("gd", "sgd", "minibatch_100", "minibatch_10", "concise_10")
}
NAMES = [*CHAPTER, "x", "y", "z"]
SOME = [1, 2, 5, 10]  # batch sizes that every dataset here has
VALUES = {
    "frameworks": FRAMEWORKS,
    "sources": ["http://one.example/table.dat"],
    "rows": [10, 100, 1500, 1503, *range(11, 1503, 100)],
    "threads": [1, 2, 3, 4],
    "seeds": [2, 3],
    "launches": [2, 3],
    "epochs": [1, 2, 3, 10, 1000],
    "copies": [1, 2, 3],
    "learning_rate": [0.005, 0.05, 0.4, 1, 1.0, 30.0, 1e-9, 1e200],
    "batch_size": [1, 2, 10, 50, 64, 100, 777, 1500, 3000],
    "target_loss": [0.25, 0.3, 1, 1e-6, 1e6],
    "budget_seconds": [1e-3, 1, 100.0],
    "block": [1, 32, BLOCK, BLOCK, 512],
    "columns": [1, 32, BLOCK, 512],
    "repeats": [1, 2],
    "learning_rates": [2, 3, 5],
    "seeds_of_runs": [40, 50],
    "lowest": ["0.1%", "1 %", "50%"],
    "targets": [0.25, 1, "0.5%", "50%", "90 %"],
    "resamples": [100, 150],
    "ranks": [*range(1, 10)],
    "copy_mib": [1, 2, 100, 4096],
    "copy_kib": [1, 4, 64, 1024, 30_000, 300_000],
    "runs": NAMES,
    "base": NAMES,
    "override": FRAMEWORKS,
}

EXERCISES = {"schedule": "tenth", "sampling": "replacement", "copies": 2}
OF_A_RUN = DEFINITIONS["values"]["properties"]


class Draw:
    """Draws what a schema allows, as far as the schema of config.yaml uses the language."""

    def __init__(self, random: Random, most: int):
        """Draw by a random generator; lists have at most this many items."""
        self._random, self._most = random, most

    def value(self, schema: dict, name: str):
        """What a schema allows at a key of this name."""
        if "$ref" in schema:
            referred = DEFINITIONS[schema["$ref"].rpartition("/")[2]]
            properties = referred.get("properties", {}) | schema.get("properties", {})
            schema = referred | ({"properties": properties} if properties else {})
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        types = schema.get("type", "string")
        several = isinstance(types, list) and self._random.random() < 0.3
        kind = types if isinstance(types, str) else types[several]  # a number, or some
        if kind == "object":
            return self._object(schema, name)
        if kind == "array":
            return self._array(schema, name)
        if "multipleOf" in schema:
            return schema["multipleOf"] * self._random.choice([1, 2])
        return self._random.choice(VALUES.get(name, SIZES))

    def _object(self, schema: dict, name: str) -> dict:
        if "properties" in schema:
            return {
                key: self.value(value, key)
                for key, value in schema["properties"].items()
                if key in schema.get("required", []) or self._random.random() < 0.5
            }
        keys, values = schema.get("propertyNames", {}), schema["additionalProperties"]
        count = self._random.randint(schema.get("minProperties", 0), self._most + 2)
        return {self.value(keys, name): self.value(values, name) for _ in range(count)}

    def _array(self, schema: dict, name: str) -> list:
        """Without the values that are there already, 1 and 1.0 among them."""
        count = self._random.randint(schema.get("minItems", 0), self._most)
        return [*dict.fromkeys(self.value(schema["items"], name) for _ in range(count))]


def any_configuration(random: Random, most: int) -> dict:
    """What the schema allows, whether it makes sense or not."""
    return Draw(random, most).value(SCHEMA, "")


def legal(random: Random, most: int) -> dict:
    """What the schema allows, mended where it would most often not fit together."""
    config = any_configuration(random, most)
    devices = config["devices"]
    config["frameworks"].sort(key=lambda name: not environments.places([name], devices))
    if not environments.places(config["frameworks"], ["cuda"]):
        config["devices"] = ["cpu"]
    common = sorted({64, 256, random.choice(SIZES)})
    matmul, parallel, training = config["matmul"], config["parallel"], config["training"]
    if random.random() < 0.3:  # as in the chapter
        matmul["strategies"], matmul["block"] = [*STRATEGIES], BLOCK
    for section in (matmul, matmul["cuda"]):
        section["sizes"] = [*dict.fromkeys([*section["sizes"], *common])]
    matmul["blocks"]["n"] = random.choice(common)
    matmul["cuda"]["precisions"] = [*dict.fromkeys(["float32", *matmul["cuda"]["precisions"]])]
    parallel["ranks"] = [*dict.fromkeys([*parallel["ranks"], 1])]
    rows = config["dataset"]["rows"]
    sizes = _at_most(rows, config["steptime"]["batch_size"])
    shared = random.sample(SOME, 3)
    config["steptime"]["batch_size"] = [*dict.fromkeys([*sizes, *shared])]
    sweep = _at_most(rows, config["sweep"]["batch_size"])
    config["sweep"]["batch_size"] = [*dict.fromkeys([*sweep, *shared])]
    config["sweep"]["lowest"] = "0.1%"  # no target is below it
    _mend_runs(training["runs"], rows, random, most)
    return config


def _mend_runs(runs: dict[str, dict], rows: int, random: Random, most: int) -> None:
    """Give each run a base that is none itself, or what a run without a base needs."""
    draw = Draw(random, most)
    whole = random.random() < 0.2
    for name in CHAPTER:  # the statements are about these
        if whole or (name in runs and random.random() < 0.7):
            runs[name] = deepcopy(CHAPTER[name])
    bases = [name for name, run in runs.items() if "base" not in run]
    for run in runs.values():
        if "base" not in run or not bases:
            run.pop("base", None)
            for name in ("implementation", "batch_size", "learning_rate", "epochs"):
                if name not in run:
                    run[name] = draw.value(OF_A_RUN[name], name)
    for run in runs.values():
        if "base" in run:
            run["base"] = random.choice(bases)
            run.pop("batch_size", None)
            if random.random() < 0.7:
                _make_alike(run, runs[run["base"]], random)
        for values in (run, *run.get("override", {}).values()):
            if "batch_size" in values:
                values["batch_size"] = _at_most(rows, values["batch_size"])
            if values.get("implementation") == "compiled":
                values["loaders"] = ["direct"]


def _make_alike(run: dict, base: dict, random: Random) -> None:
    """Let a run differ from its base in one respect alone, which an exercise shows."""
    for name in {*run} - {"base"}:
        del run[name]
    name, value = random.choice([*EXERCISES.items()])
    run[name] = value
    base.pop("override", None)
    for several in ("batch_size", "learning_rate"):
        if isinstance(base[several], list):
            base[several] = base[several][0]


def _at_most(rows: int, sizes):
    if isinstance(sizes, int):
        return min(sizes, rows)
    return [*dict.fromkeys(min(size, rows) for size in sizes)]
