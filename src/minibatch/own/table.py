"""A table of the user's own: checked, and its study configured, into answers/NAME/config.yaml."""

import argparse
import csv
import hashlib
import json
from pathlib import Path

import yaml

from minibatch.errors import UserError
from minibatch.own import reading, table_checks
from minibatch.own.grid import sizes
from minibatch.tables.files import write_text

ROOT = Path(__file__).parents[3]
# The framework's own loader stacks a batch example by example, which takes a second for 100,000.
MOST_LOADED = 20_000
# Numbers in a batch that is timed: larger ones take what they take for each example, and seconds.
MOST_TIMED = 10_000_000
EDITABLE = "\nframeworks:"  # from where on a configuration is the user's
LONG = 100_000  # rows from which on a launch takes minutes, so that there are fewer

CONFIG = """\
# Which batch size is best for a table: written by `make answer`, which has checked the table.
# Change what you like from `frameworks` on, and call it again.

dataset:                     # written anew by each call
  file: {file}
  target: {target}
  drop: {drop}
  rows: {rows}
  features: {features}
  sha256: {sha256}

frameworks: [pytorch]        # of those whose environment is there
devices: [cpu]
threads: 1                   # of each framework

steptime:                    # what a step costs, by batch size
  batch_size: {timed}
  loaders: {loaders}
  launches: {launches}                # of the process: times differ from one to the next
  budget_seconds: 0.03       # on each case in each launch

sweep:                       # losses by batch size and learning rate, by an engine without a clock
  batch_size: {sizes}
  learning_rates: 32         # of each size: from below the best to past the limit of stability
  seeds: 1000                # half of them choose the learning rate, half say what it takes
  budget_gflop: 2000         # of arithmetic: sizes that take much have fewer seeds, or are left out

answer:                      # which batch size is soonest at a loss: the sweep times steptime
  targets: [10% of the gain, 3% of the gain, 1% of the gain]   # left of what there is to gain: from
                             # the loss at zero weights to the least-squares floor
  resamples: 1000            # of seeds and launches, for the intervals

confirm:                     # real runs of the predicted steps: the best size, half and double
  launches: {real_launches}                # of the process
  seeds: 5                   # of each run in each launch, none of the sweep's
  budget_seconds: 1          # on each run in each launch: fewer seeds, one at least
  longest_seconds: 10        # of a run; what would take longer is not made
"""


def prepare(asked: argparse.Namespace, folder: Path) -> list[str]:
    """Check a table, configure its study, and say how Snakemake is to be called.

    Writes `folder`/config.yaml; a configuration that was edited
    stays, but for its dataset. Raises UserError, a line for each fault of the table, with nothing
    written.
    """
    if asked.budget:
        what = "a table's is sweep.budget_gflop in its config.yaml"
        raise UserError(f"BUDGET={asked.budget} is for a model; {what}")
    path, drop = asked.data.resolve(), _listed(asked.drop)
    config = folder / "config.yaml"
    before = config.read_text(encoding="utf-8") if config.exists() else None
    dataset = _dataset(path, asked.target, drop, _known(before))
    text = _with_edits(written(dataset), before or "")
    if text != before:
        write_text(config, text)
    return ["--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder), "--cores", "4"]


def written(dataset: dict) -> str:
    """The configuration that suits a table."""
    rows = dataset["rows"]
    values = {name: json.dumps(value, ensure_ascii=False) for name, value in dataset.items()}
    return CONFIG.format(
        **values,
        sizes=sizes(rows),
        timed=[size for size in sizes(rows) if size * (dataset["features"] + 1) <= MOST_TIMED],
        loaders="[framework, direct]" if rows <= MOST_LOADED else "[direct]",
        launches=4 if rows < LONG else 3,
        real_launches=4 if rows < LONG else 2,
    )


def _listed(names: str) -> list[str]:
    """The columns that are named in a list with commas; one with a comma in it stands in quotes."""
    [found] = csv.reader([names], skipinitialspace=True) if names.strip() else [[]]
    return [*dict.fromkeys(name.strip() for name in found if name.strip())]


def _dataset(path: Path, target: str | None, drop: list[str], known: dict) -> dict:
    """What the configuration says of a table, which is checked unless that is `known` already."""
    asked: dict = {"file": str(path), "target": target, "drop": drop}
    if path.is_file():
        with path.open("rb") as file:
            asked["sha256"] = hashlib.file_digest(file, "sha256").hexdigest()
        if asked.items() <= known.items() and {"rows", "features"} <= known.keys():
            return known
    table, _ = reading.read(path)
    if wrong := table_checks.problems(table, target, drop):
        raise UserError("\n".join(f"{path.name}: {line}" for line in wrong))
    features = table.shape[1] - 1 - len(drop)
    return asked | {"rows": len(table), "features": features}


def _known(text: str | None) -> dict:
    """The dataset of a configuration that was written before; none where that is none any more."""
    try:
        found = yaml.safe_load(text or "{}")["dataset"]
    except (yaml.YAMLError, LookupError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _with_edits(text: str, before: str) -> str:
    """A configuration, with what stands below the dataset of the one before, if it was edited."""
    known = _known(before)
    edited = before != written(known) if {"rows", "features"} <= {*known} else bool(before)
    head, mark, _ = text.partition(EDITABLE)
    return head + mark + before.partition(EDITABLE)[2] if edited and mark in before else text
