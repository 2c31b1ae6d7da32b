"""Put the tables and figures into one self-contained page: results/report.html."""

import json
import sys
from pathlib import Path

from minibatch import command
from minibatch.report import page
from minibatch.tables import load, provenance
from minibatch.tables.files import write_text


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read all that the page shows, each by its kind of file, and write it."""
    templates = [path for path in paths if path.suffix == ".j2"]
    [source] = [path for path in paths if path.suffix == ".json"]
    tables = [path for path in paths if path.suffix == ".parquet"]
    made = page.render(
        {path.name: path.read_text(encoding="utf-8") for path in templates},
        tables=load.by_name(tables, parameters["inputs"]),
        figures={path.stem: path.read_bytes() for path in paths if path.suffix == ".svg"},
        source=json.loads(source.read_text(encoding="utf-8")),
        config=parameters["config"],
        missing=parameters["missing"],
        made=provenance.collect(),
    )
    write_text(output, made)


if __name__ == "__main__":
    sys.exit(command.run(make))
