"""The environments of the frameworks that need one of their own, by their files of pins."""

import json
from collections.abc import Iterable
from pathlib import Path

from minibatch.problem import Problem

PINS = Path(__file__).parents[2] / "workflow/envs"
MADE = Path(".envs")


def pins(framework: str) -> list[str] | None:
    """The requirements in workflow/envs/FRAMEWORK.txt; None for the main environment."""
    path = PINS / f"{framework}.txt"
    if not path.exists():
        return None
    lines = path.read_text(encoding="utf-8").splitlines()
    return [text for line in lines if (text := line.partition("#")[0].strip())]


def python(framework: str) -> str:
    """The interpreter of a framework's jobs, as a shell names it, the same on every machine."""
    return '"$MINIBATCH_PYTHON"' if pins(framework) is None else f"{MADE}/{framework}/bin/python"


def record(framework: str) -> list[str]:
    """The file that says what the environment of a framework holds, if it has its own."""
    return [] if pins(framework) is None else [f"{MADE}/{framework}.json"]


def failed(frameworks: Iterable[str]) -> dict[str, str]:
    """Why the environments that could not be installed could not, by framework."""
    found = {}
    for framework in frameworks:
        for path in map(Path, record(framework)):
            said = _read(path) if path.exists() else {}
            if said.get("status") == "failed":
                found[framework] = said["detail"]
    return found


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, or no text
        return {"status": "failed", "detail": "its record is damaged"}


def forget_failed(frameworks: Iterable[str]) -> None:
    """Remove the records of failed installs, so that they are tried again."""
    for framework in failed(frameworks):
        (MADE / f"{framework}.json").unlink()


def require(frameworks: Iterable[str]) -> None:
    """Raise Problem, a line for each environment that could not be installed."""
    lines = [
        f"error: {framework} was not measured, its environment could not be installed: {why}; "
        "snakemake --cores 4 tries again"
        for framework, why in failed(frameworks).items()
    ]
    if lines:
        raise Problem("\n".join(lines))
