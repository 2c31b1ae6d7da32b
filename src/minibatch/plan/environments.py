"""The environments that the frameworks need on each device, by their files of pins.

workflow/envs/FRAMEWORK.txt has the pins for a framework on the CPU, FRAMEWORK-cuda.txt those for
GPUs, without which it is not measured there. One without a file lives in the main environment.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from minibatch.errors import UserError

PINS = Path(__file__).parents[3] / "workflow/envs"
MADE = Path(".envs")

Place = tuple[str, str]  # framework and device


def pins(environment: str) -> list[str]:
    """The requirements of an environment."""
    lines = _file(environment).read_text(encoding="utf-8").splitlines()
    return [text for line in lines if (text := line.partition("#")[0].strip())]


def places(frameworks: Iterable[str], devices: Iterable[str]) -> list[Place]:
    """Where the frameworks can be measured: all pairs but those that lack a file of pins."""
    pairs = [(framework, device) for framework in frameworks for device in devices]
    return [pair for pair in pairs if (name := _name(*pair)) is None or _file(name).exists()]


def python(framework: str, device: str) -> str:
    """The interpreter of a framework's jobs, as a shell names it, the same on every machine."""
    name = _name(framework, device)
    return '"$MINIBATCH_PYTHON"' if name is None else f"{MADE}/{name}/bin/python"


def record(framework: str, device: str) -> list[str]:
    """The file that says what the environment holds, if it is not the main one."""
    name = _name(framework, device)
    return [] if name is None else [f"{MADE}/{name}.json"]


def failed(places: Iterable[Place]) -> dict[str, str]:
    """Why the environments that could not be installed could not, by name."""
    found = {}
    for path in [Path(path) for place in places for path in record(*place)]:
        said = _read(path) if path.exists() else {}
        if said.get("status") == "failed":
            found[path.stem] = said["detail"]
    return found


def forget_failed(places: Iterable[Place]) -> None:
    """Remove the records of failed installs, so that they are tried again."""
    for name in failed(places):
        (MADE / f"{name}.json").unlink()


def require(places: Iterable[Place]) -> None:
    """Raise UserError, a line for each environment that could not be installed."""
    lines = [
        f"error: {name} was not measured, its environment could not be installed: {why}; "
        "call snakemake again to try once more"
        for name, why in failed(places).items()
    ]
    if lines:
        raise UserError("\n".join(lines))


def _name(framework: str, device: str) -> str | None:
    """The environment of a framework on a device; None for the main one."""
    if not _file(framework).exists():
        return None
    return framework if device == "cpu" else f"{framework}-{device}"


def _file(environment: str) -> Path:
    return PINS / f"{environment}.txt"


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, or no text
        return {"status": "failed", "detail": "its record is damaged"}
