"""Plan real runs by what is predicted of them: curves and step times → results/predicted/…."""

import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from minibatch import command
from minibatch.summaries import problem
from minibatch.summaries.draws import around, draws
from minibatch.tables import load, parquet, provenance

CHAPTER = (1, 10, 100)  # batch sizes of the chapter, besides that of all examples
COLUMNS = {
    **dict.fromkeys(("framework", "device", "implementation", "loader"), "string"),
    **{"batch_size": "int64", "learning_rate": "float64", "steps": "int64", "seconds": "float64"},
}


def chosen(
    sizes: np.ndarray,
    seconds: np.ndarray,
    examples: int,
    also: Iterable[int] = CHAPTER,
    longest_seconds: float = np.inf,
) -> list[int]:
    """Of batch sizes, the best, those nearest by ratio to half and double of it, some, and all.

    Those that take longer than `longest_seconds` to the target, or never reach it, are left out.
    """
    wanted = {*around(sizes, sizes[np.argmin(seconds)]), *also, examples}
    within = np.isfinite(seconds) & (seconds <= longest_seconds)
    return [size for size in sizes[within].tolist() if size in wanted]


def predict(tables: dict[str, pd.DataFrame], target: dict, **which) -> pd.DataFrame:
    """A row a way of training and batch size: learning rate, steps and seconds to the target.

    `which` says what else than the best sizes is tried, and what is not, as `chosen` takes it.
    Reads "curves", "examples" and "samples" of step times. No interval is needed, nor any resample,
    so that their number changes nothing.
    """
    known = problem.summarise(tables)
    tables = tables | {"problem": known, "baseline": tables["samples"][:0]}
    rows = []
    for one in draws(tables, [target], 0):
        framework, device, implementation, loader = one.series
        about = {"framework": framework, "device": device}
        about |= {"implementation": implementation, "loader": loader}
        for size in chosen(one.sizes, one.times[0], known.examples.iloc[0], **which):
            at = list(one.sizes).index(size)
            row = {"batch_size": size, "learning_rate": one.rates[0, at]}
            row |= {"steps": int(one.counts[0, at]), "seconds": one.times[0, at]}
            rows.append(about | row)
    return pd.DataFrame(rows, columns=[*COLUMNS])


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read what is known of steps and of their times, and plan."""
    tables = load.by_name(paths, parameters["inputs"])
    if tables["samples"].empty:
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    about = provenance.collect(**parquet.origin(tables.values()))
    which = {name: parameters[name] for name in ("also", "longest_seconds") if name in parameters}
    table = predict(tables, parameters["target"], **which)
    parquet.write(table, output, parameters=parameters, provenance=about, columns=COLUMNS)


if __name__ == "__main__":
    sys.exit(command.run(make))
