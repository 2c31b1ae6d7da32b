"""The chapter's ways to compute A = BC, one element, column, row or block at a time.

Each is written once for every framework, and writes into a preallocated n×n output, which it
returns. They differ only in how much work one call of the framework does.
"""

from types import ModuleType

from minibatch.sgd.precisions import PRECISIONS


def element(framework: ModuleType, a, b, c, block: int):  # noqa: ARG001
    """One dot product for each element."""
    for i in range(len(b)):
        for j in range(len(b)):
            a = framework.write(a, (i, j), framework.dot(b[i, :], c[:, j]))
    return a


def column(framework: ModuleType, a, b, c, block: int):  # noqa: ARG001
    """One matrix-vector product for each column."""
    for j in range(len(b)):
        a = framework.write(a, (slice(None), j), framework.matvec(b, c[:, j]))
    return a


def row(framework: ModuleType, a, b, c, block: int):  # noqa: ARG001
    """One vector-matrix product for each row."""
    for i in range(len(b)):
        a = framework.write(a, i, framework.vecmat(b[i, :], c))
    return a


def block(framework: ModuleType, a, b, c, block: int):
    """One matrix product for each `block` columns; the last block may be narrower."""
    for j in range(0, len(b), block):
        columns = (slice(None), slice(j, min(j + block, len(b))))
        a = framework.write(a, columns, framework.matmul(b, c[columns]))
    return a


def full(framework: ModuleType, a, b, c, block: int):  # noqa: ARG001
    """One matrix product."""
    return framework.write(a, slice(None), framework.matmul(b, c))


STRATEGIES = {
    "element": element,
    "column": column,
    "row": row,
    "block": block,
    "full": full,
}


def flop(n: int) -> int:
    """Floating-point operations of the product of two n×n matrices: 2n³."""
    return 2 * n**3


def intensity(strategy: str, n: int, block: int, precision: str = "float32") -> float:
    """FLOP per byte that one call moves at least: operands read, result written."""
    rows, columns = {
        "element": (1, 1),
        "column": (n, 1),
        "row": (1, n),
        "block": (n, min(block, n)),
        "full": (n, n),
    }[strategy]
    moved = PRECISIONS[precision].itemsize * (rows * n + n * columns + rows * columns)
    return 2 * rows * n * columns / moved
