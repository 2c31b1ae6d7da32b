"""MXNet and Gluon, as the chapter uses them: eager, or hybridized.

The hybridized network and loss are one graph; a loop in Python calls it for each batch. On the
CPU alone: the last wheels for GPUs, of 2022, are made for CUDA 11.7, which knows neither Ada nor
Hopper GPUs.
"""

from collections.abc import Iterator

import mxnet
import numpy
from mxnet import autograd, gluon, np, npx

from minibatch.sgd.factors import FACTORS

npx.set_np()

ASYNCHRONOUS = {"cpu"}  # operations are queued, and return


def version() -> str:
    """Name and version of the framework."""
    return f"mxnet {mxnet.__version__}"


def set_threads(threads: int) -> None:
    """Nothing is left to do: MXNet has read OMP_NUM_THREADS, which `start` sets, on import."""


def set_precision(precision: str) -> None:
    """Nothing: there is no choice on a CPU."""


def gpu() -> str | None:
    """None: its GPUs are not used."""
    return None


def array(values: numpy.ndarray, device: str, dtype: str = "float32") -> np.ndarray:
    """Copy values to the device."""
    return np.array(values, dtype=dtype, ctx=mxnet.Context(device))


def to_numpy(tensor: np.ndarray) -> numpy.ndarray:
    """Copy an array back."""
    return tensor.asnumpy()


output = array


def write(target: np.ndarray, index, value: np.ndarray) -> np.ndarray:
    """Write into a part of an array, or all of it, where assigning would copy twice."""
    if index == slice(None):
        return value.copyto(target)
    target[index] = value
    return target


def wait(*tensors: np.ndarray) -> None:
    """Return when the arrays are computed."""
    for tensor in tensors:
        tensor.wait_to_read()


dot = matvec = vecmat = matmul = np.dot


def framework_loader(
    x: np.ndarray, y: np.ndarray, order: numpy.ndarray, batch_size: int
) -> gluon.data.DataLoader:
    """The chapter's DataLoader, which fetches and stacks examples one by one."""
    examples = gluon.data.ArrayDataset(x, y)
    return gluon.data.DataLoader(examples, batch_size=batch_size, sampler=order.tolist())


def direct_loader(
    x: np.ndarray, y: np.ndarray, order: numpy.ndarray, batch_size: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One indexing operation a batch; x[indices] does the same and takes ten times as long."""
    order = np.array(order, dtype=order.dtype, ctx=x.ctx)
    for start in range(0, len(order), batch_size):
        indices = order[start : start + batch_size]
        yield x.take(indices, axis=0), y.take(indices, axis=0)


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
        self._parameters = array(weights.reshape(-1, 1), device), array(numpy.zeros(1), device)
        for parameter in self._parameters:
            parameter.attach_grad()
        self._factor = FACTORS[objective]

    def compute(self, x: np.ndarray, y: np.ndarray) -> None:
        """Forward and backward pass over one batch."""
        weights, bias = self._parameters
        with autograd.record():
            errors = np.dot(x, weights) + bias - y.reshape(-1, 1)
            loss = (self._factor * errors**2).mean()
        loss.backward()

    def update(self, learning_rate: float) -> None:
        """One step of SGD along the gradients."""
        for parameter in self._parameters:
            parameter[:] -= learning_rate * parameter.grad


class _NetworkWithLoss(gluon.HybridBlock):
    """A linear layer and its loss on a batch, one for each example: L2Loss has the ½."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        super().__init__()
        context = mxnet.Context(device)
        self.network = gluon.nn.Dense(1, in_units=len(weights))  # the bias starts at 0
        self.network.initialize(ctx=context)
        self.network.weight.set_data(array(weights.reshape(1, -1), device))
        self.loss = gluon.loss.L2Loss(weight=2 * FACTORS[objective])

    def hybrid_forward(self, F, x, y):  # noqa: ARG002
        return self.loss(self.network(x), y.reshape(-1, 1))


class Concise(_Model):
    """Linear regression and SGD with Gluon's layer, loss and trainer, as in section 12.5.5."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        self._model = _NetworkWithLoss(weights, objective, device)
        network = self._model.network
        self._parameters = network.weight.data(), network.bias.data()
        self._trainer = gluon.Trainer(self._model.collect_params(), "sgd", {"learning_rate": 0.0})

    def compute(self, x: np.ndarray, y: np.ndarray) -> None:
        """Forward and backward pass over one batch."""
        with autograd.record():
            losses = self._model(x, y)
        losses.backward()
        self._batch_size = len(y)

    def update(self, learning_rate: float) -> None:
        """One step of the trainer, which divides the sum of the gradients by the batch size."""
        self._trainer.set_learning_rate(learning_rate)
        self._trainer.step(self._batch_size)


class Compiled(Concise):
    """SGD with the layer and its loss hybridised: one call for their whole graph."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        super().__init__(weights, objective, device)
        self._model.hybridize(static_alloc=True, static_shape=True)

    def epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        order: numpy.ndarray,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        """A step for each batch of the order."""
        for batch in direct_loader(x, y, order, batch_size):
            self.compute(*batch)
            self.update(learning_rate)

    def compilations(self) -> int:
        """How often hybridize has compiled what these models call; 0 if eager."""
        return int(self._model._cached_op is not None)


LOADERS = {"framework": framework_loader, "direct": direct_loader}
IMPLEMENTATIONS = {"scratch": Scratch, "concise": Concise, "compiled": Compiled}
