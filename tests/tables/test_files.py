import os
import signal
import subprocess
import sys

import pytest

from minibatch.tables.files import replacing, write_text

pytestmark = pytest.mark.usefixtures("package_on_path")

HALFWAY = """
import sys, time
from minibatch.tables.files import replacing
with replacing(sys.argv[1]) as temporary:
    temporary.write_text("half of the n")
    print("halfway", flush=True)
    time.sleep(600)
"""


def test_the_file_has_the_new_content_and_nothing_else_is_there(tmp_path):
    path = tmp_path / "table.txt"
    path.write_text("old")
    write_text(path, "new λ\n")
    assert path.read_bytes() == "new λ\n".encode()
    assert os.listdir(tmp_path) == ["table.txt"]


def test_folders_on_the_way_are_made(tmp_path):
    write_text(tmp_path / "a/b/c.txt", "new")
    assert (tmp_path / "a/b/c.txt").read_text() == "new"


def test_the_temporary_file_lies_beside_the_target_and_has_its_suffix(tmp_path):
    with replacing(tmp_path / "table.parquet") as temporary:
        temporary.touch()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".parquet"
        assert temporary.name != "table.parquet"


@pytest.mark.parametrize("old", [None, "old"])
def test_a_block_that_fails_changes_nothing_and_leaves_nothing(tmp_path, old):
    path = tmp_path / "table.txt"
    if old:
        path.write_text(old)
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half of the n")
        raise ZeroDivisionError
    assert os.listdir(tmp_path) == (["table.txt"] if old else [])
    assert not old or path.read_text() == old


@pytest.mark.parametrize("old", [None, "old"])
def test_a_process_that_is_killed_halfway_leaves_the_target_as_it_was(tmp_path, old):
    path = tmp_path / "table.txt"
    if old:
        path.write_text(old)
    command = [sys.executable, "-c", HALFWAY, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "halfway\n"
        process.send_signal(signal.SIGKILL)
    assert path.exists() == bool(old)
    assert not old or path.read_text() == old
