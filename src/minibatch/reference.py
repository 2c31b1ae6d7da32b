"""SGD as plain NumPy in float64, with a bound on how far float32 arithmetic may stray from it.

A step of size η on a batch of b examples maps θ to (I − ηH)θ + ηc, with H the batch's Hessian. So
an error e in θ becomes at most ‖I − ηH‖₂·e, and the step's own rounding is added to it: γ(k) of
the magnitudes of all k terms that are summed (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, sections 3.1 and 3.3). The bound allows any order of summation.
"""

from collections.abc import Iterator

import numpy as np

from minibatch import objective

UNIT_ROUNDOFF = 2.0**-24


def gamma(terms: int) -> float:
    """γ(terms), the relative error bound of a float32 sum of so many products."""
    return terms * UNIT_ROUNDOFF / (1 - terms * UNIT_ROUNDOFF)


def step(
    x: np.ndarray, y: np.ndarray, before: np.ndarray, learning_rate: float, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """The parameters after before − η · factor · ∇(½MSE) on the batch, and their float32 error.

    The bound allows for rounding in the residuals, in their weighted mean and in the update.
    """
    moved = learning_rate * factor * objective.gradient(x, y, before)
    ones = np.column_stack([np.abs(np.float64(x)), np.ones(len(x))])
    magnitude = ones.T @ (ones @ np.abs(before) + np.abs(y)) / len(y)
    terms = len(y) + len(before) + 8  # the sum over the batch, the product x·w, and single steps
    bound = gamma(terms) * learning_rate * factor * magnitude + gamma(2) * np.abs(before)
    return before - moved, bound


def follow(
    x: np.ndarray,
    y: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    batch_size: int,
    learning_rate: float,
    *,
    factor: float = 1,
    error: float = 0.0,
) -> Iterator[tuple[np.ndarray, float]]:
    """After each step of one epoch: θ, shape (d + 1,), and the bound on the 2-norm of its error.

    `error` is the bound at the start of the epoch; `factor` is 2 where the loss has no ½.
    """
    parameters = np.float64(start)
    for begin in range(0, len(order), batch_size):
        chosen = order[begin : begin + batch_size]
        eigenvalues = np.linalg.eigvalsh(objective.hessian(x[chosen]))
        growth = np.abs(1 - learning_rate * factor * eigenvalues).max()
        with np.errstate(over="ignore", invalid="ignore"):
            parameters, rounding = step(x[chosen], y[chosen], parameters, learning_rate, factor)
            # the step is taken from where the error led, so its magnitudes may be larger by it
            error = growth * error + np.linalg.norm(rounding) * (1 + error)
        yield parameters, error
