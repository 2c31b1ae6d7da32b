"""Work on all cores of what lets go of the interpreter while it works: Numba's loops, NumPy's."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from minibatch.tables.cores import available


def in_threads(function: Callable, values: Iterable) -> Iterator:
    """What the function returns for each value, in turn, on all cores."""
    with ThreadPoolExecutor(available()) as pool:
        yield from pool.map(function, values)
