"""PyTorch, as the chapter uses it: eager, or torch.compile of a whole step.

The compiled step takes its gradient from torch.func; a loop in Python calls it for each batch. On a
GPU, the calls of an epoch are also captured in one CUDA graph.
"""

import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy
import torch
from torch.utils.data import DataLoader, TensorDataset

from minibatch.errors import UserError
from minibatch.sgd.factors import FACTORS

ASYNCHRONOUS = {"cuda"}  # on the CPU, operations return when they are done

# What is added up in float32 stays so, as the bounds of the gate suppose.
torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
# The compiler's advice to use TF32 is none where float32 is asked for.
warnings.filterwarnings("ignore", "TensorFloat32 tensor cores")


def version() -> str:
    """Name and version of the framework."""
    return f"torch {torch.__version__}"


def set_threads(threads: int) -> None:
    """Use this many threads in each operation."""
    torch.set_num_threads(threads)


def set_precision(precision: str) -> None:
    """Let a GPU's products of float32 use "tf32", or take them as they are."""
    torch.set_float32_matmul_precision("high" if precision == "tf32" else "highest")


set_precision("float32")  # whatever the environment allows


def gpu() -> str | None:
    """The model of the GPU that is used, if there is one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def array(values: numpy.ndarray, device: str, dtype: str = "float32") -> torch.Tensor:
    """Copy values to the device."""
    return torch.tensor(values, dtype=getattr(torch, dtype), device=device)


def to_numpy(tensor: torch.Tensor) -> numpy.ndarray:
    """Copy a tensor back, as float32."""
    return tensor.detach().float().cpu().numpy().copy()


output = array


def write(target: torch.Tensor, index, value: torch.Tensor) -> torch.Tensor:
    """Write into a part of an array."""
    target[index] = value
    return target


def wait(*tensors: torch.Tensor) -> None:
    """Return when the tensors are computed, which on the CPU they are."""
    if any(tensor.is_cuda for tensor in tensors):
        torch.cuda.synchronize()


dot, matvec, matmul = torch.dot, torch.mv, torch.mm


def vecmat(vector: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """vectorᵀ · matrix."""
    return torch.mv(matrix.T, vector)


def framework_loader(
    x: torch.Tensor, y: torch.Tensor, order: numpy.ndarray, batch_size: int
) -> Iterable[tuple[torch.Tensor, torch.Tensor]]:
    """The chapter's DataLoader, which fetches and stacks examples one by one, on the CPU."""
    examples = TensorDataset(x.cpu(), y.cpu())
    loader = DataLoader(examples, batch_size=batch_size, sampler=order.tolist())
    return _moving(loader, x.device) if x.is_cuda else loader


def _moving(loader: DataLoader, device: torch.device) -> Iterator[tuple[torch.Tensor, ...]]:
    """The batches of a loader on a device."""
    for batch in loader:
        yield tuple(part.to(device) for part in batch)


