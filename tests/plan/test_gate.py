import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minibatch.plan import gate

PLACES = [("jax", "cpu"), ("pytorch", "cpu")]
OUTCOME = Path(gate.outcome("jax", "cpu"))


@pytest.fixture(autouse=True)
def checked(tmp_path, monkeypatch):
    """A folder in which both places have verdicts, and no check failed."""
    monkeypatch.chdir(tmp_path)
    for place in PLACES:
        for path in map(Path, gate.verdicts(*place)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"verdicts")
        Path(gate.outcome(*place)).write_text(json.dumps({"failed": []}))


def test_where_no_check_failed_nothing_is_checked_again():
    gate.forget_failed(PLACES)
    assert OUTCOME.exists()
    assert gate.again(PLACES) == {}


@pytest.mark.parametrize("said", [json.dumps({"failed": ["compiled"]}), "{", None])
def test_where_one_failed_or_none_knows_both_tables_are_checked_again(said):
    OUTCOME.unlink()
    if said is not None:
        OUTCOME.write_text(said)
    gate.forget_failed(PLACES)
    assert not OUTCOME.exists()
    assert Path(gate.outcome("pytorch", "cpu")).exists()
    assert gate.again(PLACES) == dict.fromkeys(gate.verdicts("jax", "cpu"), b"verdicts")


def test_what_was_never_checked_is_not_checked_again():
    OUTCOME.unlink()
    Path(gate.verdicts("jax", "cpu")[1]).unlink()
    assert gate.again(PLACES) == {}


def test_the_call_that_goes_on_checks_nothing_again(monkeypatch):
    OUTCOME.unlink()
    monkeypatch.setenv(gate.CHECKED, "1")
    gate.forget_failed(PLACES)
    assert gate.again(PLACES) == {}


CALL = """
import os, sys
from minibatch.plan import gate
if gate.CHECKED in os.environ:
    print("went on with", *sys.argv[1:])
else:
    gate.go_on({"verdicts": sys.argv[2].encode()})
    print("is done")
"""


@pytest.mark.usefixtures("package_on_path")
@pytest.mark.parametrize(("before", "said"), [("a", "is done"), ("b", "went on with x b")])
def test_where_a_verdict_is_another_the_same_call_is_made_once_more(before, said):
    Path("verdicts").write_bytes(b"a")
    Path("call.py").write_text(CALL)
    done = subprocess.run(
        [sys.executable, "call.py", "x", before],
        env=os.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == said
