"""Which code a job runs, as a hash that only a change of behaviour changes, and what it imports."""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2]
PACKAGE = Path(__file__).parents[1].name


def code(*modules: str) -> str:
    """Hash the syntax trees, without docstrings, of modules and of all they import from here.

    Comments, docstrings, layout and modification times do not change it.
    """
    trees = "\n".join(f"{module}: {_read(module)[0]}" for module in sorted(_reached(modules)))
    return hashlib.sha256(trees.encode()).hexdigest()[:16]


def imports(*modules: str) -> set[str]:
    """The packages that modules import, and all that they import from here: their first names."""
    return {package for module in _reached(modules) for package in _read(module)[2]}


def _reached(modules: Iterable[str]) -> set[str]:
    """Modules, and all that they import from here."""
    found: set[str] = set()
    pending = list(modules)
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            pending += _read(module)[1]
    return found


@cache
def _read(module: str) -> tuple[str, list[str], set[str]]:
    """The syntax tree of a module as text, the modules that it imports from here, and packages."""
    tree = ast.parse(_path(module).read_text(encoding="utf-8"))
    imported = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            # `from package import name` may import a module or what a module defines
            imported += [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
        _drop_docstring(node)
    ours = [name for name in imported if name.split(".")[0] == PACKAGE and _path(name).is_file()]
    return ast.dump(tree), ours, {name.split(".")[0] for name in imported} - {PACKAGE}


def _path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _drop_docstring(node: ast.AST) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
