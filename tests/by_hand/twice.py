"""Compares two measurements of the same configuration on one machine, cell by cell.

    PYTHONPATH=src .venv/bin/python -P tests/by_hand/twice.py results other/results

For each framework: the share of cells where the 95 % interval of the ratio of the two includes 1
(at least 90 %), the median ratio over its cells (within 5 % of 1), and the share of cells where the
first repeat of a launch is an outlier, over 1.3 times that launch's median (at most 2 %). Exits
with 1 where one of them does not hold, and names the cells whose interval does not include 1.
"""

import sys
from pathlib import Path

import pandas as pd

from minibatch.summaries.intervals import of_ratio
from minibatch.summaries.steptime import CELL, per_launch

INCLUDES, MEDIAN, OUTLIER, OUTLIERS = 0.9, 0.05, 1.3, 0.02


def read(results: Path) -> dict[str, pd.DataFrame]:
    """The samples of all frameworks, and the baseline's."""
    paths = sorted((results / "steptime").glob("*/*.parquet"))
    found = {path.parent.name: pd.read_parquet(path) for path in paths}
    return {
        "baseline": found.pop("baseline"),
        "samples": pd.concat(found.values(), ignore_index=True),
    }


def outliers(tables: dict[str, pd.DataFrame]) -> pd.Series:
    """By framework: the share of cells and launches whose first repeat is one."""
    samples = pd.concat(tables.values(), ignore_index=True)
    key = [*CELL, "launch"]
    median = samples.groupby(key).seconds.transform("median")
    first = samples[samples.repeat == 0].assign(ratio=samples.seconds / median)
    return (first.set_index("framework").ratio > OUTLIER).groupby("framework").mean()


def main(one: Path, other: Path) -> int:
    """Compare; print a line a framework, and one for each cell that differs."""
    tables = [read(one), read(other)]
    launches = [dict(iter(per_launch(found).groupby(CELL))) for found in tables]
    rows = [
        (*cell, *of_ratio(launches[0][cell].seconds, launches[1][cell].seconds))
        for cell in launches[0].keys() & launches[1].keys()
    ]
    found = pd.DataFrame(rows, columns=[*CELL, "ratio", "low", "high"])
    found["includes"] = (found.low <= 1) & (found.high >= 1)
    shares = pd.concat([outliers(read) for read in tables], axis=1).max(axis=1)
    failed = 0
    for framework, cells in found.groupby("framework"):
        values = cells.includes.mean(), cells.ratio.median(), shares[framework]
        print(
            f"{framework}: {values[0]:.0%} of {len(cells)} cells include 1, median ratio "
            f"{values[1]:.3f}, first repeats that are outliers {values[2]:.1%}"
        )
        failed += values[0] < INCLUDES or abs(values[1] - 1) > MEDIAN or values[2] > OUTLIERS
    print(found[~found.includes].sort_values(CELL).to_string(index=False))
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:3])))
