"""The configuration, checked before any job: every problem is one line with file, line and key."""

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path

import jsonschema
import yaml

from minibatch import frameworks
from minibatch.errors import UserError
from minibatch.plan import experiment, gpu
from minibatch.plan.written import Files, Key
from minibatch.sgd import objective, surrogate
from minibatch.sgd.epochs import WHOLE_EPOCHS
from minibatch.sgd.examples import split
from minibatch.sgd.factors import gradient
from minibatch.sgd.scaling import scale
from minibatch.tables import cores

ROOT = Path(__file__).parents[3]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
DEFINITIONS = SCHEMA["$defs"]
EXPECTED = {
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "object": "keys with values",
    "string": "text",
}

# JSON takes 5.0 for a whole number; here a count is written as one.
VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
FEWEST = SCHEMA["properties"]["steptime"]["properties"]["batch_size"]["minItems"]  # for a line
LOWEST = 1e-4  # above the floor, as a share of it: lower ones take millions of steps
# Keys and runs of earlier versions, and where what they were for has gone.
TIMED = "went to steptime, which times all implementations; remove it here"
GONE = dict.fromkeys([("training", "floor"), ("training", "baseline")], TIMED)
GONE |= dict.fromkeys([("training", "runs", name) for name in ("concise", "compiled")], TIMED)
GONE["matmul", "largest"] = "is gone: slow strategies take as much as the budget allows; remove it"


def or_exit(function: Callable, *arguments):
    """Call a function; end the program with the lines of a UserError, where there is one."""
    try:
        return function(*arguments)
    except UserError as error:
        sys.exit(str(error))


def check(config: dict, files: Files) -> None:
    """Raise UserError, a line for each thing that is wrong, unless the configuration is whole."""
    stages = (_gone, _against_schema, _too_large, _against_sense)
    problems = next((found for stage in stages if (found := list(stage(config)))), [])
    if problems:
        lines = [files.locate(key) + _show(key) + text for key, text in problems]
        raise UserError("\n".join(dict.fromkeys(lines)))


def check_gpu(config: dict, files: Files) -> None:
    """Raise UserError where the configuration asks for a GPU that this machine does not have."""
    if "cuda" in config["devices"] and not gpu.names():
        key = "devices", config["devices"].index("cuda")
        raise UserError(
            f"{files.locate(key)}{_show(key)}this machine has no NVIDIA GPU (nvidia-smi finds "
            "none); remove cuda, or let a cluster's nodes measure: "
            "snakemake --workflow-profile profiles/slurm"
        )


def _show(key: Key) -> str:
    return ".".join(map(str, key)) + ": " if key else ""


def _gone(config: dict) -> Iterator[tuple[Key, str]]:
    """Keys of earlier versions: where they went, and nothing on what is missing instead."""
    for key, why in GONE.items():
        inner = config
        for name in key[:-1]:
            inner = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(inner, dict) and key[-1] in inner:
            yield key, why


def _against_schema(config: dict) -> Iterator[tuple[Key, str]]:
    for error in VALIDATOR(SCHEMA).iter_errors(config):
        key = tuple(error.absolute_path)
        if error.validator in ("additionalProperties", "unevaluatedProperties"):
            known = _properties(error.schema)
            for name in error.instance.keys() - known:
                yield (*key, name), f"unknown key{_suggest(name, known)}"
        else:
            yield key, _explain(error)


def _too_large(value, key: Key = ()) -> Iterator[tuple[Key, str]]:
    """Whole numbers that no table and no float can hold."""
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _too_large(part, (*key, name))
    elif isinstance(value, int) and value >= 2**63:
        yield key, "a number of so many digits is too large; less than 2^63"


