"""Put the results of several machines side by side: make compare A=results B=../node/results.

Reads the tables in each folder's summary/, writes machines.parquet, .svg and .png, and prints what
is in them.
"""

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from minibatch.errors import UserError
from minibatch.figures import style
from minibatch.figures.machines import draw
from minibatch.figures.save import save
from minibatch.report.machines import about, hardware, text
from minibatch.summaries.machines import Tables, compare, differences
from minibatch.tables import parquet, provenance

USAGE = "name two results folders or more: make compare A=results B=../node/results (also C=, D=)"
READ = {  # the tables, and some columns that older versions did not write
    "ladder": ["framework", "device", "rung", "batch_size", "seconds"],
    "matmul": ["framework", "device", "strategy", "n", "block", "precision", "rate"],
    "training": ["framework", "device", "run", "loader", "copies", "seconds_to_target_median"],
}


def load(folders: Sequence[Path]) -> dict[str, Tables]:
    """The tables of results folders, by host; with the folder where two are from the same one."""
    if len(folders) < 2:
        raise UserError(USAGE)
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise UserError(f"one folder is named twice: {' '.join(map(str, folders))}")
    found = [_tables(folder) for folder in folders]
    machines = [_origin(tables)["machines"] for tables in found]
    hosts = [
        "+".join(machine.partition(",")[0] for machine in own) or str(folder)
        for folder, own in zip(folders, machines, strict=True)
    ]
    return {
        host if Counter(hosts)[host] == 1 else f"{host} ({folder})": tables
        for host, folder, tables in zip(hosts, folders, found, strict=True)
    }


def _tables(folder: Path) -> Tables:
    """The tables of one results folder, which are whole and of this version."""
    if not folder.is_dir():
        raise UserError(f"{folder}: there is no such folder; {USAGE}")
    if not (folder / "summary").is_dir():
        raise UserError(
            f"{folder}: no summary tables in it; run make on its machine, and name the results "
            "folder that it fills"
        )
    found = {name: parquet.read(folder / f"summary/{name}.parquet") for name in READ}
    for name, columns in READ.items():
        if missing := [column for column in columns if column not in found[name]]:
            raise UserError(
                f"{folder}/summary/{name}.parquet: has no column {missing[0]}, so another "
                "version made it; run make there with the version that is here"
            )
    return found


def _origin(tables: Tables) -> dict[str, list]:
    return parquet.origin(tables.values())


def _differences(found: dict[str, Tables], folders: dict[str, Path]) -> list[str]:
    """What `differences` says of tables, which may look into the folders that they are from."""
    parameters = {
        name: [table.attrs["parameters"] for table in tables.values()]
        for name, tables in found.items()
    }
    read = {name: partial(_parameters, folder) for name, folder in folders.items()}
    return differences(parameters, read)


def _parameters(folder: Path, path: str, digest: str) -> dict | None:
    """Those of a table in a results folder; None where that is missing, or another one."""
    try:
        return parquet.read(folder / path, digest).attrs["parameters"]
    except UserError:
        return None


def _make(folders: Sequence[Path], output: Path) -> None:
    """Read, compare, write and print."""
    found = load(folders)
    named = dict(zip(found, folders, strict=True))
    origins = {name: _origin(tables) for name, tables in found.items()}
    rows = compare(found, {name: hardware(origin) for name, origin in origins.items()})
    warnings = _differences(found, named)
    figure = draw({"machines": rows})
    style.warn(figure, warnings)
    save(figure, output / "machines.svg")
    path = output / "machines.parquet"
    origin = parquet.origin(table for tables in found.values() for table in tables.values())
    made = {"folders": {name: str(folder) for name, folder in named.items()}}
    parquet.write(rows, path, parameters=made, provenance=provenance.collect(**origin))
    for name, folder in named.items():
        print(about(name, folder, origins[name]))
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
