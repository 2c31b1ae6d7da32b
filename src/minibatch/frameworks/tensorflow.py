"""TensorFlow and Keras, as the chapter uses them: eager, or one tf.function for a whole epoch.

The function is compiled by XLA (jit_compile), and so loops over the batches by itself.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read on import: no word about missing GPUs

import keras
import tensorflow as tf

from minibatch.sgd.factors import FACTORS
from minibatch.sgd.sampling import batches

ASYNCHRONOUS = {"cuda"}  # on the CPU, operations return when they are done


def version() -> str:
    """Name and version of the framework."""
    return f"tensorflow {tf.__version__}"


def set_threads(threads: int) -> None:
    """Use this many threads in each operation, and in the graph of a compiled function."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)


def set_precision(precision: str) -> None:
    """Let a GPU's products of float32 use "tf32", which is TensorFlow's default, or forbid it."""
    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")


set_precision("float32")


def gpu() -> str | None:
    """The model of the GPU that is used, if there is one."""
    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0])["device_name"] if found else None


def _on(device: str) -> AbstractContextManager:
    """Make what is made in this context on a device, by TensorFlow's name for it."""
    return tf.device({"cpu": "cpu", "cuda": "gpu:0"}[device])


def array(values: numpy.ndarray, device: str, dtype: str = "float32") -> tf.Tensor:
    """Copy values to the device."""
    with _on(device):
        return tf.constant(values, dtype=dtype)


def output(values: numpy.ndarray, device: str, dtype: str = "float32") -> tf.Variable:
    """Copy values to the device as a variable: tensors cannot be written into.

    Until a part of it has been written, a variable does not copy what is assigned to it, but
    shares its memory; an empty write makes it an output like those of the other frameworks.
    """
    with _on(device):
        variable = tf.Variable(values, dtype=dtype)
    variable[:0].assign(variable[:0])
    return variable


def to_numpy(tensor: tf.Tensor | tf.Variable) -> numpy.ndarray:
    """Copy a tensor back, as float32."""
    return numpy.asarray(tensor.numpy(), dtype=numpy.float32)


def write(target: tf.Variable, index, value: tf.Tensor) -> tf.Variable:
    """Write into a part of a variable, or all of it."""
    (target if index == slice(None) else target[index]).assign(value)
    return target


def wait(*tensors: tf.Tensor | tf.Variable) -> None:
    """Return when the tensors are computed, which on the CPU they are."""
    if any("GPU" in tensor.device for tensor in tensors):
        tf.test.experimental.sync_devices()


matvec, matmul = tf.linalg.matvec, tf.matmul


def dot(u: tf.Tensor, v: tf.Tensor) -> tf.Tensor:
    """uᵀ · v."""
    return tf.tensordot(u, v, axes=1)


def vecmat(vector: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """vectorᵀ · matrix."""
    return tf.linalg.matvec(matrix, vector, transpose_a=True)


def framework_loader(
    x: tf.Tensor, y: tf.Tensor, order: numpy.ndarray, batch_size: int
) -> tf.data.Dataset:
    """The chapter's tf.data; the given order replaces its shuffle()."""
    examples = tf.gather(x, order), tf.gather(y, order)
    return tf.data.Dataset.from_tensor_slices(examples).batch(batch_size)


def direct_loader(
    x: tf.Tensor, y: tf.Tensor, order: numpy.ndarray, batch_size: int
) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
    """One gathering operation a batch."""
    for indices in numpy.split(order, range(batch_size, len(order), batch_size)):
        yield tf.gather(x, indices), tf.gather(y, indices)


def _loss(parameters, x, y, factor):
    weights, bias = parameters
    errors = tf.matmul(x, weights) + bias - tf.reshape(y, (-1, 1))
    return tf.reduce_mean(factor * errors**2)


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
        with _on(device):
            self._parameters = (
                tf.Variable(weights.reshape(-1, 1), dtype=tf.float32),
                tf.Variable(tf.zeros(1)),
            )
        self._factor = FACTORS[objective]

    def compute(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Forward and backward pass over one batch."""
        with tf.GradientTape() as tape:
            loss = _loss(self._parameters, x, y, self._factor)
        self._gradients = tape.gradient(loss, self._parameters)

    def update(self, learning_rate: float) -> None:
        """One step of SGD along the gradients."""
        for parameter, gradient in zip(self._parameters, self._gradients, strict=True):
            parameter.assign_sub(learning_rate * gradient)


class Concise(_Model):
    """Linear regression and SGD with Keras' layer, loss and optimiser, as in section 12.5.5."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        with _on(device):
            self._network = keras.layers.Dense(1)
            self._network.build((None, len(weights)))
            self._network.set_weights([weights.reshape(-1, 1), numpy.zeros(1)])
            self._optimizer = keras.optimizers.SGD(0.0)
        self._parameters = [parameter.value for parameter in self._network.trainable_variables]
        self._rate = 0.0
        self._loss = keras.losses.MeanSquaredError()  # has no ½
        self._factor = FACTORS[objective]

    def compute(self, x: tf.Tensor, y: tf.Tensor) -> None:
        """Forward and backward pass over one batch."""
        with tf.GradientTape() as tape:
            loss = self._loss(tf.reshape(y, (-1, 1)), self._network(x))
            if self._factor != 1:
                loss = self._factor * loss
        self._gradients = tape.gradient(loss, self._network.trainable_variables)

    def update(self, learning_rate: float) -> None:
        """One step of the optimiser."""
        if learning_rate != self._rate:  # setting it takes time
            self._optimizer.learning_rate = self._rate = learning_rate
        parameters = self._network.trainable_variables
        self._optimizer.apply_gradients(zip(self._gradients, parameters, strict=True))


# One trace serves all models, and XLA compiles it once for each shape of `order`.
@tf.function(jit_compile=True, reduce_retracing=True)
def _epoch(parameters, x, y, order, learning_rate, factor):
    for indices in order:
        with tf.GradientTape() as tape:
            tape.watch(parameters)
            loss = _loss(parameters, tf.gather(x, indices), tf.gather(y, indices), factor)
        gradients = tape.gradient(loss, parameters)
        parameters = tuple(
            parameter - learning_rate * gradient
            for parameter, gradient in zip(parameters, gradients, strict=True)
        )
    return parameters


class Compiled(_Model):
    """SGD as one compiled function, which loops over the batches."""

    def __init__(self, weights: numpy.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        self._parameters = array(weights.reshape(-1, 1), device), array(numpy.zeros(1), device)
        self._factor = tf.constant(FACTORS[objective])  # a new float would be traced anew

    def epoch(
        self,
        x: tf.Tensor,
        y: tf.Tensor,
        order: numpy.ndarray,
        batch_size: int,
        learning_rate: float,
    ) -> None:
        """A step for each batch of the order."""
        rate = tf.constant(learning_rate)
        for part in batches(order, batch_size):
            part = tf.constant(part)
            self._parameters = _epoch(self._parameters, x, y, part, rate, self._factor)

    def compilations(self) -> int:
        """How often tf.function has compiled what these models call; 0 if eager."""
        return _epoch.experimental_get_tracing_count()


LOADERS = {"framework": framework_loader, "direct": direct_loader}
IMPLEMENTATIONS = {"scratch": Scratch, "concise": Concise, "compiled": Compiled}
