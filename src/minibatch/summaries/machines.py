"""The summary tables of several machines, side by side."""

import json
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from minibatch.summaries import chapter
from minibatch.summaries.per_seed import plain

Tables = dict[str, pd.DataFrame]
Read = Callable[[str, str], dict | None]

CASE = ["quantity", "framework", "case", "loader", "batch_size"]
COLUMNS = ["machine", "hardware", *CASE, "device", "median", "low", "high"]
NAMED = 6  # differences that a line names


def compare(found: dict[str, Tables], hardware: dict[str, str]) -> pd.DataFrame:
    """One row for each quantity, case and machine, from the tables of each machine by its name.

    Reads "ladder", "matmul" and "training". A case is a rung of the ladder, a strategy at the
    chapter's size, or one of the chapter's runs, with its loader; `batch_size` is 0 where there is
    none. Median (of the ladder, the mean), low and high are seconds or GFLOP/s as in the tables.
    `ratio` is the median over that of the first machine on the device `ratio_to`: the same one, or
    the CPU where it was not measured on that; NaN where there is neither, or no finite time.
    """
    rows = pd.concat(
        [
            _rows(tables).assign(machine=name, hardware=hardware[name])
            for name, tables in found.items()
        ],
        ignore_index=True,
    )[COLUMNS]
    first = rows[rows.machine == next(iter(found))][[*CASE, "device", "median"]]
    first = first.rename(columns={"median": "first"}).assign(ratio_to=first.device)
    rows = rows.merge(first, "left", [*CASE, "device"], validate="many_to_one")
    cpu = first[first.device == "cpu"].drop(columns="device")
    cpu = rows[CASE].merge(cpu, "left", CASE, validate="many_to_one")
    rows = rows.fillna({"first": cpu["first"], "ratio_to": cpu.ratio_to})
    finite = np.isfinite(rows["median"]) & np.isfinite(rows["first"])
    rows["ratio"] = (rows["median"] / rows["first"]).where(finite)
    place = rows.groupby(CASE, sort=False, dropna=False).ngroup()
    return rows.loc[place.sort_values(kind="stable").index].drop(columns="first")


def _rows(tables: Tables) -> pd.DataFrame:
    """What is compared of one machine."""
    matmul, training = tables["matmul"], tables["training"]
    ladder = tables["ladder"].rename(columns={"seconds": "seconds_median"})
    products = chapter.products(matmul).assign(batch_size=0).rename(columns={"rate": "rate_median"})
    single = training.groupby(["framework", "device", "run", "loader"]).run.transform("size") == 1
    parts = {
        "seconds_per_epoch": (ladder, "rung", "seconds"),
        "gflops": (products, "strategy", "rate"),
        "seconds_to_target": (training[single & plain(training)], "run", "seconds_to_target"),
    }
    return pd.concat(
        part.assign(loader=part.get("loader"))
        .rename(columns={case: "case"} | {f"{value}_{end}": end for end in COLUMNS[-3:]})
        .assign(quantity=quantity)[[*CASE, *COLUMNS[-4:]]]
        for quantity, (part, case, value) in parts.items()
    )


def differences(parameters: dict[str, list[dict]], read: dict[str, Read]) -> list[str]:
    """A line for each machine whose tables were made with other parameters than the first's.

    `parameters` are those of the tables of each machine, in the same order. A machine's `read`
    takes the path under results/ and the digest of a table that they were made from, and returns
    the parameters of that one, or None where it is not there.
    """
    first, *others = parameters
    lines = []
    for other in others:
        pairs = zip(parameters[first], parameters[other], strict=True)
        said = {text: None for a, b in pairs for text in _differ(a, b, read[first], read[other])}
        if said:
            more = [f"and {len(said) - NAMED} more"] if len(said) > NAMED else []
            what = "; ".join([*list(said)[:NAMED], *more])
            lines.append(f"{first} and {other} were measured with other parameters: {what}")
    return lines


def _differ(a: dict, b: dict, read_a: Read, read_b: Read) -> Iterator[str]:
    """What differs between the parameters of two tables, or of those that they were made from.

    Where only the summaries were copied, the tables that they were made from are named instead.
    """
    for name in sorted((a.keys() & b.keys()) - {"inputs"}):
        if isinstance(a[name], dict):
            yield from _differ(a[name], b[name], read_a, read_b)
        elif a[name] != b[name]:
            said = f"{name} {json.dumps(a[name])} against {json.dumps(b[name])}"
            yield said if len(said) < 60 else f"other {name}"
    inputs_a, inputs_b = a.get("inputs", {}), b.get("inputs", {})
    for name in sorted(inputs_a.keys() & inputs_b.keys()):
        if inputs_a[name] != inputs_b[name]:
            path = name.removeprefix("results/")
            below_a, below_b = read_a(path, inputs_a[name]), read_b(path, inputs_b[name])
            if below_a is None or below_b is None:
                yield path
            else:
                yield from _differ(below_a, below_b, read_a, read_b)
