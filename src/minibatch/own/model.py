"""A model of the user's: checked before any job, and asked of workflow/model.smk."""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from minibatch.errors import UserError
from minibatch.own.files import state
from minibatch.tables.files import write_text

ROOT = Path(__file__).parents[3]
MINUTES, FEWEST = 10.0, 2.0
ASKED = "model.json"


def prepare(asked: argparse.Namespace, folder: Path) -> list[str]:
    """Check the model, unless nothing has changed, write what is asked, and say how to call.

    Returns the arguments of Snakemake. Raises UserError where the model cannot be asked about; then
    nothing is written.
    """
    path = asked.model.resolve()
    if not path.is_file():
        raise UserError(f"{asked.model}: there is no such file")
    minutes = _minutes(asked.budget)
    note = folder / ASKED
    known = json.loads(note.read_text(encoding="utf-8")) if note.exists() else {"files": {}}
    if not known["files"] or any(state(name) != was for name, was in known["files"].items()):
        known = _checked(path)
    about = known | {"model": str(path), "budget_minutes": minutes}
    write_text(note, json.dumps(about, indent=1) + "\n")
    return [
        *("--snakefile", str(ROOT / "workflow/model.smk"), "--directory", str(folder)),
        *("--cores", "all"),
    ]


def _minutes(text: str | None) -> float:
    """The time that all may take."""
    try:
        found = float(text) if text else MINUTES
    except ValueError:
        found = math.nan
    if not FEWEST <= found < math.inf:
        raise UserError(f"BUDGET={text}: not a number of minutes, {FEWEST:g} at least")
    return found


def _checked(path: Path) -> dict:
    """What a process of its own finds the model to be; it says itself what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, ASKED)
        parameters = json.dumps({"model": str(path)})
        command = [sys.executable, "-P", "-m", "minibatch.stages.model_check"]
        call = [*command, "--parameters", parameters, "--output", str(output)]
        done = subprocess.run(call, check=False, env=os.environ | {"PYTHONNOUSERSITE": "1"})
        if done.returncode < 0:
            raise UserError(
                f"{path}: the check was ended by signal {-done.returncode}; is there memory enough?"
            )
        if done.returncode:
            raise SystemExit(1)  # it has said why
        return json.loads(output.read_text(encoding="utf-8"))
