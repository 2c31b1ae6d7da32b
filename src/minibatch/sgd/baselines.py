"""What frameworks are compared with: the same steps in NumPy alone, scikit-learn and a plain loop.

Shaped as a framework's module is, for `pace`: each model takes whole epochs, and several at once,
so that what a call costs is spread over them as its users would. One thread each.
"""

from importlib.metadata import version

import numba
import numpy as np
from sklearn.linear_model import SGDRegressor

ASYNCHRONOUS: set[str] = set()
LOADERS: dict = {}  # the models index by themselves


def versions() -> list[str]:
    """Names and versions of what is measured."""
    return [f"{name} {version(name)}" for name in ("numba", "scikit-learn", "numpy")]


def array(values: np.ndarray, device: str) -> np.ndarray:  # noqa: ARG001
    """The values as they are."""
    return values


def wait(*arrays: np.ndarray) -> None:
    """Return at once: nothing works on after a call."""


class _Model:
    """What the implementations share: their parameters are one array, the bias last."""

    def __init__(self, weights: np.ndarray, objective: str, device: str):  # noqa: ARG002
        """Start from the given weights and bias 0; the objective has the ½."""
        self._theta = np.append(weights, np.float32(0))

    def wait(self) -> None:
        """Return at once."""

    def parameters(self) -> np.ndarray:
        """(w, b)."""
        return self._theta.copy()


class NumbaLoop(_Model):
    """A plain loop over the examples, compiled by Numba."""

    def epochs(self, x, y, order, batch_size: int, learning_rate: float, count: int) -> None:
        """Take the steps of this many epochs."""
        rate = np.float32(learning_rate)
        for _ in range(count):
            epoch(self._theta, x, y, order, batch_size, rate)


class PartialFit(_Model):
    """A call of scikit-learn's partial_fit an epoch, on examples that are put in order for it.

    Its batch size is 1. It keeps its weights in float32, as its input is, and its bias in float64.
    """

    def __init__(self, weights: np.ndarray, objective: str, device: str):
        """Start from the given weights and bias 0."""
        super().__init__(weights, objective, device)
        self._regressor = _regressor()
        self._regressor.coef_ = weights.copy()
        self._regressor.intercept_ = np.zeros(1)
        self._regressor.t_ = 1.0  # partial_fit counts its steps from here

    def epochs(self, x, y, order, batch_size: int, learning_rate: float, count: int) -> None:  # noqa: ARG002
        """Take the steps of this many epochs."""
        self._regressor.eta0 = learning_rate
        for _ in range(count):
            self._regressor.partial_fit(x[order], y[order])
        self._theta = np.append(self._regressor.coef_, self._regressor.intercept_)


class Fit(_Model):
    """One call of scikit-learn's fit for all epochs, on examples that are put in order once."""

    def epochs(self, x, y, order, batch_size: int, learning_rate: float, count: int) -> None:  # noqa: ARG002
        """Take the steps of this many epochs."""
        regressor = _regressor(eta0=learning_rate, max_iter=count)
        start = {"coef_init": self._theta[:-1], "intercept_init": self._theta[-1:]}
        regressor.fit(x[order], y[order], **start)
        self._theta = np.append(regressor.coef_, regressor.intercept_)


def _regressor(**about) -> SGDRegressor:
    return SGDRegressor(
        loss="squared_error",  # with the ½
        penalty=None,
        learning_rate="constant",
        shuffle=False,
        tol=None,  # no criterion that stops it, and no warning that it was not met
        **about,
    )


class NumPyStep(_Model):
    """A step on all examples at once in NumPy: two products of a matrix and a vector."""

    def epochs(self, x, y, order, batch_size: int, learning_rate: float, count: int) -> None:  # noqa: ARG002
        """Take this many steps on all examples, whose order does not matter."""
        weights, bias, rate = self._theta[:-1], self._theta[-1:], np.float32(learning_rate)
        share = np.float32(1 / len(y))
        for _ in range(count):
            errors = x @ weights + bias - y
            weights -= rate * share * (errors @ x)
            bias -= rate * share * errors.sum()


IMPLEMENTATIONS = {
    "numba": NumbaLoop,
    "partial_fit": PartialFit,
    "fit": Fit,
    "numpy": NumPyStep,
}


@numba.njit
def epoch(
    parameters: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    order: np.ndarray,
    batch_size: int,
    learning_rate: np.float32,
) -> None:
    """Take the steps of one epoch on (w, b), shape (d + 1,), in place; float32, a single thread.

    The last batch may be smaller; each is divided by its own size.
    """
    bias = x.shape[1]
    gradient = np.empty_like(parameters)
    for begin in range(0, len(order), batch_size):
        batch = order[begin : begin + batch_size]
        gradient[:] = 0
        for example in batch:
            error = parameters[bias] - y[example]
            for feature in range(bias):
                error += x[example, feature] * parameters[feature]
            for feature in range(bias):
                gradient[feature] += error * x[example, feature]
            gradient[bias] += error
        # a plain integer would make the quotient, and so the update, float64
        rate = learning_rate / np.float32(len(batch))
        for index in range(len(parameters)):
            parameters[index] -= rate * gradient[index]
