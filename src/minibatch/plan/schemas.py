"""The schemas of config.yaml: of the chapter's study, and of one of a table of the user's own."""

from pathlib import Path

import jsonschema
import yaml
from referencing import Registry, Resource

from minibatch.plan import experiment

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "workflow/schemas"


def _read(name: str) -> dict:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


SCHEMA, OF_OWN = _read("config.schema.yaml"), _read("table.schema.yaml")
DEFINITIONS = SCHEMA["$defs"]
FEWEST = SCHEMA["properties"]["steptime"]["properties"]["batch_size"]["minItems"]

# JSON takes 5.0 for a whole number; here a count is written as one.
VALIDATOR = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    ),
)
KNOWN = Registry().with_resource("config.schema.yaml", Resource.from_contents(SCHEMA))


def validator(config: dict):
    """What checks a configuration: by the schema of a table, where it names one."""
    dataset = config.get("dataset")
    own = isinstance(dataset, dict) and experiment.own(config)
    return VALIDATOR(OF_OWN if own else SCHEMA, registry=KNOWN)
