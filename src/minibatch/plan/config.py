"""The configuration, checked before any job: every problem is one line with file, line and key."""

import math
import sys
from collections.abc import Callable, Iterator

import jsonschema

from minibatch.errors import UserError
from minibatch.plan import gpu, sense
from minibatch.plan.schemas import DEFINITIONS, validator
from minibatch.plan.sense import suggest
from minibatch.plan.written import Files, Key

EXPECTED = {
    "array": "a list",
    "integer": "a whole number",
    "number": "a number",
    "object": "keys with values",
    "string": "text",
}

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
    stages = (_gone, _against_schema, _too_large, sense.problems)
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
    for error in validator(config).iter_errors(config):
        key = tuple(error.absolute_path)
        if error.validator in ("additionalProperties", "unevaluatedProperties"):
            known = _properties(error.schema)
            for name in error.instance.keys() - known:
                yield (*key, name), f"unknown key{suggest(name, known)}"
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
            return f"{value!r} is unknown{suggest(value, limit)}"
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
        case "pattern" if "gain" in limit:
            return f"{value!r} is not a share such as 10% of the gain"
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