def direct_loader(
    x: torch.Tensor, y: torch.Tensor, order: numpy.ndarray, batch_size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """One indexing operation a batch."""
    for indices in torch.from_numpy(order).to(x.device).split(batch_size):
        yield x[indices], y[indices]


def _loss(parameters, x, y, factor):
    weights, bias = parameters
    errors = torch.mm(x, weights) + bias - y.reshape(-1, 1)
    return (factor * errors**2).mean()


class _Model:
    """What the implementations share: their parameters are w and b."""

    def wait(self) -> None:
        """Return when the parameters are computed."""
        wait(*self._parameters)

    def parameters(self) -> numpy.ndarray:
        """(w, b) in float32."""
        return numpy.concatenate([to_numpy(part).ravel() for part in self._parameters])


class Scratch(_Model):
    """Linear regression and SGD from scratch, as in section 12.5.4."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        self._parameters = array(weights, device).reshape(-1, 1), torch.zeros(1, device=device)
        for parameter in self._parameters:
            parameter.requires_grad_()
        self._factor = FACTORS[objective]

    def compute(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Forward and backward pass over one batch."""
        _loss(self._parameters, x, y, self._factor).backward()

    def update(self, learning_rate: float) -> None:
        """One step of SGD along the gradients, which are cleared."""
        for parameter in self._parameters:
            parameter.data.sub_(learning_rate * parameter.grad)
            parameter.grad.zero_()


class Concise(_Model):
    """SGD with PyTorch's own layer, loss and optimiser, as in section 12.5.5."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        self._network = torch.nn.Linear(len(weights), 1, device=device)
        with torch.no_grad():
            self._network.weight.copy_(array(weights, device).reshape(1, -1))
            self._network.bias.zero_()
        self._parameters = tuple(self._network.parameters())
        self._loss = torch.nn.MSELoss()  # has no ½
        self._factor = FACTORS[objective]
        self._optimizer = torch.optim.SGD(self._parameters, lr=0.0)

    def compute(self, x: torch.Tensor, y: torch.Tensor) -> None:
        """Forward and backward pass over one batch."""
        self._optimizer.zero_grad()
        loss = self._loss(self._network(x), y.reshape(-1, 1))
        (loss if self._factor == 1 else self._factor * loss).backward()

    def update(self, learning_rate: float) -> None:
        """One step of the optimiser."""
        self._optimizer.param_groups[0]["lr"] = learning_rate
        self._optimizer.step()


def _is_one_word(path: str) -> bool:
    """Whether a shell takes a path as it stands."""
    try:
        return shlex.split(path) == [path]
    except ValueError:  # a quote that does not end
        return False


@cache
def _compiled_step() -> Callable[..., None]:
    """The step of all compiled models, made when the first needs it: the compiler loads slowly.

    UserError where the C++ compiler would not find what torch brings along, in a folder whose path
    is several words, or none, to a shell: torch hands it over without quotes.
    """
    folder = Path(torch.__file__).parent
    if not _is_one_word(str(folder / "include")):
        what = "torch.compile does not work in a folder whose path has spaces or quotes"
        raise UserError(f"{what}: {folder}")

    @torch.compile
    def step(parameters, x, y, indices, learning_rate, factor):
        gradients = torch.func.grad(_loss)(parameters, x[indices], y[indices], factor)
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.sub_(learning_rate * gradient)

    return step


class Compiled(_Model):
    """SGD by one compiled function a step, which fetches the batch as well."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        self._parameters = array(weights, device).reshape(-1, 1), torch.zeros(1, device=device)
        # Numbers are handed over as tensors: each new float would be compiled anew.
        self._factor = torch.tensor(FACTORS[objective], device=device)

    def epoch(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        order: numpy.ndarray,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        """A step for each batch of the order."""
        step, rate = _compiled_step(), torch.tensor(learning_rate, device=x.device)
        for indices in torch.from_numpy(order).to(x.device).split(batch_size):
            step(self._parameters, x, y, indices, rate, self._factor)

    def compilations(self) -> int:
        """How often torch.compile has compiled what these models call; 0 if eager."""
        return torch._dynamo.utils.counters["stats"]["unique_graphs"]


class Graph(Compiled):
    """The compiled steps of an epoch as one CUDA graph: nothing is dispatched between them.

    A graph is captured once for each number of examples and batch size, and reads the order and
    the learning rate from where it found them then.
    """

    DEVICES = ("cuda",)

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        super().__init__(weights, objective, device)
        self._rate = torch.zeros((), device=device)
        self._captured = {}

    def epoch(
        self,
        x: torch.Tensor,
        y: torch.Tensor,
        order: numpy.ndarray,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        """A step for each batch of the order."""
        key = id(x), id(y), len(order), batch_size
        if key not in self._captured:
            self._captured[key] = self._capture(x, y, order, batch_size)
        graph, indices, *_ = self._captured[key]
        indices.copy_(torch.from_numpy(order))
        self._rate.fill_(learning_rate)
        graph.replay()

    def compilations(self) -> int:
        """How many graphs this model has captured; 0 where what they hold was not compiled."""
        return len(self._captured) if super().compilations() else 0

    def _capture(self, x, y, order, batch_size) -> tuple:
        """The graph of an epoch, and the tensors that it reads, which must not be freed."""
        step, indices = _compiled_step(), torch.from_numpy(order).to(x.device)
        batches = indices.split(batch_size)
        self._rate.zero_()  # at which steps change nothing
        for batch in {len(batch): batch for batch in batches}.values():
            step(self._parameters, x, y, batch, self._rate, self._factor)  # which may compile
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for batch in batches:
                step(self._parameters, x, y, batch, self._rate, self._factor)
        return graph, indices, x, y


LOADERS = {"framework": framework_loader, "direct": direct_loader}
IMPLEMENTATIONS = {"scratch": Scratch, "concise": Concise, "compiled": Compiled, "graph": Graph}
