"""What the configuration asks for: every measured table, and the parameters it is made with.

Each job gets just the slice of the configuration that it depends on, so that a changed value
reruns that job, what depends on it, and nothing else.
"""

from collections.abc import Iterable

from minibatch.canonical import digest

EXAMPLES = "results/data/examples.parquet"
DEFAULTS = {"objective": "half_mse", "schedule": "constant", "sampling": "permutation", "copies": 1}


def resolve(config: dict, run: str, framework: str) -> dict:
    """The values of a run: its own, over those of its base, and the framework's over both.

    Batch sizes and learning rates are lists: a run with several is a grid of all combinations.
    """
    runs = config["training"]["runs"]
    own = runs[run]
    values = DEFAULTS | runs.get(own.get("base"), {}) | own
    values |= values.get("override", {}).get(framework, {})
    for name, kind in (("batch_size", int), ("learning_rate", float)):
        if name in values:
            several = values[name] if isinstance(values[name], list) else [values[name]]
            values[f"{name}s"] = [kind(value) for value in several]
    return {name: value for name, value in values.items() if name not in ("base", "override")}


def measured(config: dict) -> dict[str, dict]:
    """Every table that is prepared or measured, by path, with the parameters it is made with.

    They name the digest of the parameters of each table that goes into it, so that a stage can
    tell whether what it reads is what the configuration asks for.
    """
    found = {EXAMPLES: {name: config["dataset"][name] for name in ("rows", "scaling")}}
    examples = expected([EXAMPLES], found)
    for framework in config["frameworks"]:
        for device in config["devices"]:
            common = {"framework": framework, "device": device, "threads": config["threads"]}
            folder = f"{framework}/{device}"
            parts = {
                f"results/matmul/{folder}/{part}.parquet": common | values
                for part, values in _matmul(config["matmul"]).items()
            }
            found |= parts
            found[f"results/matmul/{folder}.parquet"] = expected(parts, found)
            for run in config["training"]["runs"]:
                values = common | _train(config, run, framework) | examples
                found[f"results/train/{folder}/{run}.parquet"] = values
    return found


def expected(inputs: Iterable[str], tables: dict[str, dict]) -> dict:
    """The digest of the parameters that each measured table among some inputs must have."""
    return {"inputs": {path: digest(tables[path]) for path in inputs if path in tables}}


def plain_runs(config: dict) -> list[str]:
    """The runs that stand for themselves: no variant of another, and no grid."""
    runs = config["training"]["runs"]
    return [name for name in runs if "base" not in runs[name] and name not in grids(config)]


def grids(config: dict) -> list[str]:
    """The runs that stand for all combinations of several batch sizes or learning rates."""
    return [
        name
        for name, run in config["training"]["runs"].items()
        if isinstance(run.get("batch_size"), list) or isinstance(run.get("learning_rate"), list)
    ]


def variants(config: dict, key: str) -> list[str]:
    """The runs that differ from their base in `key`, each behind its base."""
    runs = config["training"]["runs"]
    pairs = [(run["base"], name) for name, run in runs.items() if "base" in run and key in run]
    return [name for pair in pairs for name in pair]


def cases(matmul: dict, n: int) -> list[tuple[str, int]]:
    """The (strategy, block width) pairs that are measured at size n; 0 where there is no block."""
    found = []
    for strategy in matmul["strategies"]:
        if n > matmul["largest"].get(strategy, n):
            continue
        if strategy != "block":
            found.append((strategy, 0))
        else:
            further = matmul["blocks"]["columns"] if n == matmul["blocks"]["n"] else []
            found += [(strategy, width) for width in sorted({matmul["block"], *further})]
    return found


def _matmul(matmul: dict) -> dict[str, dict]:
    """The parameters of each size's table, and of the ceilings'."""
    budget = {"budget_seconds": float(matmul["budget_seconds"])}
    sizes = {str(n): {"n": n, "cases": cases(matmul, n)} | budget for n in matmul["sizes"]}
    return sizes | {"ceilings": {"ceilings": matmul["ceilings"]} | budget}


def _train(config: dict, run: str, framework: str) -> dict:
    values = resolve(config, run, framework)
    del values["batch_size"], values["learning_rate"]  # they stand there as lists
    return values | {
        "run": run,
        "loaders": config["training"]["loaders"],
        "seeds": config["seeds"],
    }
