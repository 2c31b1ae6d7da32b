import json
import re
import shutil
import sys
from importlib.metadata import version

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
    """Pins of jax, mxnet and tensorflow, of jax for GPUs, too; pytorch has none of its own."""
    (tmp_path / "pins").mkdir()
    (tmp_path / "envs").mkdir()
    (tmp_path / "pins/jax.txt").write_text(PINS)
    (tmp_path / "pins/jax-cuda.txt").write_text("jax[cuda12]==0.10.2")
    (tmp_path / "pins/mxnet.txt").write_text("mxnet==1.9.1")
    (tmp_path / "pins/tensorflow.txt").write_text("")
    (tmp_path / "pins/main.txt").write_text(f"numpy=={version('numpy')}\n")
    monkeypatch.setattr(environments, "ROOT", tmp_path)
    monkeypatch.setattr(environments, "PINS", tmp_path / "pins")
    monkeypatch.setattr(environments, "MADE", tmp_path / "envs")
    return tmp_path


def recorded(folders, **records):
    """Records, and interpreters beside them as links, as uv makes them."""
    for name, record in records.items():
        folder = folders / "envs" / name.replace("_", "-")
        folder.with_suffix(".json").write_text(json.dumps(record))
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to(sys.executable)


def records(folders):
    """The records that are left."""
    return {path.name for path in folders.glob("envs/*.json")}


READY = {"status": "ready", "packages": {"jax": "0.10.2"}}
FAILED = {"status": "failed", "detail": "no network"}
LEFT_OUT = {"status": "left out", "detail": "no wheel"}
EVERY = [(name, "cpu") for name in ("pytorch", "jax", "mxnet", "tensorflow")]


def pins(name):
    return environments.recipe(name)["requirements"]


def test_an_environment_is_built_from_its_pins_and_its_lock_without_comments_and_blank_lines(
    folders,
):
    (folders / "pins/jax.lock").write_text(
        "# by make lock\nsix==1.17.0\njax==0.10.2 ; os_name == 'nt'\n"
    )
    assert environments.recipe("jax") == {
        "python": "3.11",
        "requirements": [
            "jax==0.10.2",
            "numpy==2.4.6",
            'tensorflow==2.21.0; platform_machine != "x86_64"',
        ],
        "constraints": ["jax==0.10.2 ; os_name == 'nt'", "six==1.17.0"],
    }
    assert environments.recipe("jax-cuda")["constraints"] == []  # it has no lock
    assert pins("mxnet") == ["mxnet==1.9.1"]
    assert pins("jax-cuda") == ["jax[cuda12]==0.10.2"]
    assert pins("tensorflow") == []  # an environment of its own, with nothing in it


def test_the_order_of_pins_and_comments_among_them_build_nothing_anew(folders):
    for file in ("jax.txt", "jax.lock"):
        (folders / f"pins/{file}").write_text("b==2\na==1\n")
    before = environments.recipe("jax")
    for file in ("jax.txt", "jax.lock"):
        (folders / f"pins/{file}").write_text("# first\na==1   # then\n\nb==2")
    assert environments.recipe("jax") == before
    (folders / "pins/jax.lock").write_text("a==1\nb==3")
    assert environments.recipe("jax") != before


SHIPPED = ("jax", "jax-cuda", "mxnet", "tensorflow", "tensorflow-cuda")


def test_the_shipped_pins_are_exact_and_share_the_tables_format(monkeypatch):
    monkeypatch.undo()
    assert {path.stem for path in environments.PINS.glob("*.txt")} == {"main", *SHIPPED}
    for name in ("main", *SHIPPED):
        assert all("==" in pin.partition(";")[0] for pin in pins(name))
        assert name == "main" or {"pandas==2.2.3", "pyarrow==21.0.0"} <= {*pins(name)}


# Versions.


def test_the_shipped_locks_hold_every_pin_in_one_version_for_each_platform(monkeypatch):
    monkeypatch.undo()
    for name in SHIPPED:
        assert list(environments._unlocked(name)) == []
        locked = environments.recipe(name)["constraints"]
        assert len(locked) > len(pins(name))
        assert all(re.match(r"[a-z0-9-]+==[\w.]+( ;|$)", line) for line in locked)
    main = {line.partition(" ")[0] for line in lines(environments.ROOT / "requirements.lock")}
    for file in ("workflow/envs/main.txt", "requirements.txt", "requirements-slurm.txt"):
        found = {line.lower() for line in lines(environments.ROOT / file) if line[0] != "-"}
        assert found
        assert found <= main, file


def lines(path):
    """What a file asks for."""
    found = (line.partition("#")[0].strip() for line in path.read_text().splitlines())
    return [line for line in found if line]


def main(folders, text):
    (folders / "pins/main.txt").write_text(text)


def check(*places):
    """The lines that a check raises."""
    try:
        environments.check(places)
    except UserError as error:
        return str(error).splitlines()
    return []


