import json
import re

import pytest

from minibatch.errors import UserError
from minibatch.plan import environments

PINS = """\
# What a framework needs
jax==0.10.2   # and a comment

numpy==2.4.6
  tensorflow==2.21.0; platform_machine != "x86_64"
#optax==0.2.8
"""


@pytest.fixture(autouse=True)
def folders(tmp_path, monkeypatch):
    """Pins of jax, mxnet and tensorflow, of jax for GPUs, too; pytorch has none."""
    (tmp_path / "pins").mkdir()
    (tmp_path / "envs").mkdir()
    (tmp_path / "pins/jax.txt").write_text(PINS)
    (tmp_path / "pins/jax-cuda.txt").write_text("jax[cuda12]==0.10.2")
    (tmp_path / "pins/mxnet.txt").write_text("mxnet==1.9.1")
    (tmp_path / "pins/tensorflow.txt").write_text("")
    monkeypatch.setattr(environments, "PINS", tmp_path / "pins")
    monkeypatch.setattr(environments, "MADE", tmp_path / "envs")
    return tmp_path


def recorded(folders, **records):
    for name, record in records.items():
        (folders / f"envs/{name.replace('_', '-')}.json").write_text(json.dumps(record))


READY = {"status": "ready", "packages": {"jax": "0.10.2"}}
FAILED = {"status": "failed", "detail": "no network"}
LEFT_OUT = {"status": "left out", "detail": "no wheel"}
EVERY = [(name, "cpu") for name in ("pytorch", "jax", "mxnet", "tensorflow")]


def test_pins_are_the_requirements_without_comments_and_blank_lines():
    assert environments.pins("jax") == [
        "jax==0.10.2",
        "numpy==2.4.6",
        'tensorflow==2.21.0; platform_machine != "x86_64"',
    ]
    assert environments.pins("mxnet") == ["mxnet==1.9.1"]
    assert environments.pins("jax-cuda") == ["jax[cuda12]==0.10.2"]
    assert environments.pins("tensorflow") == []  # an environment of its own, with nothing in it


def test_the_shipped_pins_are_exact_and_share_the_tables_format(monkeypatch):
    monkeypatch.undo()
    names = {path.stem for path in environments.PINS.glob("*.txt")} - {"main"}
    shipped = {name: environments.pins(name) for name in names}
    assert shipped.keys() == {"jax", "jax-cuda", "mxnet", "tensorflow", "tensorflow-cuda"}
    for pins in shipped.values():
        assert all("==" in pin.partition(";")[0] for pin in pins)
        assert {"pandas==2.2.3", "pyarrow==21.0.0"} <= {*pins}


def test_the_interpreter_is_that_of_the_environment_else_the_main_one(folders):
    assert environments.python("jax", "cpu") == f"{folders}/envs/jax/bin/python"
    assert environments.python("tensorflow", "cpu") == f"{folders}/envs/tensorflow/bin/python"
    assert environments.python("pytorch", "cpu") == '"$MINIBATCH_PYTHON"'


def test_the_interpreter_is_named_the_same_on_every_machine(monkeypatch):
    monkeypatch.undo()
    assert environments.python("jax", "cpu") == ".envs/jax/bin/python"


def test_a_framework_with_its_own_environment_has_a_record(folders):
    assert environments.record("jax", "cpu") == [f"{folders}/envs/jax.json"]
    assert environments.record("pytorch", "cpu") == []


def test_those_failed_whose_record_says_so(folders):
    assert environments.failed(EVERY) == {}
    recorded(folders, jax=FAILED, mxnet=LEFT_OUT, tensorflow=READY)
    assert environments.failed(EVERY) == {"jax": "no network"}
    assert environments.failed([("pytorch", "cpu"), ("mxnet", "cpu")]) == {}


