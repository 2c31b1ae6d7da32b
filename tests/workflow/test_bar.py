"""What make shows of a real Snakemake: one bar on a terminal, one line a job elsewhere."""

import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-P", "-m", "minibatch.progress", "--cores", "2", "--keep-going"]
SNAKEFILE = """
rule all:
    input: expand("{name}.txt", name=list("abc"))
    message: "All is there"

rule one:
    output: "{name}.txt"
    message: "Making {wildcards.name}"
    shell: "name={wildcards.name}; echo warning: $name >&2; {config[do]}; touch {output}"
"""


@pytest.fixture
def study(tmp_path):
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "TERM": "xterm", "COLUMNS": "100"}

    def start(do="true", **options):
        command = [*COMMAND, "--config", f"do={do}"]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            env=environment,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as in a terminal
            **options,
        )

    return start


def test_in_a_file_it_is_one_line_a_job(study):
    def made():
        running = study(stderr=subprocess.PIPE)
        return sorted(running.communicate()[1].splitlines()), running.returncode

    said, code = made()
    assert code == 0
    assert len(said) == 3 + 4 + 1  # warnings, jobs, and the end
    assert [line for line in said if "warning" in line] == [f"warning: {name}" for name in "abc"]
    for number in range(1, 4):
        assert re.fullmatch(rf"{number} of 4: Making [abc] \(\d+ s\)", said[number - 1])
    assert re.fullmatch(r"4 jobs in 0:00:\d\d", said[3])
    assert said[4] == "4 of 4: All is there (0 s)"
    assert made() == (["Nothing to be done"], 0)


def test_a_job_that_fails_is_said_and_the_others_go_on(study, tmp_path):
    running = study("test $name != b", stderr=subprocess.PIPE)
    said = running.communicate()[1]
    assert running.returncode == 1
    assert said.count("Error in rule one") == 1
    assert "2 of 4: " in said
    assert "jobs in" not in said
    assert sorted(path.name for path in tmp_path.glob("*.txt")) == ["a.txt", "c.txt"]


class Terminal:
    """A terminal, and what was written to it."""

    def __init__(self):
        self._ours, self.theirs = pty.openpty()
        self.written = ""
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self):
        try:
            while said := os.read(self._ours, 4096):
                self.written += said.decode()
        except OSError:  # its last writer is gone
            pass

    def ended(self):
        """All that was written, without colours and movements."""
        os.close(self.theirs)
        self._reader.join()
        return re.sub(r"\x1b\[[\d;?]*\w", "", self.written)


def test_on_a_terminal_it_is_one_bar(study):
    terminal = Terminal()
    running = study("sleep 1", stderr=terminal.theirs)
    assert running.wait() == 0
    shown = terminal.ended()
    assert re.search(r"0/4 jobs \S+ +Making [abc], Making [abc]", shown)
    assert re.search(r"2/4 jobs \S+ under 1 min left +Making [abc]", shown)
    assert "of 4: Making" not in shown
    assert {f"warning: {name}" for name in "abc"} <= set(re.split(r"[\r\n]+", shown))
    assert re.search(r"4 jobs in 0:00:\d\d\r\n$", shown)


def until_both_jobs_run(running):
    """As many as there are cores; one that begins later is not interrupted."""
    said = 0
    for line in running.stderr:
        said += "warning" in line
        if said == 2:
            return


def there_is(group):
    """Whether a process of the group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_interrupted_it_lets_snakemake_end_its_jobs(study, tmp_path):
    running = study("sleep 60", stderr=subprocess.PIPE, start_new_session=True)
    until_both_jobs_run(running)
    begun = time.monotonic()
    os.killpg(running.pid, signal.SIGINT)  # to all, as a terminal does
    running.communicate()
    assert running.returncode == 1
    assert time.monotonic() - begun < 30
    assert not list(tmp_path.glob("*.txt"))
    while there_is(running.pid):  # what has ended is there until init has reaped it
        assert time.monotonic() - begun < 30
        time.sleep(0.1)


def test_terminated_it_begins_no_other_job(study, tmp_path):
    running = study("sleep 3", stderr=subprocess.PIPE)
    until_both_jobs_run(running)
    running.terminate()
    running.communicate()
    assert running.returncode == 1
    assert len(list(tmp_path.glob("*.txt"))) == 2
