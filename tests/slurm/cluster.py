"""A copy of the project that runs on the SLURM of start.sh."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from project import GUARD_SECONDS, Project, Running

# The profile as users have it, but for what only costs time here: one disk, and jobs of seconds.
PROFILE = (
    "--workflow-profile=profiles/slurm",
    "--slurm-init-seconds-before-status-checks=4",  # then 18, and 42
    "--latency-wait=10",
)

RUNS = ("gd", "sgd", "concise_10")

# Python runs this before each stage: it notes when, in which SLURM job and on which of its nodes a
# stage was at work, and lets the one fail whose output a file `fail` names.
NOTES = """
import atexit, json
STAGE = next((word for word in sys.orig_argv if word.startswith("minibatch.stages.")), None)
if STAGE:
    def note(began=time.time()):
        place = [os.environ.get(name) for name in ("SLURM_JOB_ID", "SLURMD_NODENAME")]
        with open("notes", "a") as notes:
            print(json.dumps([STAGE.split(".")[-1], *place, began, time.time()]), file=notes)
    atexit.register(note)
    if pathlib.Path("fail").exists() and pathlib.Path("fail").read_text() in sys.orig_argv:
        print("error: the test lets this fail", file=sys.stderr, flush=True)
        os._exit(1)
"""


def slurm(*command: str) -> str:
    """What a SLURM command says."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def drained(*nodes: str) -> Iterator[None]:
    """Let no job begin on some nodes, unless they are resumed meanwhile."""
    names = ",".join(nodes)
    slurm("scontrol", "update", f"nodename={names}", "state=drain", "reason=test")
    try:
        yield
    finally:
        states = slurm("sinfo", "--noheader", "--Node", f"--nodes={names}", "--format=%N %T")
        for node in {line.split()[0] for line in states.splitlines() if "drain" in line}:
            slurm("scontrol", "update", f"nodename={node}", "state=resume")


class Cluster(Project):
    """A project whose jobs go through sbatch."""

    def __init__(self, folder, template=None):
        super().__init__(folder, template)
        if template is None:
            with (folder / "src/sitecustomize.py").open("a") as file:
                file.write(NOTES)
            self.configure(reduce)
        (folder / "notes").unlink(missing_ok=True)

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess:
        """Call snakemake with the profile for SLURM."""
        command = self.command(*PROFILE, *arguments)
        return subprocess.run(**command, capture_output=True, timeout=GUARD_SECONDS, check=False)

    @contextmanager
    def started(self, *arguments: str) -> Iterator[Running]:
        """Start snakemake with the profile for SLURM; it ends with the block at the latest."""
        running = Running(self.folder, **self.command(*PROFILE, *arguments))
        try:
            yield running
        finally:
            running.kill()
            running.wait(GUARD_SECONDS)

    def jobs(self) -> list[dict[str, str]]:
        """The SLURM jobs of this folder so far, oldest first, in the words of scontrol."""
        lines = slurm("scontrol", "show", "job", "--oneliner").splitlines()
        jobs = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in lines]
        mine = [job for job in jobs if job.get("WorkDir") == str(self.folder)]
        return sorted(mine, key=lambda job: int(job["JobId"]))

    def states(self) -> list[str]:
        """The states of this folder's SLURM jobs."""
        return [job["JobState"] for job in self.jobs()]

    def notes(self) -> list[list]:
        """The stage, the SLURM job and its node, the begin and the end of whatever ran here."""
        return [json.loads(line) for line in (self.folder / "notes").read_text().splitlines()]

    def close(self) -> None:
        """End whatever a test left in the queue or running."""
        unfinished = [
            job["JobId"] for job in self.jobs() if job["JobState"] in ("PENDING", "RUNNING")
        ]
        if unfinished:
            slurm("scancel", *unfinished)
        end = time.monotonic() + GUARD_SECONDS
        while {"PENDING", "RUNNING", "COMPLETING"} & set(self.states()):
            assert time.monotonic() < end, f"SLURM jobs do not end: {self.jobs()}"
            time.sleep(0.1)
        super().close()


def reduce(config: dict) -> None:
    """Leave of a configuration a job of each kind, and measurements for more than one SLURM job."""
    config["matmul"]["sizes"] = [8]
    config["matmul"]["blocks"]["n"] = 8
    runs = config["training"]["runs"]
    config["training"]["runs"] = {name: runs[name] for name in RUNS}
