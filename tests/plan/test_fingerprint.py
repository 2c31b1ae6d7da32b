import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import minibatch

SOURCE = Path(minibatch.__file__).parent

PRINT = "from minibatch.plan import fingerprint; print(fingerprint.{}(*{}))"
GUARD_SECONDS = 100  # ends a test that hangs; nothing is measured by it

# a imports b, b imports c; nothing imports d
MODULES = {
    "a": '"""Docstring."""\nfrom minibatch import b\ndef f():\n    """Say."""\n    return b.B\n',
    "b": "from minibatch.c import C\n\nB = C\n",
    "c": "C = 1\n",
    "d": "D = 1\n",
}


@pytest.fixture
def package(tmp_path):
    """A package of four modules that imports its fingerprint from the real source."""
    package = tmp_path / "minibatch"
    (package / "plan").mkdir(parents=True)
    for name in ("__init__.py", "plan/__init__.py", "plan/fingerprint.py"):
        shutil.copy(SOURCE / name, package / name)
    for name, text in MODULES.items():
        (package / f"{name}.py").write_text(text)
    return package


def ask(package, function, *modules):
    """What a function of the fingerprint says of modules in a new process."""
    names = [f"minibatch.{module}" for module in modules]
    done = subprocess.run(
        [sys.executable, "-c", PRINT.format(function, names)],
        env=os.environ | {"PYTHONPATH": str(package.parent)},
        capture_output=True,
        text=True,
        check=True,
        timeout=GUARD_SECONDS,
    )
    return done.stdout


def code(package, *modules):
    """The fingerprint as a new process finds it."""
    said = ask(package, "code", *modules)
    assert re.fullmatch(r"[0-9a-f]{16}\n", said)
    return said


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("a", MODULES["a"].replace("Docstring", "Another")),
        ("a", MODULES["a"].replace("Say", "Another")),
        ("a", MODULES["a"].replace('    """Say."""\n', "")),
        ("a", MODULES["a"].replace("return b.B", "return (  # the value\n        b.B\n    )")),
        ("b", "# what b is for\n\n\n" + MODULES["b"]),
        ("c", "C   =   1"),
        ("d", "D = 2\n"),
    ],
    ids=[
        "the docstring of a module",
        "the docstring of a function",
        "no docstring of a function",
        "layout",
        "a comment in an imported module",
        "layout in an imported module",
        "a module that is not imported",
    ],
)
def test_what_changes_no_behaviour_changes_no_fingerprint(package, module, text):
    before = code(package, "a")
    assert (package / f"{module}.py").read_text() != text
    (package / f"{module}.py").write_text(text)
    assert code(package, "a") == before


@pytest.mark.parametrize(
    ("module", "text"),
    [
        ("a", MODULES["a"] + "E = 1\n"),
        ("a", MODULES["a"].replace("return b.B", 'return "Say."')),
        ("b", MODULES["b"].replace("B = C", "B = -C")),
        ("c", "C = 2\n"),
        ("c", "C = 1.0\n"),
    ],
    ids=["a line more", "another result", "an import", "a constant far down", "only a type"],
)
def test_a_change_of_behaviour_anywhere_on_the_way_changes_the_fingerprint(package, module, text):
    before = code(package, "a")
    (package / f"{module}.py").write_text(text)
    assert code(package, "a") != before


@pytest.mark.parametrize(
    "line",
    [
        "import minibatch.c",
        "import minibatch.c as other",
        "from minibatch import c",
        "from minibatch import d, c as other",
        "from minibatch.c import C",
        "from minibatch.c import *",
        "def f():\n    from minibatch import c",
        "if True:\n    import os, minibatch.c",
    ],
)
def test_every_way_to_import_a_module_makes_it_count(package, line):
    (package / "a.py").write_text(line + "\n")
    before = code(package, "a")
    (package / "c.py").write_text("C = 2\n")
    assert code(package, "a") != before


def test_the_code_of_a_package_counts_when_it_is_imported(package):
    (package / "sub").mkdir()
    (package / "sub/__init__.py").write_text("S = 1\n")
    (package / "a.py").write_text("from minibatch import sub\n")
    before = code(package, "a")
    (package / "sub/__init__.py").write_text("S = 2\n")
    assert code(package, "a") != before


def test_modules_that_import_each_other_are_no_trap(package):
    (package / "c.py").write_text("from minibatch import a\n")
    assert code(package, "a") == code(package, "c")


def test_all_modules_that_are_named_count_in_whatever_order(package):
    assert code(package, "a", "d") == code(package, "d", "a") != code(package, "a")


def test_code_that_moves_from_one_module_to_another_changes_the_fingerprint(package):
    before = code(package, "c", "d")
    (package / "c.py").write_text(MODULES["d"])
    (package / "d.py").write_text(MODULES["c"])
    assert code(package, "c", "d") != before


# Packages.


def test_imports_are_the_packages_of_all_modules_on_the_way_by_their_first_names(package):
    (package / "a.py").write_text("import os.path\nfrom minibatch import b\n")
    (package / "b.py").write_text(
        "def f():\n    from torch.utils import data\n    import numpy as np\n"
    )
    (package / "d.py").write_text("import numba\n")
    assert ast.literal_eval(ask(package, "imports", "a")) == {"numpy", "os", "torch"}


@pytest.mark.parametrize(
    ("changed", "differs"),
    [
        ("sgd/sampling", True),
        ("sgd/objective", True),
        ("sgd/clock", True),
        ("tables/canonical", True),
        ("frameworks/__init__", True),
        ("frameworks/pytorch", True),
        ("sgd/surrogate", False),
        ("sgd/strategies", False),
        ("stages/download", False),
    ],
)
def test_training_depends_on_what_it_uses_and_on_nothing_else(tmp_path, changed, differs):
    package = shutil.copytree(SOURCE, tmp_path / "minibatch")
    modules = "stages.train", "frameworks.pytorch"
    before = code(package, *modules)
    with (package / f"{changed}.py").open("a") as file:
        file.write("\nEXTRA = 1\n")
    assert (code(package, *modules) != before) == differs
