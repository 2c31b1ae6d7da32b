"""The frameworks, one module each, found by their files: nothing else knows their names.

A framework module has

- `version()` and `set_threads(threads)`;
- `array(values, device)`, `to_numpy(array)`, `wait(device)`, `write(target, index, value)` (which
  returns the target, a new one where arrays are immutable);
- `dot(u, v)`, `matvec(matrix, vector)`, `vecmat(vector, matrix)` and `matmul(left, right)`;
- `LOADERS`: "framework" (the framework's own, as its users would) and "direct" (indexing); each
  takes (x, y, order, batch_size) and gives an iterable of batches (x, y);
- `IMPLEMENTATIONS`: "scratch" and "concise"; each is called with (weights, objective, device) and
  gives a model with `compute(x, y)`, `update(learning_rate)` and `parameters()`.
"""

import gc
import os
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def names() -> list[str]:
    """The frameworks there are."""
    return sorted(module.name for module in iter_modules(__path__))


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
