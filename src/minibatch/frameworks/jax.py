"""JAX and Optax, which the chapter has no code for: step by step, or a lax.scan over an epoch.

The gradient is jitted even step by step, as its users write it; the scan is jitted as a whole.
"""

import os
from collections.abc import Iterator
from functools import partial

import jax
import numpy
import optax
from jax import numpy as jnp

from minibatch.sgd.factors import FACTORS
from minibatch.sgd.sampling import batches

ASYNCHRONOUS = {"cpu", "cuda"}  # operations are dispatched, and return

Parameters = tuple[jax.Array, jax.Array]


def version() -> str:
    """Name and version of the framework."""
    return f"jax {jax.__version__}"


def set_threads(threads: int) -> None:
    """Use this many threads, which XLA reads here when the first array is made."""
    os.environ |= {"NPROC": str(threads), "PJRT_NPROC": str(threads)}


def set_precision(precision: str) -> None:
    """Let a GPU's products of float32 use "tf32", which is JAX's default there, or forbid it."""
    # with "tensorfloat32", some of XLA's kernels take float32
    level = "default" if precision == "tf32" else "highest"
    jax.config.update("jax_default_matmul_precision", level)


set_precision("float32")


def gpu() -> str | None:
    """The model of the GPU that is used, if there is one."""
    try:
        return jax.devices("cuda")[0].device_kind
    except RuntimeError:  # no such platform
        return None


def array(values: numpy.ndarray, device: str, dtype: str = "float32") -> jax.Array:
    """Copy values to the device."""
    return jnp.array(values, dtype=dtype, device=jax.devices(device)[0])


output = array


def to_numpy(tensor: jax.Array) -> numpy.ndarray:
    """Copy an array back, as float32."""
    return numpy.array(tensor, dtype=numpy.float32)


@partial(jax.jit, donate_argnums=0, static_argnums=3)
def _update_slice(target, value, starts, missing):
    return jax.lax.dynamic_update_slice(target, jnp.expand_dims(value, missing), starts)


def write(target: jax.Array, index, value: jax.Array) -> jax.Array:
    """The array with a part written; it takes over the memory of the one that was given.

    `target.at[index].set(value)` outside of a compiled function copies the array, and
    inside of one would be compiled for each index.
    """
    index = index if isinstance(index, tuple) else (index,)
    index += (slice(None),) * (target.ndim - len(index))
    starts = [part.start or 0 if isinstance(part, slice) else part for part in index]
    missing = tuple(axis for axis, part in enumerate(index) if not isinstance(part, slice))
    return _update_slice(target, value, starts, missing)


def wait(*tensors: jax.Array) -> None:
    """Return when the arrays are computed."""
    jax.block_until_ready(tensors)


dot, matmul = jnp.dot, jnp.matmul
matvec = vecmat = jnp.matmul


def framework_loader(
    x: jax.Array, y: jax.Array, order: numpy.ndarray, batch_size: int
) -> Iterator[tuple[numpy.ndarray, numpy.ndarray]]:
    """Batches of NumPy arrays: JAX has no loader of its own."""
    x, y = numpy.asarray(x), numpy.asarray(y)  # before the first batch: from a GPU, it takes time
    chosen = numpy.split(order, range(batch_size, len(order), batch_size))
    return ((x[indices], y[indices]) for indices in chosen)


@jax.jit
def _take(x, y, indices):
    return x[indices], y[indices]


def direct_loader(
    x: jax.Array, y: jax.Array, order: numpy.ndarray, batch_size: int
) -> Iterator[tuple[jax.Array, jax.Array]]:
    """One compiled indexing operation a batch."""
    for indices in numpy.split(order, range(batch_size, len(order), batch_size)):
        yield _take(x, y, indices)


def _predict(parameters: Parameters, x: jax.Array) -> jax.Array:
    weights, bias = parameters
    return jnp.matmul(x, weights) + bias


def _loss(parameters: Parameters, x: jax.Array, y: jax.Array, factor: float) -> jax.Array:
    return jnp.mean(factor * (_predict(parameters, x) - y.reshape(-1, 1)) ** 2)


# The gradient is compiled even from scratch: traced anew in every step, it would take
# milliseconds each, and nobody writes JAX like that.
_gradient = jax.jit(jax.grad(_loss), static_argnums=3)


class _Model:
    """What the implementations share: their parameters are w and b."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        self._parameters = array(weights.reshape(-1, 1), device), array(numpy.zeros(1), device)
        self._objective = objective

    def wait(self) -> None:
        """Return when the parameters are computed."""
        wait(*self._parameters)

    def parameters(self) -> numpy.ndarray:
        """(w, b) in float32."""
        return numpy.concatenate([to_numpy(part).ravel() for part in self._parameters])


class Scratch(_Model):
    """Linear regression and SGD from scratch, as in section 12.5.4."""

    def compute(self, x: jax.Array, y: jax.Array) -> None:
        """Forward and backward pass over one batch."""
        self._gradients = _gradient(self._parameters, x, y, FACTORS[self._objective])

    def update(self, learning_rate: float) -> None:
        """One step of SGD along the gradients."""
        self._parameters = _descend(self._parameters, self._gradients, learning_rate)


def _descend(parameters: Parameters, gradients: Parameters, learning_rate: float) -> Parameters:
    return jax.tree.map(lambda p, g: p - learning_rate * g, parameters, gradients)


# Optax's own losses; its squared error has no ½.
LOSSES = {"half_mse": optax.l2_loss, "mse": optax.squared_error}


@partial(jax.jit, static_argnums=3)
@jax.grad
def _optax_gradient(parameters, x, y, loss):
    return jnp.mean(loss(_predict(parameters, x), y.reshape(-1, 1)))


@jax.jit
def _optax_update(parameters, gradients, learning_rate):
    optimizer = optax.sgd(learning_rate)
    updates, _ = optimizer.update(gradients, optimizer.init(parameters))  # plain SGD has no state
    return optax.apply_updates(parameters, updates)


class Concise(_Model):
    """Linear regression and SGD with Optax's loss and optimiser, as in section 12.5.5."""

    def compute(self, x: jax.Array, y: jax.Array) -> None:
        """Forward and backward pass over one batch."""
        self._gradients = _optax_gradient(self._parameters, x, y, LOSSES[self._objective])

    def update(self, learning_rate: float) -> None:
        """One step of the optimiser."""
        self._parameters = _optax_update(self._parameters, self._gradients, learning_rate)


@partial(jax.jit, donate_argnums=0, static_argnums=5)
def _epoch(parameters, x, y, order, learning_rate, factor):
    def step(parameters, indices):
        gradients = jax.grad(_loss)(parameters, x[indices], y[indices], factor)
        return _descend(parameters, gradients, learning_rate), None

    parameters, _ = jax.lax.scan(step, parameters, order)
    return parameters


class Compiled(_Model):
    """SGD as one compiled function, which loops over the batches."""

    def epoch(
        self,
        x: jax.Array,
        y: jax.Array,
        order: numpy.ndarray,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        """A step for each batch of the order."""
        factor = FACTORS[self._objective]
        for part in batches(order, batch_size):
            self._parameters = _epoch(self._parameters, x, y, part, learning_rate, factor)

    def compilations(self) -> int:
        """How often jax.jit has compiled what these models call; 0 if eager."""
        return _epoch._cache_size()


LOADERS = {"framework": framework_loader, "direct": direct_loader}
IMPLEMENTATIONS = {"scratch": Scratch, "concise": Concise, "compiled": Compiled}
