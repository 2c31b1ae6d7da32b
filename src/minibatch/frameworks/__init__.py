"""The frameworks, one module each, found by their files: nothing else knows their names.

A framework module has

- `set_threads(threads)`, which is called before anything else, `version()`, and `gpu()`, the model
  of the GPU that it uses, or None;
- `ASYNCHRONOUS`: the devices on which an operation may return before it is done;
- `set_precision(name)`: whether a GPU's products of float32 use "tf32" or are "float32", which they
  are until it is called;
- `array(values, device, dtype="float32")`, also with "bfloat16" where GPUs are used,
  `to_numpy(array)` as float32, and `wait(*arrays)`, which returns when they are done;
- `output(values, device, dtype="float32")`: an array that `write(target, index, value)` can write
  into (which returns the target, a new one where arrays are immutable);
- `dot(u, v)`, `matvec(matrix, vector)`, `vecmat(vector, matrix)` and `matmul(left, right)`;
- `LOADERS`: "framework" (the framework's own, as its users would) and "direct" (indexing); each
  takes (x, y, order, batch_size) and gives an iterable of batches (x, y);
- `IMPLEMENTATIONS`, each called with (weights, objective, device). All give models with
  `parameters()`, (w, b) as NumPy float32, and `wait()`, which returns when they are computed.
  "scratch" and "concise", as in the chapter, have `compute(x, y)` and `update(learning_rate)`;
  "compiled", as the framework's users compile it, has `epoch(x, y, order, batch_size,
  learning_rate)`, a whole epoch with direct indexing, and `compilations()`, how often the
  framework's compiler has compiled what that calls, by its own count: 0 where it does so eagerly.
  So has "graph", the compiled steps of an epoch as one CUDA graph. One that is not for all devices
  names its own, `DEVICES`.

Devices are "cpu" and "cuda". A module imports nothing but its framework, NumPy, the standard
library and what other modules of this package import in its environment; `environments` says which
that is on a device.
"""

import ast
import gc
import os
import platform
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from minibatch.errors import UserError


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


def implementations(framework: ModuleType, device: str) -> list[str]:
    """The names of a framework's implementations on a device."""
    every = framework.IMPLEMENTATIONS.items()
    return [name for name, kind in every if device in getattr(kind, "DEVICES", (device,))]


def start(name: str, threads: int) -> ModuleType:
    """Import a framework into this process so that it computes with this many threads.

    Snakemake sets the variables to a job's cores, and libraries read them when they are imported.
    What importing leaves on the heap is taken from the garbage collector: its search through
    all of that would fall into some timings as pauses of tens of milliseconds.
    """
    os.environ |= {f"{library}_NUM_THREADS": str(threads) for library in ("OMP", "MKL", "OPENBLAS")}
    framework = load(name)
    framework.set_threads(threads)
    gc.freeze()
    return framework


def provenance(framework: ModuleType, device: str) -> dict[str, list[str]]:
    """What a table says of the framework that measures on a device: its version, and the GPU.

    Raises UserError where that should be a GPU, and the framework sees none.
    """
    about = {"frameworks": [framework.version()], "gpus": []}
    if device == "cuda":
        node, gpu = platform.node(), framework.gpu()
        if gpu is None:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
            raise UserError(
                f"{framework.version()} finds no GPU on {node} (CUDA_VISIBLE_DEVICES: {visible}); "
                "see whether nvidia-smi does, with a driver that is new enough, or take cuda out "
                "of devices in config.yaml"
            )
        about["gpus"] = [f"{gpu} in {node}"]
    return about
