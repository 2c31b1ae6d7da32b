"""The frameworks, one module each, found by their files: nothing else knows their names.

A framework module has

- `version()` and `set_threads(threads)`, which is called before anything else;
- `ASYNCHRONOUS`: whether an operation may return before the device has done it;
- `array(values, device)`, `to_numpy(array)`, and `wait(*arrays)`, which returns when they are done;
- `output(values, device)`: an array that `write(target, index, value)` can write into (which
  returns the target, a new one where arrays are immutable);
- `dot(u, v)`, `matvec(matrix, vector)`, `vecmat(vector, matrix)` and `matmul(left, right)`;
- `LOADERS`: "framework" (the framework's own, as its users would) and "direct" (indexing); each
  takes (x, y, order, batch_size) and gives an iterable of batches (x, y);
- `IMPLEMENTATIONS`, each called with (weights, objective, device). All give models with
  `parameters()`, (w, b) as NumPy float32, and `wait()`, which returns when they are computed.
  "scratch" and "concise", as in the chapter, have `compute(x, y)` and `update(learning_rate)`;
  "compiled", as the framework's users compile it, has `epoch(x, y, order, batch_size,
  learning_rate)`, a whole epoch with direct indexing.

It imports nothing but its framework, NumPy, the standard library and what other modules of this
package import in its environment: where workflow/envs has a file of pins for it, an environment of
its own with these pins and no more, else the main one.
"""

import ast
import gc
import os
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType


def names() -> list[str]:
    """The frameworks there are."""
    return sorted(module.name for module in iter_modules(__path__))


def about(name: str) -> str:
    """How a framework is used here: what its module says of itself, read without importing it."""
    tree = ast.parse(Path(__path__[0], f"{name}.py").read_text(encoding="utf-8"))
    return " ".join((ast.get_docstring(tree) or "").split())


def load(name: str) -> ModuleType:
    """Import a framework's module, and with it the framework."""
    return import_module(f"{__name__}.{name}")


def start(name: str, threads: int) -> ModuleType:
    """Import a framework into this process so that it computes with so many threads.

    Snakemake sets the variables to a job's cores, and libraries read them when they are imported.
    What importing leaves on the heap is taken from the garbage collector: its search through
    all of that would fall into some timings as pauses of tens of milliseconds.
    """
    os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}
    framework = load(name)
    framework.set_threads(threads)
    gc.freeze()
    return framework