def test_records_of_failed_installs_are_removed_and_no_others(folders):
    recorded(folders, jax=FAILED, mxnet=LEFT_OUT, tensorflow=READY)
    environments.forget_failed([("pytorch", "cpu"), ("mxnet", "cpu")])
    assert len([*folders.glob("envs/*")]) == 3
    environments.forget_failed(EVERY)
    assert {path.name for path in folders.glob("envs/*")} == {"mxnet.json", "tensorflow.json"}
    environments.forget_failed(EVERY)


def test_a_failed_install_is_a_problem_of_one_line_each(folders):
    recorded(folders, jax=FAILED, mxnet=LEFT_OUT, tensorflow=FAILED | {"detail": "disk full"})
    with pytest.raises(UserError) as caught:
        environments.require(EVERY)
    assert str(caught.value).splitlines() == [
        f"error: {framework} was not measured, its environment could not be installed: {why}; "
        "call snakemake again to try once more"
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


# GPUs, which need an environment of their own where the CPU does.


def test_a_framework_is_measured_where_it_has_an_environment_or_needs_none():
    names = ["mxnet", "pytorch", "jax", "toy"]
    assert environments.places(names, ["cuda", "cpu"]) == [
        ("mxnet", "cpu"),
        *(("pytorch", "cuda"), ("pytorch", "cpu")),
        *(("jax", "cuda"), ("jax", "cpu")),
        *(("toy", "cuda"), ("toy", "cpu")),
    ]
    assert environments.places(["mxnet", "tensorflow"], ["cuda"]) == []


def test_pins_for_gpus_alone_do_not_take_a_framework_out_of_the_main_environment(folders):
    (folders / "pins/pytorch-cuda.txt").write_text("torch==2.0")
    for device in ("cpu", "cuda"):
        assert environments.python("pytorch", device) == '"$MINIBATCH_PYTHON"'
        assert environments.record("pytorch", device) == []


def test_a_gpu_has_an_environment_and_a_record_of_its_own(folders):
    assert environments.python("jax", "cuda") == f"{folders}/envs/jax-cuda/bin/python"
    assert environments.record("jax", "cuda") == [f"{folders}/envs/jax-cuda.json"]
    assert environments.record("jax", "cpu") == [f"{folders}/envs/jax.json"]
    assert environments.python("pytorch", "cuda") == '"$MINIBATCH_PYTHON"'
    assert environments.record("pytorch", "cuda") == []


def test_an_environment_that_fails_on_gpus_is_named_and_tried_again_alone(folders):
    recorded(folders, jax=READY, jax_cuda=FAILED)
    both = [("jax", "cpu"), ("jax", "cuda"), ("pytorch", "cuda")]
    assert environments.failed(both) == {"jax-cuda": "no network"}
    with pytest.raises(
        UserError, match=r"^error: jax-cuda was not measured, its environment could"
    ):
        environments.require(both)
    environments.require([("jax", "cpu")])
    environments.forget_failed([("jax", "cpu")])
    assert (folders / "envs/jax-cuda.json").exists()
    environments.forget_failed(both)
    assert [path.name for path in folders.glob("envs/*")] == ["jax.json"]


def test_the_shipped_frameworks_that_run_on_gpus_are_these(monkeypatch):
    monkeypatch.undo()
    names = ["pytorch", "tensorflow", "mxnet", "jax"]
    assert environments.places(names, ["cuda"]) == [
        ("pytorch", "cuda"),
        ("tensorflow", "cuda"),
        ("jax", "cuda"),
    ]


@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_the_shipped_pins_for_gpus_are_the_same_versions_and_what_a_gpu_needs(monkeypatch, name):
    monkeypatch.undo()
    cpu, cuda = environments.pins(name), environments.pins(f"{name}-cuda")
    plain = [pin.partition(";")[0].replace("-cpu==", "==") for pin in cpu]
    assert {re.sub(r"\[.*\]", "", pin) for pin in cuda} == set(plain)
    assert any(re.search(r"\[.*cuda.*\]==", pin) for pin in cuda)
