"""The gate: what is not right is not timed. Bounds follow from rounding alone."""

import numpy as np

from minibatch import objective, reference
from minibatch.precisions import PRECISIONS
from minibatch.problem import Problem
from minibatch.reference import gamma

WHOLE = 2048  # n up to which every element of a product is checked
SAMPLE = 32  # rows, and columns, that are checked of a larger one


def check_product(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, what: str, precision: str = "float32"
) -> float:
    """The largest error as a share of its bound; Problem unless A is BC to rounding.

    B and C are as stored, n×n. Of products that take long in float64, only a sample of rows and
    of columns is compared, the last of both among them; the other elements must be finite.
    """
    every = slice(None)
    parts = [(every, every)]
    if len(b) > WHOLE:
        chosen = np.linspace(0, len(b) - 1, SAMPLE).astype(int)
        parts = [(chosen, every), (every, chosen)]
    worst = max(_check_part(a, b, c, what, precision, *part) for part in parts)
    if not np.isfinite(a).all():
        raise Problem(f"{what}: not timed, because elements of its product are not finite")
    return worst


def _check_part(a, b, c, what: str, precision: str, rows, columns) -> float:
    """The same for some rows or columns of A."""
    found, left, right = a[rows][:, columns], b[rows].astype(float), c[:, columns].astype(float)
    expected, magnitude = left @ right, np.abs(left) @ np.abs(right)
    kind = PRECISIONS[precision]
    taken = (1 + kind.factors) ** 2  # a term's share of its exact value, at most
    bound = (taken * (1 + gamma(len(c), kind.sums)) - 1) * magnitude
    bound += kind.result * (np.abs(expected) + bound)
    excess = np.abs(found - expected) / bound
    if not excess.max() <= 1:
        row, column = np.unravel_index(np.argmax(excess), excess.shape)
        i, j = np.arange(len(b))[rows][row], np.arange(len(b))[columns][column]
        raise Problem(
            f"{what}: not timed, because its product is wrong: element ({i}, {j}) is "
            f"{found[row, column]:.9g} instead of {expected[row, column]:.9g}"
        )
    return float(excess.max())


def check_step(
    before: np.ndarray,
    after: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    learning_rate: float,
    factor: float,
    what: str,
) -> float:
    """The largest error as a share of its bound; Problem unless this was a step of SGD.

    That is after = before − η · factor · ∇(½MSE) on the batch (x, y), to float32 rounding.
    """
    expected, bound = reference.step(x, y, before.astype(float), learning_rate, factor)
    excess = np.abs(after - expected) / bound
    if not excess.max() <= 1:
        raise Problem(
            f"{what}: not timed, because a step is wrong: parameter {np.argmax(excess)} went from "
            f"{before[np.argmax(excess)]:.9g} to {after[np.argmax(excess)]:.9g} instead of "
            f"{expected[np.argmax(excess)]:.9g}"
        )
    return float(excess.max())


def check_parameters(found: np.ndarray, expected: np.ndarray, error: float, what: str) -> float:
    """The distance as a share of `error`, the bound on it; Problem where it is larger."""
    distance = np.linalg.norm(found - expected)
    if not distance <= error:
        raise Problem(
            f"{what}: not timed, because its parameters are {distance:.2g} from those of the "
            f"reference, and rounding explains {error:.2g} at most"
        )
    return float(distance / error)


def check_loss(
    loss: float, x: np.ndarray, y: np.ndarray, parameters: np.ndarray, error: float, what: str
) -> None:
    """Raise Problem unless a loss is that of parameters at most `error` (2-norm) from these.

    The loss is a quadratic, so that it differs by at most ‖∇‖·error + ½·λmax·error². Where the
    bound is not finite, since the run diverged, anything passes.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        expected = objective.loss(x, y, parameters)
        slope = np.linalg.norm(objective.gradient(x, y, parameters))
        bound = slope * error + error**2 / objective.stability_limit(x) + 1e-12 * expected
    if np.isfinite(bound) and not abs(loss - expected) <= bound:
        raise Problem(
            f"{what}: its loss is {loss:.9g} instead of {expected:.9g}, which rounding "
            f"(at most {bound:.2g}) does not explain"
        )
