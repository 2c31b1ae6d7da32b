"""Times five cells of steptime by hand, and compares them with what the stage has measured.

    PYTHONPATH=src .venv/bin/python -P tests/by_hand/interleaved.py [results]

Plain loops around the calls of PyTorch's module, in turns, in as many processes as there were
launches. Run it on the quiet machine that measured. Exits with 1 where a cell differs by more than
a tenth, whatever the launches differ by.
"""

import subprocess
import sys
from io import StringIO
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd

from minibatch import frameworks
from minibatch.sgd.examples import split
from minibatch.summaries.intervals import of_ratio
from minibatch.summaries.steptime import per_launch

CELLS = [
    ("scratch", "framework", 10),
    ("scratch", "direct", 1),
    ("scratch", "direct", 100),
    ("concise", "direct", 10),
    ("compiled", "direct", 1500),
]
ROUNDS, LEAST = 7, 0.02  # of all cells; seconds of a cell in a round
TOLERANCE = 0.1


def launch(results: Path) -> None:
    """Print the median seconds a step of each cell, in this process."""
    framework = frameworks.start("pytorch", 1)
    examples = pd.read_parquet(results / "data/examples.parquet").to_numpy()
    x, y = (framework.array(np.ascontiguousarray(part), "cpu") for part in split(examples))
    order = np.random.default_rng().permutation(len(y))
    models = {
        cell: framework.IMPLEMENTATIONS[cell[0]](np.zeros(x.shape[1], "f"), "half_mse", "cpu")
        for cell in CELLS
    }

    def epoch(cell):
        implementation, loader, size = cell
        model = models[cell]
        if implementation == "compiled":
            model.epoch(x, y, order, size, 1e-3)
            return
        for batch in framework.LOADERS[loader](x, y, order, size):
            model.compute(*batch)
            model.update(1e-3)

    seconds = {cell: [] for cell in CELLS}
    for number in range(-1, ROUNDS):  # the first warms up
        for cell in CELLS:
            epochs, start = 0, perf_counter()
            while perf_counter() < start + LEAST:
                epoch(cell)
                epochs += 1
            if number >= 0:
                took = (perf_counter() - start) / epochs
                seconds[cell].append(took / -(-len(y) // cell[2]))
    for cell, values in seconds.items():
        print(*cell, np.median(values), sep=",")


def main(results: Path) -> int:
    """Compare; print a line a cell."""
    tables = {
        name: pd.read_parquet(results / f"steptime/{path}/cpu.parquet")
        for name, path in (("samples", "pytorch"), ("baseline", "baseline"))
    }
    key = ["implementation", "loader", "batch_size"]
    stage = per_launch(tables).query("framework == 'pytorch'").set_index(key).sort_index()
    command = [sys.executable, "-P", __file__, str(results), "launch"]
    count = stage.launch.nunique()
    runs = [
        subprocess.run(command, capture_output=True, check=True, text=True) for _ in range(count)
    ]
    printed = StringIO("".join(run.stdout for run in runs))
    hand = pd.read_csv(printed, names=[*key, "seconds"]).set_index(key).sort_index()
    worst = 0.0
    for cell in CELLS:
        ratio, low, high = of_ratio(stage.loc[cell].seconds, hand.loc[cell].seconds)
        print(*cell, f"stage / by hand = {ratio:.3f} ({low:.3f} to {high:.3f})")
        worst = max(worst, abs(ratio - 1))
    return int(worst > TOLERANCE)


if __name__ == "__main__":
    where = Path(sys.argv[1] if len(sys.argv) > 1 else "results")
    sys.exit(launch(where) if "launch" in sys.argv else main(where))
