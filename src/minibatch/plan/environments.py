"""The environments that the frameworks need on each device, by their files of pins.

workflow/envs/FRAMEWORK.txt has the pins for a framework on the CPU, FRAMEWORK-cuda.txt those for
GPUs, without which it is not measured there. One without a file lives in the main environment, of
which main.txt has the pins that a measurement may depend on. A lock, as `make lock` writes it, has
the versions of all that the pins bring along.
"""

import json
import os
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from minibatch.errors import UserError

ROOT = Path(__file__).parents[3]
PINS = ROOT / "workflow/envs"
MADE = Path(".envs")
MAIN = "main"  # the environment that Snakemake itself runs in
PYTHON = "3.11"  # of all the others
IMPORTED_AS = {"scikit-learn": "sklearn"}  # where a package does not go by its own name

Place = tuple[str, str]  # framework and device


def recipe(environment: str) -> dict:
    """What an environment is built from; order and comments of its files do not matter."""
    lock = _lock(environment)
    return {
        "python": PYTHON,
        "requirements": _lines(_file(environment)),
        "constraints": _lines(lock) if lock.exists() else [],
    }


def packages(imported: set[str]) -> dict[str, str]:
    """What the main environment pins of some imported packages: name → version specifier."""
    pins = {pin.name: str(pin.specifier) for pin in _requirements(_file(MAIN))}
    return {name: pin for name, pin in pins.items() if IMPORTED_AS.get(name, name) in imported}


def check(places: Iterable[Place]) -> None:
    """Raise UserError, a line for each pin that is not in its lock, or not what is installed.

    A table would otherwise carry the name of a version that it was not measured with.
    """
    others = dict.fromkeys(Path(path).stem for place in places for path in record(*place))
    unlocked = [line for name in (MAIN, *others) for line in _unlocked(name)]
    if lines := unlocked or list(_not_installed()):
        raise UserError("\n".join(lines))


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


def forget(places: Iterable[Place]) -> None:
    """Remove the records of failed installs, and of those whose Python is gone: built anew, then.

    With another Python, what was measured is measured again, as with any other version.
    """
    unusable = failed(places)
    for path in [Path(path) for place in places for path in record(*place)]:
        # through all links to the interpreter itself, which an upgrade may have removed
        gone = not os.access(path.with_suffix("") / "bin/python", os.X_OK)
        if path.stem in unusable or gone:
            path.unlink(missing_ok=True)


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


def _lock(environment: str) -> Path:
    return ROOT / "requirements.lock" if environment == MAIN else PINS / f"{environment}.lock"


def _lines(path: Path) -> list[str]:
    """The requirements in a file, sorted."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return sorted(text for line in lines if (text := line.partition("#")[0].strip()))


def _requirements(path: Path) -> list[Requirement]:
    """The requirements in a file, parsed; UserError where a line is none."""
    found = []
    for line in _lines(path):
        try:
            found.append(Requirement(line))
        except InvalidRequirement:
            what = f"{line!r} is no requirement such as numpy==2.4.6"
            raise UserError(f"error: {_show(path)}: {what}") from None
    return found


def _unlocked(environment: str) -> Iterator[str]:
    """A line for each pin that is not among the versions in the lock, where there is one."""
    lock = _lock(environment)
    if not lock.exists():
        return
    pins = _file(environment)
    held = {(canonicalize_name(entry.name), entry.specifier) for entry in _requirements(lock)}
    for pin in _requirements(pins):
        if (canonicalize_name(pin.name), pin.specifier) not in held:
            yield (
                f"error: {_show(pins)} asks for {pin.name}{pin.specifier}, which {_show(lock)} "
                "does not have; call make lock"
            )


def _not_installed() -> Iterator[str]:
    """A line for each pin of the main environment that the one at work does not hold."""
    for pin in _requirements(_file(MAIN)):
        if pin.marker is not None and not pin.marker.evaluate():
            continue
        try:
            held = version(pin.name)
            # a local version such as 2.13.0+cpu is one of the public 2.13.0
            if pin.specifier.contains(held, prereleases=True):
                continue
            found = f"{held} is installed"
        except PackageNotFoundError:
            found = "is not installed"
        asks = f"{_show(_file(MAIN))} asks for {pin.name}{pin.specifier}"
        yield f"error: {pin.name} {found}, and {asks}; call make, with conda: conda env update"


def _show(path: Path) -> str:
    return os.path.relpath(path, ROOT)


def _read(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:  # no JSON, or no text
        return {"status": "failed", "detail": "its record is damaged"}
