"""The gate for matrix products: a wrong one is not timed. Bounds follow from rounding alone."""

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd.precisions import PRECISIONS
from minibatch.sgd.reference import gamma

WHOLE = 512  # n up to which every element of a product is compared
SAMPLE = 32  # rows, and columns, that are compared of a larger one


class Reference:
    """What BC is in float64, computed once for all that are compared with it.

    B and C are as stored, n×n. Or B is diagonal, and given as its n elements: each element of the
    product is then a single term, so that the bound does not grow with n, and shows every precision
    that is less than asked for. A sum of 2048 products of factors in TF32 passes for float32.
    Of products that take long in float64, only a sample of rows and of columns is compared, the
    first and the last of both among them.
    """

    def __init__(self, b: np.ndarray, c: np.ndarray):
        """Compute the product, or rows and columns of it."""
        self._terms = 1 if b.ndim == 1 else len(c)
        every, chosen = slice(None), np.linspace(0, len(c) - 1, SAMPLE).astype(int)
        parts = [(every, every)] if len(c) <= WHOLE else [(chosen, every), (every, chosen)]
        places = np.arange(len(c))
        self._parts = [
            (places[rows], places[columns], *_exact(b, c, rows, columns)) for rows, columns in parts
        ]

    def check(
        self,
        a: np.ndarray,
        what: str,
        precision: str = "float32",
        computed: tuple[int | None, int | None] = (None, None),
    ) -> float:
        """The largest error as a share of its bound; UserError unless A is BC to rounding.

        `computed` are how many rows and columns of A there are, if not all; the rest is not looked
        at. What is not compared of them must be finite.
        """
        worst = max(self._check_part(a, what, precision, computed, *part) for part in self._parts)
        rows, columns = computed
        if not np.isfinite(a[:rows, :columns]).all():
            raise UserError(f"{what}: not timed, because elements of its product are not finite")
        return worst

    def _check_part(self, a, what: str, precision: str, computed, rows, columns, *exact) -> float:
        """The largest error of some rows and columns, as a share of its bound."""
        down, across = (
            len(places) if count is None else np.searchsorted(places, count)
            for places, count in zip((rows, columns), computed, strict=True)
        )
        rows, columns = rows[:down], columns[:across]
        expected, magnitude = (values[:down, :across] for values in exact)
        found = a[np.ix_(rows, columns)]
        kind = PRECISIONS[precision]
        taken = (1 + kind.factors) ** 2  # a term's share of its exact value, at most
        bound = (taken * (1 + gamma(self._terms, kind.sums)) - 1) * magnitude
        bound += kind.result * (np.abs(expected) + bound)
        excess = np.abs(found - expected) / bound
        if not excess.max() <= 1:
            row, column = np.unravel_index(np.argmax(excess), excess.shape)
            raise UserError(
                f"{what}: not timed, because its product is wrong: element ({rows[row]}, "
                f"{columns[column]}) is {found[row, column]:.9g} instead of "
                f"{expected[row, column]:.9g}"
            )
        return float(excess.max())


def _exact(b: np.ndarray, c: np.ndarray, rows, columns) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of BC, and of the sums of their terms' magnitudes."""
    if b.ndim == 1:
        product = b[rows, None].astype(float) * c[rows][:, columns]
        return product, np.abs(product)
    left, right = b[rows].astype(float), c[:, columns].astype(float)
    return left @ right, np.abs(left) @ np.abs(right)


def check_product(
    a: np.ndarray, b: np.ndarray, c: np.ndarray, what: str, precision: str = "float32"
) -> float:
    """The largest error of A as a share of its bound; UserError unless it is BC to rounding."""
    return Reference(b, c).check(a, what, precision)
