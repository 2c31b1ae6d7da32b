"""Which batch size is best for a table or a model of your own, into answers/NAME/report.html.

make answer DATA=my.csv TARGET=column, or make answer MODEL=my_model.py.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from minibatch import progress
from minibatch.errors import UserError
from minibatch.own import table

ANSWERS = Path("answers")
SOURCE = "source.txt"  # in the folder of an answer: the path of what it is about
USAGE = (
    "name a table or a model of your own: make answer DATA=my.csv TARGET=column, or "
    "make answer MODEL=my_model.py"
)


def folder(name: str | None, source: Path) -> Path:
    """Where the answer about a file goes: answers/NAME, by default after the file.

    Raises UserError where another file's answer is there, or the name is none of a folder.
    """
    name = name or re.sub(r"[^\w-]+", "_", source.stem)
    if not re.fullmatch(r"[\w-]+", name):
        raise UserError(f"NAME={name}: not made of letters, digits, _ and -")
    found = ANSWERS / name
    note = found / SOURCE
    if note.exists() and (other := note.read_text(encoding="utf-8")) != str(source.resolve()):
        raise UserError(f"{found} has the answer for {other}; give this one another NAME=…")
    return found


def _path(name: str) -> Path:
    return Path(os.path.expanduser(name))  # make may pass ~ as it is


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """What is asked. Raises UserError unless it is about one table or one model."""
    parser = argparse.ArgumentParser(prog="python -m minibatch.answer", description=__doc__)
    parser.add_argument("--data", type=_path, metavar="FILE")
    parser.add_argument("--target", metavar="COLUMN")
    parser.add_argument("--drop", default="", metavar="COLUMN,…")
    parser.add_argument("--model", type=_path, metavar="FILE")
    parser.add_argument("--budget", metavar="MINUTES")
    parser.add_argument("--name")
    arguments = parser.parse_args(argv)
    if (arguments.data is None) == (arguments.model is None):
        raise UserError(USAGE)
    return arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Check what is asked, and let Snakemake answer it; a line a fault that can be mended."""
    try:
        asked = parse(argv)
        found = folder(asked.name, asked.data or asked.model)
        if asked.data:
            options = table.prepare(asked, found)
        else:
            from minibatch.own import model  # here, until there is one

            options = model.prepare(asked, found)
    except (UserError, OSError) as error:
        print(*(f"error: {line}" for line in str(error).splitlines()), sep="\n", file=sys.stderr)
        return 1
    code = progress.main(options)
    if code == 0:
        print(f"The report: {found.resolve() / 'report.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main())
