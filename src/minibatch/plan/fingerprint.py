"""Which code a job runs, as a hash that only a change of behaviour changes."""

import ast
import hashlib
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2]
PACKAGE = Path(__file__).parents[1].name


def code(*modules: str) -> str:
    """Hash the syntax trees, without docstrings, of modules and of all they import from here.

    Comments, docstrings, layout and modification times do not change it.
    """
    found: set[str] = set()
    pending = list(modules)
    while pending:
        module = pending.pop()
        if module not in found:
            found.add(module)
            pending += _read(module)[1]
    trees = "\n".join(f"{module}: {_read(module)[0]}" for module in sorted(found))
    return hashlib.sha256(trees.encode()).hexdigest()[:16]


@cache
def _read(module: str) -> tuple[str, list[str]]:
    """The syntax tree of a module as text, and the modules of this package that it imports."""
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
    return ast.dump(tree), ours


def _path(module: str) -> Path:
    path = SOURCE.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _drop_docstring(node: ast.AST) -> None:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
        node.body = node.body[1:]
