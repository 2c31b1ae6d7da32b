"""Put the results of several machines side by side: make compare A=results B=../node/results.

Reads the tables in each folder's summary/, writes machines.parquet, .svg and .png, and prints what
is in them.
"""

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from minibatch.errors import UserError
from minibatch.figures import machines, style
from minibatch.figures.save import save
from minibatch.summaries import chapter
from minibatch.summaries.per_seed import plain
from minibatch.summaries.text import digits, times
from minibatch.tables import parquet, provenance

Tables = dict[str, pd.DataFrame]

USAGE = "name two results folders or more: make compare A=results B=../node/results (also C=, D=)"
READ = {  # the tables, and some columns that older versions did not write
    "ladder": ["framework", "device", "rung", "batch_size", "seconds_median"],
    "matmul": ["framework", "device", "strategy", "n", "block", "precision", "rate_median"],
    "training": ["framework", "device", "run", "loader", "copies", "seconds_to_target_median"],
}
CASE = ["quantity", "framework", "case", "loader", "batch_size"]
COLUMNS = ["machine", "hardware", *CASE, "device", "median", "low", "high"]
SHOWN = {  # for each quantity: title, factor, and what has a column for each of its values
    "seconds_per_epoch": ("Milliseconds per epoch, by batch size", 1e3, "batch_size"),
    "gflops": (f"GFLOP/s of products of {chapter.N}×{chapter.N} matrices", 1, "case"),
    "seconds_to_target": ("Milliseconds to a loss of {:g}", 1e3, "case"),
}
NAMED = 6  # differences that a warning names


