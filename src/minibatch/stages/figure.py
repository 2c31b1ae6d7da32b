"""Draw one figure: tables → results/figures/FIGURE-FRAMEWORK-DEVICE.svg or .png."""

import json
import sys
from importlib import import_module
from pathlib import Path

from minibatch import command, inputs, tables
from minibatch.figures import style
from minibatch.files import replacing
from minibatch.source import notes


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read the tables and the dataset's source, draw, and save in the format of the output."""
    [source] = [path for path in paths if path.suffix == ".json"]
    read = inputs.load([path for path in paths if path != source], parameters["inputs"])
    for name, table in read.items():
        if "framework" in table:
            mine = (table.framework == parameters["framework"]) & (
                table.device == parameters["device"]
            )
            read[name] = table[mine]
    module = import_module(f"minibatch.figures.{parameters['figure']}")
    figure = module.draw(read, **parameters["options"])

    machines = tables.origin(read.values())["machines"]
    style.warn(figure, notes(json.loads(source.read_text(encoding="utf-8")), machines))
    undated = {"Date": None} if output.suffix == ".svg" else {}
    with replacing(output) as temporary:
        figure.savefig(temporary, dpi=150, metadata=undated)


if __name__ == "__main__":
    sys.exit(command.run(make))
