"""Says what snakemake would do, from processes that are forked when it is imported already.

Importing takes more than half of a plan's time. Each line that it reads is a JSON object with
`folder`, `environment`, `arguments` and `said`, the file for both outputs; it answers each with the
exit code. What is imported before is third parties' only: the project's own code is each project's.
"""

import json
import os
import sys

import jsonschema  # noqa: F401
import numpy  # noqa: F401
import snakemake.cli
import yaml  # noqa: F401


def plan(request: dict) -> int:
    """Call snakemake in this process."""
    said = os.open(request["said"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["snakemake", *request["arguments"]]
    try:
        snakemake.cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def main() -> None:
    """Serve until the input ends."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = plan(json.loads(line))
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
