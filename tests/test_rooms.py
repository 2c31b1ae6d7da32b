import ast
from pathlib import Path

import pytest

import minibatch

PACKAGE = Path(minibatch.__file__).parent
MAP = [line for line in minibatch.__doc__.splitlines() if line.startswith("- ")]
ORDER = [line.split()[1] for line in MAP]
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(path):
    """The entry of the package's folder that a module lies in."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(path):
    """The rooms that a module imports from."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{name.name}" for name in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == "minibatch":
                yield rest.split(".")[0]


def test_the_map_in_the_packages_docstring_has_every_room_once():
    rooms = {room(path) for path in MODULES if path.parent != PACKAGE or path.stem != "__init__"}
    assert sorted(ORDER) == sorted(rooms)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_room_imports_only_from_those_above_it_on_the_map(path):
    here = ORDER.index(room(path)) if room(path) in ORDER else len(ORDER)
    assert {name for name in imported(path) if ORDER.index(name) > here} == set()


def test_nothing_but_the_snakefile_imports_the_plan():
    users = {room(path) for path in MODULES if "plan" in imported(path)}
    assert users <= {"plan"}


@pytest.mark.parametrize(
    "path",
    [path for path in MODULES if path.name == "__init__.py" and room(path) != "frameworks"],
    ids=lambda path: path.parent.name,
)
def test_a_rooms_init_has_a_docstring_and_nothing_else(path):
    [docstring] = ast.parse(path.read_text()).body
    assert isinstance(docstring, ast.Expr)
