"""Calls snakemake from processes that are forked when it is imported already.

Importing takes more than half of a short call's time. Each line that it reads is a JSON object with
`folder`, `environment`, `arguments`, those of Python, and `stdout` and `stderr`, the files for what
is said; it answers each with the exit code. What is imported before is third parties' only: the
project's own code is each project's.
"""

import json
import os
import sys
import traceback

import jsonschema  # noqa: F401
import numpy  # noqa: F401
import packaging.requirements  # noqa: F401
import pandas  # noqa: F401
import requests  # noqa: F401
import smart_open  # noqa: F401
import snakemake.cli
import snakemake.report
import snakemake.storage
import yaml  # noqa: F401


def call(request: dict) -> int:
    """Call snakemake in this process, whose exit code this is."""
    for stream, path in enumerate((os.devnull, request["stdout"], request["stderr"])):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.orig_argv = request["arguments"]  # with which it may replace this process by another call
    sys.argv = sys.orig_argv[2:]
    try:
        snakemake.cli.main()
    except SystemExit as ended:
        if not isinstance(ended.code, str):
            return ended.code or 0
        print(ended.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    return 1


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = call(json.loads(line))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)  # Python's own end takes as long as half a plan
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
