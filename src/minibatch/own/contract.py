"""What a model file offers. Errors in it are shown as its own: file, line, message."""

import importlib.util
import random
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

from minibatch.errors import UserError
from minibatch.own.data import Data
from minibatch.own.noise import NotExact

NEEDED = {"model": "model()", "data": "data()", "loss": "loss(model, batch)"}
PAGE = "docs/your-own.md"
DEVICES = ("cpu", "cuda")  # those whose clock is known to wait
# In the messages of an allocator that got nothing; only a GPU's has a class of its own.
NO_MEMORY = (
    "can't allocate memory",
    "out of memory",
    "std::bad_alloc",
    "could not create a memory",
)


class OutOfMemory(UserError):
    """A batch for which there is not enough memory: a result where sizes are tried."""


class Contract:
    """A model file, loaded; each call of what it defines raises UserError where that fails."""

    def __init__(self, path: Path):
        """Load a file, and its data. Raises UserError where something of it is missing."""
        self._path = path
        for start in (random.seed, np.random.seed, torch.manual_seed):
            start(0)  # so that every process has the same data
        self._module = self._load()
        missing = [said for name, said in NEEDED.items() if not callable(self._get(name))]
        if missing:
            raise UserError(f"{path}: has no {' and no '.join(missing)}; see {PAGE}")
        self.device = self._device()
        self.target_loss = self._number("target_loss")
        self.learning_rate = self._number("learning_rate")
        self.batch_size = self._number("batch_size", whole=True)
        if (self.learning_rate is None) != (self.batch_size is None):
            raise UserError(
                f"{path}: learning_rate and batch_size, the size that it was tuned for, go "
                "together; give both or none"
            )
        with self.theirs():
            given = self._module.data()
        self.data = Data(given, self.device, str(path))
        if self.batch_size is not None and self.batch_size > self.data.examples:
            raise UserError(
                f"{path}: batch_size = {self.batch_size} is above the {self.data.examples} "
                "examples of data()"
            )

    def model(self, seed: int) -> torch.nn.Module:
        """A model with the initial parameters of a seed, on the device."""
        torch.manual_seed(seed)
        with self.theirs():
            made = self._module.model()
        if not isinstance(made, torch.nn.Module):
            raise UserError(f"{self._path}: model() returns {_kind(made)}, not a torch.nn.Module")
        if not any(parameter.requires_grad for parameter in made.parameters()):
            raise UserError(
                f"{self._path}: the model has no parameters that need gradients, so there is "
                "nothing to train"
            )
        with self.theirs():
            made = made.to(self.device)
        torch.manual_seed(seed)  # for the orders, whatever model() has done
        return made

    def loss(self, model: torch.nn.Module, batch) -> torch.Tensor:
        """The mean loss of a batch. Raises OutOfMemory where that does not fit."""
        with self.theirs():
            found = self._module.loss(model, batch)
        if not isinstance(found, torch.Tensor) or found.dim():
            what = _kind(found)
            if isinstance(found, torch.Tensor):
                what = f"a tensor of shape {tuple(found.shape)}"
            raise UserError(
                f"{self._path}: loss(model, batch) returns {what}, not one number as a tensor; "
                "take the mean over the batch"
            )
        return found

    @property
    def plain_loss(self) -> Callable:
        """The file's own loss, for what transforms it; to be called within `theirs`."""
        return self._module.loss

    def backward(self, loss: torch.Tensor) -> None:
        """The gradient of a loss, added to the parameters' own."""
        if not loss.requires_grad:
            raise UserError(
                f"{self._path}: loss(model, batch) has no gradient; it must be computed by the "
                "model, without torch.no_grad() and detach()"
            )
        with self.theirs():
            loss.backward()

    def optimizer(self, model: torch.nn.Module, learning_rate: float) -> torch.optim.Optimizer:
        """What updates a model: the file's own optimizer, or plain SGD."""
        own = self._get("optimizer")
        parameters = [part for part in model.parameters() if part.requires_grad]
        if own is None:
            return torch.optim.SGD(parameters, learning_rate)
        with self.theirs():
            made = own(parameters, learning_rate)
        if not isinstance(made, torch.optim.Optimizer):
            raise UserError(
                f"{self._path}: optimizer(parameters, learning_rate) returns {_kind(made)}, not a "
                "torch.optim.Optimizer"
            )
        if any(group["lr"] != learning_rate for group in made.param_groups):
            raise UserError(
                f"{self._path}: optimizer(parameters, learning_rate) takes another learning rate "
                "than the one that it is given"
            )
        return made

    def wait(self, *_) -> None:
        """Return when the device has done all that it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    @contextmanager
    def theirs(self) -> Iterator[None]:
        """Run the file's code: what it raises becomes one line that names its file and line.

        Where there is not enough memory, it is OutOfMemory.
        """
        try:
            yield
        except (UserError, KeyboardInterrupt, NotExact):
            raise
        except BaseException as error:
            if _out_of_memory(error):
                raise OutOfMemory(f"{self._path}: there is not enough memory") from None
            raise UserError(told(error, self._path)) from None

    def _load(self) -> ModuleType:
        """Run the file as a module; what lies beside it can be imported, after all packages."""
        path = self._path.resolve()
        if not path.is_file():
            raise UserError(f"{self._path}: there is no such file")
        sys.path.append(str(path.parent))
        specification = importlib.util.spec_from_file_location(f"model_file_{path.stem}", path)
        if specification is None:
            raise UserError(f"{self._path}: not a Python file; its name has to end in .py")
        module = importlib.util.module_from_spec(specification)
        sys.modules[module.__name__] = module  # as dataclasses and workers of loaders expect
        with self.theirs():
            specification.loader.exec_module(module)
        return module

    def _get(self, name: str) -> Callable | None:
        return getattr(self._module, name, None)

    def _number(self, name: str, *, whole: bool = False) -> float | int | None:
        """A positive number that the file may name."""
        value = self._get(name)
        kinds = int if whole else int | float
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 < value < float("inf"):
            kind = "whole number" if whole else "number"
            raise UserError(f"{self._path}: {name} = {value!r} is not a positive {kind}")
        return value

    def _device(self) -> torch.device:
        """The device that the file names: the CPU, unless it does."""
        value = self._get("device") or "cpu"
        try:
            device = torch.device(value)
            torch.zeros(1, device=device)
            if device.type not in DEVICES:
                raise TypeError
        except (RuntimeError, TypeError, AssertionError):
            raise UserError(
                f"{self._path}: device = {value!r} is none of this machine; cpu always is, and "
                "cuda where there is an NVIDIA GPU"
            ) from None
        return device


def told(error: BaseException, path: Path) -> str:
    """An error of a file of the user's in one line: where it happened, its kind and message."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {type(error).__name__}: {error.msg}"
    folder = path.resolve().parent
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if folder in Path(frame.filename).resolve().parents]
    own = [frame for frame in own if "site-packages" not in frame.filename]
    where = f"{own[-1].filename}:{own[-1].lineno}" if own else str(path)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # a loader's worker hands the error over with its whole traceback, the message last
    message = lines[-1] if lines and "worker process" in lines[0] else next(iter(lines), "")
    return f"{where}: {type(error).__name__}: {message}".removesuffix(": ")


def _out_of_memory(error: BaseException) -> bool:
    """Whether an allocation failed, of Python, of PyTorch on a GPU, or of what is under it."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and any(part in str(error) for part in NO_MEMORY)
    )


def _kind(value) -> str:
    return "nothing" if value is None else f"a value of type {type(value).__name__}"
