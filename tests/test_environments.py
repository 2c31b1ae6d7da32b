import json

import pytest

from minibatch import environments
from minibatch.problem import Problem

PINS = """\
# What a framework needs
jax==0.10.2   # and a comment

numpy==2.4.6
  tensorflow==2.21.0; platform_machine != "x86_64"
#optax==0.2.8
"""


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Pins of jax, mxnet and tensorflow; pytorch has none."""
    (tmp_path / "pins").mkdir()
    (tmp_path / "envs").mkdir()
    (tmp_path / "pins/jax.txt").write_text(PINS)
    (tmp_path / "pins/mxnet.txt").write_text("mxnet==1.9.1")
    (tmp_path / "pins/tensorflow.txt").write_text("")
    monkeypatch.setattr(environments, "PINS", tmp_path / "pins")
    monkeypatch.setattr(environments, "MADE", tmp_path / "envs")
    return tmp_path


def recorded(folders, **records):
    for framework, record in records.items():
        (folders / f"envs/{framework}.json").write_text(json.dumps(record))


READY = {"status": "ready", "packages": {"jax": "0.10.2"}}
FAILED = {"status": "failed", "detail": "no network"}
LEFT_OUT = {"status": "left out", "detail": "no wheel"}
EVERY = ["pytorch", "jax", "mxnet", "tensorflow"]


def test_pins_are_the_requirements_without_comments_and_blank_lines():
    assert environments.pins("jax") == [
        "jax==0.10.2",
        "numpy==2.4.6",
        'tensorflow==2.21.0; platform_machine != "x86_64"',
    ]
    assert environments.pins("mxnet") == ["mxnet==1.9.1"]
    assert environments.pins("tensorflow") == []  # an environment of its own, with nothing in it
    assert environments.pins("pytorch") is None


def test_the_shipped_pins_are_exact_and_share_the_tables_format(monkeypatch):
    monkeypatch.undo()
    shipped = {path.stem: environments.pins(path.stem) for path in environments.PINS.glob("*.txt")}
    assert shipped.keys() == {"jax", "mxnet", "tensorflow"}
    for pins in shipped.values():
        assert all("==" in pin.partition(";")[0] for pin in pins)
        assert {"pandas==2.2.3", "pyarrow==21.0.0"} <= {*pins}


def test_the_interpreter_is_that_of_the_environment_else_the_main_one(folders):
    assert environments.python("jax") == f"{folders}/envs/jax/bin/python"
    assert environments.python("tensorflow") == f"{folders}/envs/tensorflow/bin/python"
    assert environments.python("pytorch") == '"$MINIBATCH_PYTHON"'


def test_the_interpreter_is_named_the_same_on_every_machine(monkeypatch):
    monkeypatch.undo()
    assert environments.python("jax") == ".envs/jax/bin/python"


def test_a_framework_with_its_own_environment_has_a_record(folders):
    assert environments.record("jax") == [f"{folders}/envs/jax.json"]
    assert environments.record("pytorch") == []


def test_those_failed_whose_record_says_so(folders):
    assert environments.failed(EVERY) == {}
    recorded(folders, jax=FAILED, mxnet=LEFT_OUT, tensorflow=READY)
    assert environments.failed(EVERY) == {"jax": "no network"}
    assert environments.failed(["pytorch", "mxnet"]) == {}


def test_records_of_failed_installs_are_removed_and_no_others(folders):
    recorded(folders, jax=FAILED, mxnet=LEFT_OUT, tensorflow=READY)
    environments.forget_failed(["pytorch", "mxnet"])
    assert len([*folders.glob("envs/*")]) == 3
    environments.forget_failed(EVERY)
    assert {path.name for path in folders.glob("envs/*")} == {"mxnet.json", "tensorflow.json"}
    environments.forget_failed(EVERY)


def test_a_failed_install_is_a_problem_of_one_line_each(folders):
    recorded(folders, jax=FAILED, mxnet=LEFT_OUT, tensorflow=FAILED | {"detail": "disk full"})
    with pytest.raises(Problem) as caught:
        environments.require(EVERY)
    assert str(caught.value).splitlines() == [
        f"error: {framework} was not measured, its environment could not be installed: {why}; "
        "snakemake --cores 4 tries again"
        for framework, why in (("jax", "no network"), ("tensorflow", "disk full"))
    ]


def test_what_is_left_out_or_not_built_yet_is_no_problem(folders):
    environments.require(EVERY)
    recorded(folders, jax=READY, mxnet=LEFT_OUT)
    environments.require(EVERY)


@pytest.mark.parametrize("content", [b"", b'{"status": "rea', b"\xff\xfe"])
def test_a_damaged_record_counts_as_failed_so_that_the_next_call_builds_anew(folders, content):
    (folders / "envs/jax.json").write_bytes(content)
    assert environments.failed(EVERY) == {"jax": "its record is damaged"}
    environments.forget_failed(EVERY)
    assert not (folders / "envs/jax.json").exists()
