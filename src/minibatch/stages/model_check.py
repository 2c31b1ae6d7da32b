"""Check a model of the user's, and what it reads: MODEL.py → answers/NAME/model.json."""

import json
import os
import sys
from pathlib import Path

from minibatch import command
from minibatch.own import start
from minibatch.own.files import state
from minibatch.own.model_checks import check
from minibatch.own.training import affordable
from minibatch.tables.files import write_text

OURS = Path(__file__).parents[2]
NO_FILES = ("/proc", "/sys", "/dev")


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Try a first step; write what the model is, and the state of each file that it reads."""
    read: set[str] = set()
    sys.addaudithook(lambda event, found: _opened(read, event, found))
    output = output.absolute()
    contract = start.contract(parameters)
    check(contract, parameters["model"])
    model = contract.model(0)
    contract.data.evaluated = affordable(contract, model)
    read |= {
        module.__file__ for module in [*sys.modules.values()] if getattr(module, "__file__", None)
    }
    files = {path: state(path) for path in sorted(filter(_theirs, read))}
    about = {
        "examples": contract.data.examples,
        "evaluated": sum(count for count, _ in contract.data.of_the_loss()),
        "loaders": contract.data.loaders,
        "parameters": sum(part.numel() for part in model.parameters() if part.requires_grad),
        "device": str(contract.device),
        "optimizer": type(contract.optimizer(model, 1.0)).__name__,
    }
    write_text(output, json.dumps({"files": files, "about": about}, indent=1))


def _opened(read: set[str], event: str, found: tuple) -> None:
    """Note a file that Python opens to read."""
    if event == "open" and isinstance(found[0], str) and not _writing(found[1], found[2]):
        read.add(os.path.abspath(found[0]))


def _writing(mode: str | None, flags: int) -> bool:
    return any(letter in (mode or "") for letter in "wax+") or bool(
        flags & (os.O_WRONLY | os.O_RDWR)
    )


def _theirs(path: str) -> bool:
    """Whether a file is the user's, and not of Python, a package, this project or the system."""
    others = [sys.prefix, sys.base_prefix, str(OURS), *NO_FILES]
    resolved = Path(path).resolve()
    inside = any(resolved.is_relative_to(Path(other).resolve()) for other in others)
    return resolved.is_file() and not inside and "__pycache__" not in resolved.parts


if __name__ == "__main__":
    sys.exit(command.run(make))
