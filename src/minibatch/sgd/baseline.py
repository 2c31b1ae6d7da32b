"""The baseline of every framework: an epoch of SGD as a plain loop, compiled by Numba."""

import numba
import numpy as np


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
