"""Configurations, drawn from the schema of config.yaml, for Hypothesis."""

from hypothesis import strategies as st

from minibatch.plan.config import DEFINITIONS, SCHEMA

# What the schema leaves open, and small numbers, since a synthetic table has rows for each.
SIZES = st.sampled_from([1, 2, 8, 32, 64, 128, 256, 512, 1024, 16384])
VALUES = {
    "frameworks": st.sampled_from(["pytorch", "tensorflow", "mxnet", "jax"]),
    "sources": st.just("http://one.example/table.dat"),
    "rows": st.sampled_from([10, 100, 1500, 1503]) | st.integers(10, 1503),
    "threads": st.integers(1, 4),
    "seeds": st.integers(2, 4),
    "epochs": st.sampled_from([1, 2, 3, 10, 1000]),
    "copies": st.integers(1, 3),
    "learning_rate": st.sampled_from([0.005, 0.05, 0.4, 1, 1.0, 30.0, 1e-9, 1e200]),
    "batch_size": st.sampled_from([1, 2, 10, 50, 100, 1500, 3000]) | st.integers(1, 3000),
    "target_loss": st.sampled_from([0.25, 0.3, 1, 1e-6, 1e6]),
    "budget_seconds": st.sampled_from([1e-3, 1, 100.0]),
    "ranks": st.integers(1, 9),
    "copy_mib": st.integers(1, 4096),
}
NAMES = [
    *("gd", "sgd", "minibatch_100", "minibatch_10", "concise_10", "concise", "compiled", "grid"),
    *("other", "gd_tenth", "x"),
]
KEYS = {"runs": st.sampled_from(NAMES), "override": VALUES["frameworks"]}
MOST = 4  # items of a list


def drawn(schema: dict, name: str = "") -> st.SearchStrategy:
    """What a schema allows at a key, as far as the schema of config.yaml uses the language."""
    if "$ref" in schema:
        referred = DEFINITIONS[schema["$ref"].rpartition("/")[2]]
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        properties = referred.get("properties", {}) | rest.pop("properties", {})
        merged = referred | rest | ({"properties": properties} if properties else {})
        return drawn(merged, name)
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return st.one_of([KINDS[kind](schema, name) for kind in types])


def _object(schema: dict, name: str) -> st.SearchStrategy:
    if "properties" not in schema:
        keys = KEYS[name] if name in KEYS else drawn(schema["propertyNames"])
        least = schema.get("minProperties", 0)
        more = schema["additionalProperties"]
        return st.dictionaries(keys, drawn(more, name), min_size=least, max_size=6)
    required = schema.get("required", [])
    parts = {key: drawn(value, key) for key, value in schema["properties"].items()}
    return st.fixed_dictionaries(
        {key: parts[key] for key in required},
        optional={key: part for key, part in parts.items() if key not in required},
    )


def _array(schema: dict, name: str) -> st.SearchStrategy:
    unique = {"unique_by": float} if name in ("batch_size", "learning_rate") else {}
    unique = unique or {"unique": schema.get("uniqueItems", False)}
    least = schema.get("minItems", 0)
    return st.lists(drawn(schema["items"], name), min_size=least, max_size=MOST, **unique)


def _number(schema: dict, name: str) -> st.SearchStrategy:  # noqa: ARG001
    return VALUES.get(name, SIZES)


KINDS = {
    "object": _object,
    "array": _array,
    "integer": _number,
    "number": _number,
    "string": lambda schema, name: VALUES.get(name, st.sampled_from(NAMES)),  # noqa: ARG005
}


@st.composite
def any_configuration(draw) -> dict:
    """What the schema allows, whether it makes sense or not."""
    return draw(drawn(SCHEMA))


@st.composite
def legal(draw) -> dict:
    """What the schema allows, mended where it would most often not fit together."""
    config = draw(drawn(SCHEMA))
    common = sorted({64, 256} | {draw(SIZES)})
    matmul, parallel, training = config["matmul"], config["parallel"], config["training"]
    for section in (matmul, matmul["cuda"]):
        section["sizes"] = [*dict.fromkeys([*section["sizes"], *common])]
    matmul["blocks"]["n"] = draw(st.sampled_from(common))
    matmul["cuda"]["precisions"] = [*dict.fromkeys(["float32", *matmul["cuda"]["precisions"]])]
    parallel["ranks"] = [*dict.fromkeys([*parallel["ranks"], 1])]
    rows, runs = config["dataset"]["rows"], training["runs"]
    training["baseline"]["batch_size"] = _at_most(rows, training["baseline"]["batch_size"])
    bases = [name for name, run in runs.items() if "base" not in run]
    for run in runs.values():
        if "base" in run and bases:
            run["base"] = draw(st.sampled_from(bases))
            run.pop("batch_size", None)
            run.pop("copies", None) if draw(st.booleans()) else None
        else:
            run.pop("base", None)
            for name in ("implementation", "batch_size", "learning_rate", "epochs"):
                if name not in run:
                    run[name] = draw(drawn(DEFINITIONS["values"]["properties"][name], name))
        for values in (run, *run.get("override", {}).values()):
            if "batch_size" in values:
                values["batch_size"] = _at_most(rows, values["batch_size"])
            if values.get("implementation") == "compiled":
                values["loaders"] = ["direct"]
    return config


def _at_most(rows: int, sizes):
    if isinstance(sizes, int):
        return min(sizes, rows)
    return [*dict.fromkeys(min(size, rows) for size in sizes)]
