"""The chapter's ways to compute A = BC, one element, column, row or block at a time.

Each is written once for every framework, and writes into a preallocated n×n output, which it
returns: all of it, or as much as some calls of the framework compute, from the first row and column
on. They differ only in how much work one call does.
"""

from itertools import islice, product
from types import ModuleType

from minibatch.sgd.precisions import PRECISIONS


def element(framework: ModuleType, a, b, c, block: int, calls: int | None = None):  # noqa: ARG001
    """One dot product for each element."""
    for i, j in islice(product(range(len(b)), repeat=2), calls):
        a = framework.write(a, (i, j), framework.dot(b[i, :], c[:, j]))
    return a


def column(framework: ModuleType, a, b, c, block: int, calls: int | None = None):  # noqa: ARG001
    """One matrix-vector product for each column."""
    for j in range(len(b))[:calls]:
        a = framework.write(a, (slice(None), j), framework.matvec(b, c[:, j]))
    return a


def row(framework: ModuleType, a, b, c, block: int, calls: int | None = None):  # noqa: ARG001
    """One vector-matrix product for each row."""
    for i in range(len(b))[:calls]:
        a = framework.write(a, i, framework.vecmat(b[i, :], c))
    return a


def block(framework: ModuleType, a, b, c, block: int, calls: int | None = None):
    """One matrix product for each `block` columns; the last block may be narrower."""
    for j in range(0, len(b), block)[:calls]:
        columns = (slice(None), slice(j, min(j + block, len(b))))
        a = framework.write(a, columns, framework.matmul(b, c[columns]))
    return a


def full(framework: ModuleType, a, b, c, block: int, calls: int | None = None):  # noqa: ARG001
    """One matrix product."""
    return framework.write(a, slice(None), framework.matmul(b, c))


def alone(framework: ModuleType, a, b, c, block: int, calls: int | None = None):  # noqa: ARG001
    """One matrix product that is written nowhere."""
    return framework.matmul(b, c)


STRATEGIES = {
    "element": element,
    "column": column,
    "row": row,
    "block": block,
    "full": full,
}
# What bounds all of them: the largest product, and what a call costs that does next to nothing.
BOUNDS = {"product": alone, "call": element}


def flop(n: int) -> int:
    """Floating-point operations of the product of two n×n matrices: 2n³."""
    return 2 * n**3


def of_a_call(strategy: str, n: int, block: int) -> tuple[int, int]:
    """The rows and columns of the product that one call computes."""
    return {
        "element": (1, 1),
        "column": (n, 1),
        "row": (1, n),
        "block": (n, min(block, n)),
        "full": (n, n),
        "product": (n, n),
        "call": (1, 1),
    }[strategy]


def of_calls(strategy: str, n: int, block: int, calls: int) -> tuple[int, int]:
    """The rows and columns that are computed after some of the calls for a product.

    More calls than a row of them have to be whole rows.
    """
    rows, columns = of_a_call(strategy, n, block)
    across = -(-n // columns)
    if calls <= across:
        return rows, min(calls * columns, n)
    return min(calls // across * rows, n), n


def whole(strategy: str, n: int, block: int) -> int:
    """The calls that a product takes."""
    rows, columns = of_a_call(strategy, n, block)
    return -(-n // rows) * -(-n // columns)


def fitting(strategy: str, n: int, block: int, wanted: int) -> int:
    """The most calls, but no more than are wanted, that end with a rectangle of the product.

    If they are more than a product takes, with a whole product.
    """
    across = -(-n // of_a_call(strategy, n, block)[1])
    for step in (whole(strategy, n, block), across):
        if wanted >= step:
            return wanted // step * step
    return wanted


def intensity(strategy: str, n: int, block: int, precision: str = "float32") -> float:
    """FLOP per byte that one call moves at least: operands read, result written."""
    rows, columns = of_a_call(strategy, n, block)
    return of_shape(n, rows, columns, PRECISIONS[precision].itemsize)


def of_shape(n: int, rows: int, columns: int, itemsize: int = 4) -> float:
    """FLOP per byte of a call that computes this many rows and columns from n terms each."""
    return 2 * rows * n * columns / (itemsize * (rows * n + n * columns + rows * columns))
