"""Draw one figure: tables → results/figures/FIGURE-FRAMEWORK-DEVICE.svg or .png."""

import json
import sys
from importlib import import_module
from pathlib import Path

from minibatch import command
from minibatch.figures import style
from minibatch.tables import load, parquet
from minibatch.tables.files import replacing
from minibatch.tables.notes import notes


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read the tables and the dataset's source, draw, and save in the format of the output."""
    [source] = [path for path in paths if path.suffix == ".json"]
    read = load.by_name([path for path in paths if path != source], parameters["inputs"])
    shown = parameters["framework"], parameters["device"]
    for name, table in read.items():
        if "framework" in table and shown[0] != "all":
            mine = (table.framework == shown[0]) & (table.device == shown[1])
            read[name] = table[mine]
    if any(table.empty for table in read.values()):
        figure = style.empty(f"{shown[0]} on {shown[1]} was not measured; the report says why")
    else:
        module = import_module(f"minibatch.figures.{parameters['figure']}")
        figure = module.draw(read, **parameters["options"])

    machines = parquet.origin(read.values())["machines"]
    style.warn(figure, notes(json.loads(source.read_text(encoding="utf-8")), machines))
    undated = {"Date": None} if output.suffix == ".svg" else {}
    with replacing(output) as temporary:
        figure.savefig(temporary, dpi=150, metadata=undated)


if __name__ == "__main__":
    sys.exit(command.run(make))