def _properties(schema: dict) -> list[str]:
    """The keys that a schema allows, those of the definition that it refers to included."""
    referred = DEFINITIONS[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    return [*referred.get("properties", {}), *schema.get("properties", {})]


def _explain(error: jsonschema.ValidationError) -> str:
    value, limit = error.instance, error.validator_value
    match error.validator:
        case "type":
            types = limit if isinstance(limit, list) else [limit]
            wanted = " or ".join(EXPECTED[name] for name in types)
            hint = ""
            if isinstance(value, str) and {"number", "integer"} & set(types) and _is_number(value):
                hint = f"; YAML takes it for text, write {float(value):g}"
            return f"{value!r} is not {wanted}{hint}"
        case "enum":
            return f"{value!r} is unknown{_suggest(value, limit)}"
        case "required":
            missing = [name for name in limit if name not in value]
            return f"{', '.join(missing)} missing"
        case "minimum":
            return f"{value} is too small; at least {limit}"
        case "exclusiveMinimum":
            return f"{value} is not above {limit}"
        case "maximum":
            return f"{value} is too large; at most {limit}"
        case "minItems" | "minProperties":
            return "empty; name at least one" if limit == 1 else f"too few; at least {limit}"
        case "uniqueItems":
            return f"{value} has a value twice"
        case "multipleOf":
            return f"{value} is not a multiple of {limit}"
        case "pattern" if {"lowest", "targets"} & {*error.absolute_path}:
            return f"{value!r} is not a share such as 0.5%"
        case "pattern" if "sources" in error.absolute_path:
            return f"{value!r} is not an address that begins with http:// or https://"
        case "pattern":
            return f"the name {value!r} is not made of small letters, digits and _"
        case _:
            return error.message


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _suggest(name, known: Sequence[str]) -> str:
    close = get_close_matches(str(name), list(map(str, known)), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(map(str, known))}"


def _against_sense(config: dict) -> Iterator[tuple[Key, str]]:
    """What a schema cannot say."""
    known = frameworks.names()
    for index, name in enumerate(config["frameworks"]):
        if name not in known:
            yield ("frameworks", index), f"unknown framework {name!r}{_suggest(name, known)}"
    places = experiment.places(config)
    for index, device in enumerate(config["devices"]):
        if device not in {where for _, where in places}:
            yield ("devices", index), f"none of {', '.join(config['frameworks'])} runs on {device}"
    first = config["frameworks"][0]
    if places and first in known and first not in {framework for framework, _ in places}:
        what = f"{first} does the exercises, but does not run on {', '.join(config['devices'])}"
        yield ("frameworks", 0), f"{what}; name another one first"
    matmul = config["matmul"]
    for device in config["devices"]:
        n, section = matmul["blocks"]["n"], "matmul.cuda" if device == "cuda" else "matmul"
        if n not in experiment.products(config, device)["sizes"]:
            yield ("matmul", "blocks", "n"), f"{n} is not among {section}.sizes"
    if "float32" not in matmul["cuda"]["precisions"]:
        what = "float32 is missing, which the others are compared with"
        yield ("matmul", "cuda", "precisions"), what
    parallel = config["parallel"]
    if 1 not in parallel["ranks"]:
        yield ("parallel", "ranks"), "1 is missing, which the others are compared with"
    for key, value in (
        (("matmul", "budget_seconds"), matmul["budget_seconds"]),
        (("steptime", "budget_seconds"), config["steptime"]["budget_seconds"]),
        (("confirm", "budget_seconds"), config["confirm"]["budget_seconds"]),
        (("parallel", "budget_seconds"), parallel["budget_seconds"]),
        (("training", "target_loss"), config["training"]["target_loss"]),
    ):
        if not math.isfinite(value):
            yield key, "not a finite number"
    for section in ("steptime", "sweep"):
        for index, size in enumerate(config[section]["batch_size"]):
            if size > config["dataset"]["rows"]:
                what = f"{size} is above the {config['dataset']['rows']} examples (dataset.rows)"
                yield (section, "batch_size", index), what
    yield from _answer_problems(config)
    runs = config["training"]["runs"]
    for name, run in runs.items():
        key = ("training", "runs", name)
        base = run.get("base")
        if base is not None and base not in runs:
            yield (*key, "base"), f"there is no run {base!r}{_suggest(base, runs)}"
        elif base is not None and "base" in runs[base]:
            yield (*key, "base"), f"{base} has a base itself; name {runs[base]['base']}"
        else:
            yield from _run_problems(config, name, key, known)


def _answer_problems(config: dict) -> Iterator[tuple[Key, str]]:
    """What keeps the sweep and the times of steps from being multiplied."""
    both = {*config["sweep"]["batch_size"]} & {*config["steptime"]["batch_size"]}
    if len(both) < FEWEST:
        what = f"{len(both)} of these are among steptime.batch_size; at least {FEWEST} have to be"
        yield ("sweep", "batch_size"), what
    lowest = experiment.share(config["sweep"]["lowest"])
    if not LOWEST <= lowest <= 1:
        yield ("sweep", "lowest"), f"not from {LOWEST:.2%} to 100%"
    names = set()
    for index, target in enumerate(config["answer"]["targets"]):
        key = "answer", "targets", index
        text = isinstance(target, str)
        name = f"{experiment.share(target):g}%" if text else f"{target:g}"
        if name in names:
            yield key, f"{target} is there twice"
        names.add(name)
        if text and experiment.share(target) < lowest:
            yield key, f"{target} is below sweep.lowest, {config['sweep']['lowest']}"
        elif not text and not math.isfinite(target):
            yield key, "not a finite number"


def _run_problems(config: dict, name: str, key: Key, known: list[str]) -> Iterator[tuple[Key, str]]:
    run = config["training"]["runs"][name]
    for framework in run.get("override", {}).keys() - known:
        yield (*key, "override", framework), f"unknown framework{_suggest(framework, known)}"
    for framework in config["frameworks"]:
        if name not in experiment.runs(config, framework):
            continue
        values = experiment.resolve(config, name, framework)
        missing = {"implementation", "batch_size", "learning_rate", "epochs"} - values.keys()
        if missing:
            yield key, f"{', '.join(sorted(missing))} missing"
            continue
        if values["implementation"] in WHOLE_EPOCHS and values["loaders"] != ["direct"]:
            yield (*key, "loaders"), "a compiled run indexes by itself; write loaders: [direct]"
        visits = config["dataset"]["rows"] * values["copies"]
        for size in values["batch_sizes"]:
            if size > visits:
                overridden = "batch_size" in run.get("override", {}).get(framework, {})
                yield (
                    (*key, *(("override", framework) if overridden else ()), "batch_size"),
                    f"{size} is above the {visits} examples of an epoch (dataset.rows × copies)",
                )
        if not all(map(math.isfinite, values["learning_rates"])):
            yield (*key, "learning_rate"), "not a finite number"


def warnings(config: dict) -> list[str]:
    """What is allowed, since the chapter does it, but deserves a word."""
    table = scale(surrogate.table(), config["dataset"]["scaling"])[: config["dataset"]["rows"]]
    features, _ = split(table)
    limit = objective.stability_limit(features)
    unstable = []
    for framework in config["frameworks"]:
        for run in experiment.plain_runs(config):
            values = experiment.resolve(config, run, framework)
            full = config["dataset"]["rows"] * values["copies"]
            rate = values["learning_rates"][0]
            if values["batch_sizes"] == [full] and rate * gradient(values["objective"]) > limit:
                unstable.append(f"{run} ({rate:g})")
    found = [
        f"warning: {framework} is not measured on {device}: there is no "
        f"workflow/envs/{framework}-{device}.txt"
        for framework, device in experiment.missing(config)
    ]
    if unstable:
        found.append(
            f"warning: learning rate above 2/λmax = {limit:.4f}, so that full-batch descent "
            f"diverges: {', '.join(dict.fromkeys(unstable))}"
        )
    ranks = max(config["parallel"]["ranks"])
    if ranks > cores.available() and "cpu" in config["devices"]:
        # no more than a warning: on a cluster, others' cores count than those of the login node
        here = f"snakemake may use {cores.described()} here"
        found.append(f"warning: parallel.ranks: {here}, on which {ranks} ranks take turns")
    return found
