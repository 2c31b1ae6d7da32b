"""The gate for matrix products: a wrong one is not timed. Bounds follow from rounding alone."""

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd.precisions import PRECISIONS
from minibatch.sgd.reference import gamma

WHOLE = 2048  # n up to which every element of a product is checked
SAMPLE = 32  # rows, and columns, that are checked of a larger one


def check_product(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, what: str, precision: str = "float32"
) -> float:
    """The largest error as a share of its bound; UserError unless A is BC to rounding.

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
        raise UserError(f"{what}: not timed, because elements of its product are not finite")
    return worst


def _check_part(a, b, c, what: str, precision: str, rows, columns) -> float:
    """The largest error of some rows or columns, as a share of its bound; UserError above it."""
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
        raise UserError(
            f"{what}: not timed, because its product is wrong: element ({i}, {j}) is "
            f"{found[row, column]:.9g} instead of {expected[row, column]:.9g}"
        )
    return float(excess.max())