def compare(found: dict[str, Tables]) -> pd.DataFrame:
    """One row for each quantity, case and machine, from the tables of each machine by its name.

    A case is a rung of the ladder, a strategy at the chapter's size, or one of the chapter's runs,
    with its loader; `batch_size` is 0 where there is none. Median, low and high are seconds or
    GFLOP/s as in the tables. `ratio` is the median over that of the first machine on the device
    `ratio_to`: the same one, or the CPU where it was not measured on that; NaN where there is
    neither, or no finite time.
    """
    rows = pd.concat(
        [
            _rows(read).assign(machine=name, hardware=_hardware(read))
            for name, read in found.items()
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


def _rows(read: Tables) -> pd.DataFrame:
    """What is compared of one machine."""
    matmul, training = read["matmul"], read["training"]
    products = chapter.products(matmul).assign(batch_size=0)
    single = training.groupby(["framework", "device", "run", "loader"]).run.transform("size") == 1
    parts = {
        "seconds_per_epoch": (read["ladder"], "rung", "seconds"),
        "gflops": (products, "strategy", "rate"),
        "seconds_to_target": (training[single & plain(training)], "run", "seconds_to_target"),
    }
    return pd.concat(
        part.assign(loader=part.get("loader"))
        .rename(columns={case: "case"} | {f"{value}_{end}": end for end in COLUMNS[-3:]})
        .assign(quantity=quantity)[[*CASE, *COLUMNS[-4:]]]
        for quantity, (part, case, value) in parts.items()
    )


def differences(found: dict[str, Tables], folders: Sequence[Path]) -> list[str]:
    """A line for each machine whose tables were made with other parameters than the first's."""
    (first, mine), *others = zip(found, folders, strict=True)
    lines = []
    for other, theirs in others:
        pairs = [(found[first][name], found[other][name]) for name in READ]
        said = {
            text: None
            for a, b in pairs
            for text in _differ(a.attrs["parameters"], b.attrs["parameters"], mine, theirs)
        }
        if said:
            more = [f"and {len(said) - NAMED} more"] if len(said) > NAMED else []
            what = "; ".join([*list(said)[:NAMED], *more])
            lines.append(f"{first} and {other} were measured with other parameters: {what}")
    return lines


def _differ(a: dict, b: dict, mine: Path, theirs: Path) -> Iterator[str]:
    """What differs between the parameters of two tables, or of those that they were made from.

    Where only the summaries were copied, the tables that they were made from are named instead.
    """
    for name in sorted((a.keys() & b.keys()) - {"inputs"}):
        if isinstance(a[name], dict):
            yield from _differ(a[name], b[name], mine, theirs)
        elif a[name] != b[name]:
            said = f"{name} {json.dumps(a[name])} against {json.dumps(b[name])}"
            yield said if len(said) < 60 else f"other {name}"
    ours, other = a.get("inputs", {}), b.get("inputs", {})
    for path in sorted(ours.keys() & other.keys()):
        if ours[path] != other[path]:
            inside = Path(path).relative_to("results")
            try:
                pair = [
                    parquet.read(folder / inside, digest).attrs["parameters"]
                    for folder, digest in ((mine, ours[path]), (theirs, other[path]))
                ]
                yield from _differ(*pair, mine, theirs)
            except UserError:
                yield str(inside)


def text(rows: pd.DataFrame, target_loss: float) -> str:
    """The table as text: a line for each machine and device, with medians and ratios."""
    first = rows.machine.iloc[0]
    lines = [
        "",
        f"In brackets: the ratio to {first}, on the same device or on the one that is named",
    ]
    for quantity, (title, factor, across) in SHOWN.items():
        part = rows[rows.quantity == quantity]
        if part.empty:
            continue
        index = ["framework", "case", "loader", "machine", "device"]
        index = [name for name in index if name != across and part[name].notna().any()]
        part = part.assign(cell=[_cell(row, first, factor) for row in part.to_dict("records")])
        order = list(dict.fromkeys(part[index].itertuples(index=False, name=None)))
        wide = part.pivot(index=index, columns=across, values="cell").reindex(order).fillna("–")
        columns = part[across].unique() if across == "case" else sorted(wide.columns)
        shown = wide[columns].rename_axis(columns=None).to_string(sparsify=False, line_width=None)
        lines += ["", title.format(target_loss), shown]
    return "\n".join(lines)


def _cell(row: dict, first: str, factor: float) -> str:
    """A median to three digits, with its ratio where it is not the first machine's."""
    value = factor * row["median"]
    if not np.isfinite(value):
        return "never"
    said = digits(value)
    if row["machine"] == first or pd.isna(row["ratio"]):
        return said
    to = "" if row["ratio_to"] == row["device"] else f" {row['ratio_to']}"
    return f"{said} ({times(row['ratio'])}{to})"


def load(folders: Sequence[Path]) -> dict[str, Tables]:
    """The tables of results folders, by host; with the folder where two are from the same one."""
    if len(folders) < 2:
        raise UserError(USAGE)
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UserError(f"one folder is named twice: {' '.join(map(str, folders))}")
    found = []
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder}: there is no such folder; {USAGE}")
        if not (folder / "summary").is_dir():
            raise UserError(
                f"{folder}: no summary tables in it; run make on its machine, and name the results "
                "folder that it fills"
            )
        read = {name: parquet.read(folder / f"summary/{name}.parquet") for name in READ}
        for name, columns in READ.items():
            if missing := [column for column in columns if column not in read[name]]:
                raise UserError(
                    f"{folder}/summary/{name}.parquet: has no column {missing[0]}, so another "
                    "version made it; run make there with the version that is here"
                )
        found.append(read)
    hosts = [
        "+".join(machine.partition(",")[0] for machine in _machines(read)) or str(folder)
        for folder, read in zip(folders, found, strict=True)
    ]
    return {
        host if Counter(hosts)[host] == 1 else f"{host} ({folder})": read
        for host, folder, read in zip(hosts, folders, found, strict=True)
    }


def _machines(read: Tables) -> list[str]:
    return parquet.origin(read.values())["machines"]


def _hardware(read: Tables) -> str:
    gpus = parquet.origin(read.values())["gpus"]
    return "; ".join([*_machines(read), *gpus]) or "unknown machine"


def _make(folders: Sequence[Path], output: Path) -> None:
    """Read, compare, write and print."""
    found = load(folders)
    rows = compare(found)
    warnings = differences(found, folders)
    figure = machines.draw({"machines": rows})
    style.warn(figure, warnings)
    save(figure, output / "machines.svg")
    origin = parquet.origin(table for read in found.values() for table in read.values())
    named = {"folders": dict(zip(found, map(str, folders), strict=True))}
    path = output / "machines.parquet"
    parquet.write(rows, path, parameters=named, provenance=provenance.collect(**origin))
    for (name, read), folder in zip(found.items(), folders, strict=True):
        about = parquet.origin(read.values())
        threads = " or ".join(map(str, about["threads"]))
        print(f"{name}: {_hardware(read)}; {folder}; threads: {threads}")
        print(f"  {', '.join(about['frameworks'])}")
    options = found[next(iter(found))]["training"].attrs["parameters"]["options"]
    print(text(rows, options["target_loss"]))
    for line in warnings:
        print(f"warning: {line}", file=sys.stderr)
    print(f"\nThe table:  {path}\nThe figure: {output / 'machines.svg'}")


def _folder(name: str) -> Path:
    return Path(os.path.expanduser(name))  # make may pass ~ as it is


def main(argv: Sequence[str] | None = None) -> int:
    """Parse the command line; what the user can mend is one line and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m minibatch.compare", description=__doc__)
    parser.add_argument("folders", type=_folder, nargs="*", metavar="FOLDER")
    parser.add_argument("--output", type=_folder, default="comparison", metavar="FOLDER")
    arguments = parser.parse_args(argv)
    try:
        _make(arguments.folders, arguments.output)
    except (UserError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