def test_of_what_is_imported_the_pinned_packages_are_told_by_their_own_names(folders):
    main(folders, "numpy==2.4.6  # a\nscikit-learn == 1.9.1\ntorch>=2,<3\n")
    assert environments.packages({"sklearn", "os"}) == {"scikit-learn": "==1.9.1"}
    assert environments.packages({"numpy", "torch"}) == {"numpy": "==2.4.6", "torch": "<3,>=2"}
    assert environments.packages({"pandas"}) == {}


def test_what_is_installed_as_it_is_pinned_is_no_problem(folders):
    assert check() == []
    main(folders, f"# none\nNumPy=={version('numpy')}\nnonesuch==1.0; os_name == 'none'\n")
    assert check(("jax", "cpu"), ("pytorch", "cpu"), ("mxnet", "cuda")) == []


def test_a_local_version_is_one_of_the_public_version(folders):
    main(folders, f"torch=={version('torch').partition('+')[0]}\n")
    assert check() == []


def test_another_version_than_the_pinned_one_and_none_are_a_line_each(folders):
    main(folders, "numpy==9.9\nnonesuch==1.0\nscikit-learn==1.0\n")
    names = ["nonesuch", "numpy", "scikit-learn"]
    there = ["is not installed", *(f"{version(name)} is installed" for name in names[1:])]
    asked = ["nonesuch==1.0", "numpy==9.9", "scikit-learn==1.0"]
    assert check() == [
        f"error: {name} {found}, and pins/main.txt asks for {pin}; call make, with conda: "
        "conda env update"
        for name, found, pin in zip(names, there, asked, strict=True)
    ]


def test_a_pin_that_its_lock_does_not_have_is_a_line_before_anything_is_built(folders):
    (folders / "pins/jax.lock").write_text("jax==0.10.1\nNumpy==2.4.6\n")
    (folders / "pins/jax-cuda.lock").write_text("jax==0.10.2\n")
    asks = "error: pins/jax.txt asks for {}, which pins/jax.lock does not have; call make lock"
    expected = [asks.format(pin) for pin in ("jax==0.10.2", "tensorflow==2.21.0")]
    assert check(("jax", "cpu"), ("jax", "cpu"), ("jax", "cuda"), ("mxnet", "cpu")) == expected
    assert check(("jax", "cuda")) == check(("mxnet", "cpu")) == []


def test_a_bumped_pin_of_the_main_environment_wants_its_lock_first(folders):
    (folders / "requirements.lock").write_text("numpy==2.4.6\n")
    main(folders, "numpy==9.9\n")
    assert check() == [
        "error: pins/main.txt asks for numpy==9.9, which requirements.lock does not have; "
        "call make lock"
    ]


@pytest.mark.parametrize("line", ["numpy=2.4.6", "numpy 2.4.6", "<<<<<<< HEAD"])
def test_a_line_that_is_no_pin_is_named(folders, line):
    main(folders, f"torch==2.0\n{line}\n")
    with pytest.raises(UserError) as caught:
        environments.packages({"numpy"})
    said = str(caught.value)
    assert said == f"error: pins/main.txt: {line!r} is no requirement such as numpy==2.4.6"
    assert check() == [said]
    main(folders, "")
    (folders / "requirements.lock").write_text(line)
    assert check() == [said.replace("pins/main.txt", "requirements.lock")]


# Where the environments are.


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
    environments.forget([("pytorch", "cpu"), ("mxnet", "cpu")])
    assert len(records(folders)) == 3
    environments.forget(EVERY)
    assert records(folders) == {"mxnet.json", "tensorflow.json"}
    environments.forget(EVERY)


@pytest.mark.parametrize("record", [READY, LEFT_OUT])
def test_the_record_of_an_environment_whose_python_is_gone_is_removed(folders, record):
    recorded(folders, jax=record, jax_cuda=record, mxnet=record, tensorflow=record)
    upgraded = folders / "envs/jax/bin/python"
    upgraded.unlink()
    upgraded.symlink_to("/usr/bin/python3.11.gone")
    shutil.rmtree(folders / "envs/mxnet")
    environments.forget(EVERY)
    assert records(folders) == {"jax-cuda.json", "tensorflow.json"}


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
    environments.forget(EVERY)
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
    environments.forget([("jax", "cpu")])
    assert (folders / "envs/jax-cuda.json").exists()
    environments.forget(both)
    assert records(folders) == {"jax.json"}


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
    cpu, cuda = pins(name), pins(f"{name}-cuda")
    plain = [pin.partition(";")[0].replace("-cpu==", "==") for pin in cpu]
    assert {re.sub(r"\[.*\]", "", pin) for pin in cuda} == set(plain)
    assert any(re.search(r"\[.*cuda.*\]==", pin) for pin in cuda)
