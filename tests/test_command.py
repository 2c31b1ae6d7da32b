import errno
import json
import shutil
import subprocess
import sys

import pytest

from minibatch import command
from minibatch.errors import UserError

pytestmark = pytest.mark.usefixtures("package_on_path")

ARGUMENTS = ["--parameters", '{"n": 5}', "--output", "out/table.parquet"]

WRITE = """
import sys
from pathlib import Path
import numpy as np, pandas as pd
from minibatch import command
from minibatch.tables import parquet
def make(parameters, inputs, output):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(100_000, 2)), columns=["a", "b"])
    parquet.write(frame, output, parameters=parameters, provenance={})
sys.exit(command.run(make))
"""


def raising(error):
    def make(parameters, inputs, output):  # noqa: ARG001
        raise error

    return make


@pytest.fixture(autouse=True)
def no_lock(monkeypatch):
    monkeypatch.delenv(command.JOBS, raising=False)


def test_the_parameters_the_inputs_and_the_output_arrive_and_the_exit_code_is_0(capsys):
    got = []
    code = command.run(lambda *given: got.append(given), [*ARGUMENTS, "--inputs", "a", "b/c"])
    [(parameters, inputs, output)] = got
    assert code == 0
    assert parameters == {"n": 5}
    assert [str(path) for path in inputs] == ["a", "b/c"]
    assert str(output) == "out/table.parquet"
    assert capsys.readouterr() == ("", "")


def test_a_problem_is_one_line_and_exit_code_1(capsys):
    assert command.run(raising(UserError("table.dat: row 3 is short")), ARGUMENTS) == 1
    assert capsys.readouterr() == ("", "error: table.dat: row 3 is short\n")


def test_a_mistake_in_the_program_is_not_hidden():
    with pytest.raises(ZeroDivisionError):
        command.run(raising(ZeroDivisionError()), ARGUMENTS)


def test_an_error_of_the_system_that_is_no_full_disk_is_not_called_one():
    with pytest.raises(PermissionError):
        command.run(raising(PermissionError(errno.EACCES, "no")), ARGUMENTS)


def test_ctrl_c_ends_quietly(capsys):
    assert command.run(raising(KeyboardInterrupt()), ARGUMENTS) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("parameters", ["{n: 5}", ""])
def test_parameters_that_are_no_json_are_refused(parameters, capsys):
    with pytest.raises(SystemExit) as caught:
        command.run(raising(AssertionError()), ["--parameters", parameters, "--output", "x"])
    assert caught.value.code == 2
    assert "--parameters" in capsys.readouterr().err


def test_a_write_that_the_disk_has_no_room_for_is_one_line(capsys):
    def make(parameters, inputs, output):  # noqa: ARG001
        with open("/dev/full", "w") as file:
            file.write("content")

    assert command.run(make, ARGUMENTS) == 1
    said = capsys.readouterr().err
    assert said == "error: out/table.parquet: the disk is full; free some space\n"


def test_a_disk_that_fills_while_a_table_is_written_keeps_the_old_one(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    # in a mount namespace of its own, so that nothing stays mounted
    script = (
        f"mount -t tmpfs -o size=64k none {disk} && echo mounted && echo old > {disk}/t.parquet"
        f' && "$0" "$@"; code=$?; cat {disk}/t.parquet; ls -A {disk}; exit $code'
    )
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c", script]
    if not shutil.which("unshare") or subprocess.run([*unshare, "true"], check=False).returncode:
        pytest.skip("needs the right to mount a small disk")
    arguments = ["--parameters", json.dumps({}), "--output", f"{disk}/t.parquet"]
    done = subprocess.run(
        [*unshare, sys.executable, "-c", WRITE, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == f"error: {disk}/t.parquet: the disk is full; free some space\n"
    assert done.returncode == 1
    assert done.stdout.splitlines() == ["mounted", "old", "t.parquet"]
