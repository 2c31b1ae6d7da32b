"""Draw one figure: tables → results/figures/FIGURE.svg and .png."""

import json
import sys
from importlib import import_module
from pathlib import Path

import pandas as pd

from minibatch import command
from minibatch.figures import style
from minibatch.figures.save import save
from minibatch.tables import load, parquet
from minibatch.tables.notes import notes

Places = list[list[str]]  # pairs of framework and device
PLACE = {"framework", "device"}  # the columns that tell places apart


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read the tables and the dataset's source, draw, and save as SVG, and as PNG beside it."""
    [source] = [path for path in paths if path.suffix == ".json"]
    read = load.by_name([path for path in paths if path != source], parameters["inputs"])
    places = parameters["places"]
    if parameters["alone"]:
        read = {name: _of(table, *places[0]) for name, table in read.items()}
    if any(table.empty for table in _of_places(read)):
        figure = style.empty(_unmeasured(places))
    else:
        module = import_module(f"minibatch.figures.{parameters['figure']}")
        figure = module.draw(read, **parameters["options"])
        if missing := _missing(read, places):
            style.add(figure, _unmeasured(missing))
    machines = parquet.origin(read.values())["machines"]
    style.warn(figure, notes(json.loads(source.read_text(encoding="utf-8")), machines))
    save(figure, output)


def _of_places(read: dict[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The tables that tell places apart: without rows, nothing was measured in any."""
    return [table for table in read.values() if {*table.columns} >= PLACE]


def _of(table: pd.DataFrame, framework: str, device: str) -> pd.DataFrame:
    """The rows of a framework on a device, of a table that tells them apart."""
    if "framework" not in table:
        return table
    return table[(table.framework == framework) & (table.device == device)]


def _missing(read: dict[str, pd.DataFrame], places: Places) -> Places:
    """The places of which no table has a row."""
    tables = _of_places(read)
    found = {place for table in tables for place in zip(table.framework, table.device, strict=True)}
    return [place for place in places if tuple(place) not in found]


def _unmeasured(places: Places) -> str:
    said = [f"{framework} on {device}" for framework, device in places]
    verb = "was" if len(said) == 1 else "were"
    return f"{', '.join(said)} {verb} not measured; the report says why"


if __name__ == "__main__":
    sys.exit(command.run(make))
