"""Build the environment of a framework with uv: workflow/envs/FRAMEWORK.txt → .envs/FRAMEWORK."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

from minibatch import command
from minibatch.tables.files import write_text

UV = [sys.executable, "-m", "uv", "--quiet", "--no-progress", "--no-config"]
# Of the caller's settings, those with which uv fills another folder, or takes other packages or
# versions; those of its indexes, proxies, certificates and cache stay.
KEPT_OUT = {
    *("UV_WORKING_DIR", "UV_WORKING_DIRECTORY", "UV_PROJECT", "UV_CONFIG_FILE", "UV_VENV_SEED"),
    *("UV_OVERRIDE", "UV_EXCLUDE", "UV_EXCLUDE_NEWER", "UV_RESOLUTION", "UV_PRERELEASE"),
    *("UV_REQUIRE_HASHES", "UV_TORCH_BACKEND"),
}
NO_WHEELS = "no wheels with a matching"  # what uv says of another platform, or another Python
# Stands in for the interpreter that could not be had: its jobs still say why nothing is measured.
STAND_IN = '#!/bin/sh\nexec "$MINIBATCH_PYTHON" "$@"\n'

log = logging.getLogger(__name__)


def build(folder: Path, python: str, requirements: list[str], constraints: list[str]) -> dict:
    """Make an environment with these packages, what they need, and nothing else; what became of it.

    What they need has the versions that `constraints` name, where they name some.

    status: "ready", with the `packages` in it; "left out", where a package is not made for this
    platform; or "failed", for a reason that may go away. `detail` is the reason, in one line.
    """
    interpreter = str(folder / "bin/python")
    lock = folder / "constraints.txt"
    try:
        _uv("venv", "--clear", "--force", "--no-project", "--python", python, str(folder))
        write_text(lock, "\n".join(constraints))
        # wheels only: compiling one of these frameworks takes hours
        # bytecode, or each job compiles all that it imports where it may not be written
        limits = ["--compile-bytecode", "--only-binary", ":all:", "--constraints", str(lock)]
        _uv("pip", "install", *limits, "--python", interpreter, *requirements)
        listed = json.loads(_uv("pip", "list", "--format", "json", "--python", interpreter))
    except subprocess.CalledProcessError as error:
        detail = _reason(error.stderr)
        status = "left out" if NO_WHEELS in error.stderr else "failed"
        return {"status": status, "detail": detail}
    return {"status": "ready", "packages": {entry["name"]: entry["version"] for entry in listed}}


def _uv(*arguments: str) -> str:
    settings = {name: value for name, value in os.environ.items() if name not in KEPT_OUT}
    done = subprocess.run(
        [*UV, *arguments], env=settings, capture_output=True, text=True, check=False
    )
    sys.stderr.write(done.stderr)
    done.check_returncode()
    return done.stdout


def _reason(said: str) -> str:
    """The most telling line of what uv said: its hint on platforms, else the last cause."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    hints = [line for line in lines if line.startswith("hint: Wheels")]
    causes = [line for line in lines if line.startswith(("cause:", "error:"))]
    chosen = hints or causes[-1:] or lines[-1:] or ["uv gave no reason"]
    return chosen[0].partition(": ")[2] or chosen[0]


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Build it beside the output; where that fails, leave a stand-in, so that the others go on."""
    folder = output.with_suffix("")
    made = build(folder, **parameters)
    if made["status"] != "ready":
        log.warning("warning: %s is not measured: %s", folder.name, made["detail"])
        interpreter = folder / "bin/python"
        interpreter.parent.mkdir(parents=True, exist_ok=True)
        write_text(interpreter, STAND_IN)
        interpreter.chmod(0o755)
    write_text(output, json.dumps(made, indent=1))


if __name__ == "__main__":
    sys.exit(command.run(make))
