"""Time the chapter's runs by its own clock in one launch: examples → results/protocol/….parquet.

Unlike other measurements, it leaves what was imported to Python's garbage collector, as a notebook
does.
"""

import gc
import platform
import sys
from pathlib import Path
from random import Random

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.frameworks import pytorch
from minibatch.sgd.chapter import Chapter
from minibatch.sgd.examples import split
from minibatch.sgd.protocols import BOOK, WITHOUT, Protocol, Run
from minibatch.tables import parquet, provenance

COLUMNS = {
    "machine": "string",
    **dict.fromkeys(("batch_size", "epochs"), "int64"),
    "learning_rate": "float64",
    **dict.fromkeys(("collector", "drawing", "loader"), "string"),
    **dict.fromkeys(("launch", "repeat", "points"), "int64"),
    **dict.fromkeys(("seconds", "cpu_seconds"), "float64"),
    **dict.fromkeys(("full_collections", "objects"), "int64"),
}


def measure(
    x: np.ndarray, y: np.ndarray, runs: list[Run], *, repeats: int, launch: int
) -> pd.DataFrame:
    """Warm up, then time runs by every protocol in random order, `repeats` times by the book's.

    Full collections of garbage fall by chance into the book's, and into no others.
    One row a run that was trained: its batch_size, epochs and learning_rate; collector, drawing and
    loader; launch; repeat, in the order of time; points of the plot; seconds and CPU seconds of all
    epochs by the chapter's clock; the full_collections that fell into them; and the objects that
    Python's collector knew at the start.
    (x, y) are float32, shapes (n, d) and (n,). Raises UserError where steps are wrong.
    """
    random = Random(launch)
    objects = len(gc.get_objects())
    # Python searches all objects when a quarter of them is new: how far a notebook's earlier cells
    # have come by then is chance.
    earlier = [[] for _ in range(random.randrange(objects // 4))]
    chapter = Chapter(pytorch, x, y, seed=launch)
    for run in runs:
        for protocol in (WITHOUT["drawing"], WITHOUT["loader"]):
            chapter.time(run, protocol)
    cases = [(run, protocol) for run in runs for protocol in [BOOK] * repeats + [*WITHOUT.values()]]
    random.shuffle(cases)
    rows = [
        {**run._asdict(), **protocol._asdict(), **chapter.time(run, protocol)}
        for run, protocol in cases
    ]
    table = pd.DataFrame(rows).assign(launch=launch, objects=objects + len(earlier))
    return table.assign(repeat=table.groupby([*Run._fields, *Protocol._fields]).cumcount())


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in this process, which is the launch."""
    [path] = inputs
    examples = parquet.read(path, parameters["inputs"][str(path)]).to_numpy()
    x, y = map(np.ascontiguousarray, split(examples))
    threads = parameters["threads"]
    pytorch.set_threads(threads)
    about = provenance.collect(threads=[threads], **frameworks.provenance(pytorch, "cpu"))
    runs = [Run(**run) for run in parameters["runs"]]
    samples = measure(x, y, runs, repeats=parameters["repeats"], launch=parameters["launch"])
    samples = samples.assign(machine=platform.node())[[*COLUMNS]]
    parquet.write(samples, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
