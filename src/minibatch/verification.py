"""The gate: what is not right is not timed.

Bounds follow from float32 rounding alone: a sum of k products computed in any order differs from
the exact one by at most γ(k) · Σ|terms|, with γ(k) = ku/(1 − ku) and u = 2⁻²⁴ (Higham, Accuracy
and Stability of Numerical Algorithms, 2002, section 3.1).
"""

import numpy as np

from minibatch import objective
from minibatch.problem import Problem

UNIT_ROUNDOFF = 2.0**-24


def gamma(terms: int) -> float:
    """γ(terms), the relative error bound of a float32 sum of so many products."""
    return terms * UNIT_ROUNDOFF / (1 - terms * UNIT_ROUNDOFF)


def check_product(a: np.ndarray, b: np.ndarray, c: np.ndarray, what: str) -> None:
    """Raise Problem unless A is BC, to float32 rounding in every element."""
    b, c = np.float64(b), np.float64(c)
    excess = np.abs(a - b @ c) / (gamma(len(c)) * (np.abs(b) @ np.abs(c)))
    if not excess.max() <= 1:
        i, j = np.unravel_index(np.argmax(excess), excess.shape)
        raise Problem(
            f"{what}: not timed, because its product is wrong: element ({i}, {j}) is "
            f"{a[i, j]:.9g} instead of {b[i] @ c[:, j]:.9g}"
        )


def check_step(
    before: np.ndarray,
    after: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    learning_rate: float,
    factor: float,
    what: str,
) -> None:
    """Raise Problem unless after = before − η · factor · ∇(½MSE) on the batch (x, y).

    The bound allows for rounding in the residuals, in their weighted mean and in the update.
    """
    step = learning_rate * factor * objective.gradient(x, y, before)
    ones = np.column_stack([np.abs(np.float64(x)), np.ones(len(x))])
    magnitude = ones.T @ (ones @ np.abs(before) + np.abs(y)) / len(y)
    terms = len(y) + len(before) + 8  # the sum over the batch, the product x·w, and single steps
    bound = gamma(terms) * learning_rate * factor * magnitude + gamma(2) * np.abs(before)
    excess = np.abs(after - (before - step)) / bound
    if not excess.max() <= 1:
        raise Problem(
            f"{what}: not timed, because a step is wrong: parameter {np.argmax(excess)} went from "
            f"{before[np.argmax(excess)]:.9g} to {after[np.argmax(excess)]:.9g} instead of "
            f"{(before - step)[np.argmax(excess)]:.9g}"
        )
