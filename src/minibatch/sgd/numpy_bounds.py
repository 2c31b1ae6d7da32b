"""What bounds the machine, whatever the framework, in NumPy: a large product, and copies."""

from pathlib import Path

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd import strategies
from minibatch.sgd.product_checks import check_product

ITEM = 4  # bytes of a float32
LINE = 64 // ITEM  # numbers in a cache line
WINDOWS = 64  # copies in one call of NumPy, which takes longer than a copy within a cache
MEMORY = 2  # times the largest cache: of this much, nothing is left there when its turn comes again
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
TYPICAL = {"L1": 32 * 2**10, "L2": 2**20, "L3": 32 * 2**20}  # where the system does not tell


def caches(folder: Path = CACHES) -> dict[str, int]:
    """The bytes of each cache for data, by its level, as Linux tells."""
    found = {}
    for index in sorted(folder.glob("index*")):
        kind, level, size = (
            (index / name).read_text().strip() for name in ("type", "level", "size")
        )
        if kind != "Instruction":
            found[f"L{level}"] = int(size.removesuffix("K")) * 2**10
    return found or TYPICAL


def level(working_set: int, sizes: dict[str, int]) -> str:
    """Where a working set of this many bytes lies; "" where it may be partly in a cache."""
    for name, size in sizes.items():
        if working_set <= size:
            return name
    return "memory" if working_set >= MEMORY * max(sizes.values()) else ""


class Product:
    """The product of two n×n matrices, standard normal, in float32."""

    def __init__(self, n: int):
        """Draw the matrices."""
        self._factors = np.random.default_rng(n).standard_normal((2, n, n), np.float32)
        self._product = np.full((n, n), np.nan, np.float32)
        self.about = {"strategy": "product", "n": n, "block": 0, "precision": "float32"}
        self.about |= {"level": ""}

    def fitting(self, wanted: int) -> int:
        """Any number of products."""
        return wanted

    def amount(self, calls: int) -> int:
        """The FLOP of this many products."""
        return calls * strategies.flop(len(self._product))

    def verify(self, calls: int) -> None:
        """Multiply, and compare with float64; UserError where the product is wrong."""
        self.run(calls)
        check_product(self._product, *self._factors, "NumPy's product")

    def prepare(self) -> None:
        """Nothing."""

    def run(self, calls: int) -> None:
        """Multiply this often."""
        for _ in range(calls):
            np.matmul(*self._factors, out=self._product)

    def wait(self) -> None:
        """Nothing: NumPy has waited."""


class Copy:
    """Copies of one array into another, which both are half of a working set.

    One call makes many: the rows of a view of each array, which begin a cache line after each other
    and overlap.
    """

    def __init__(self, working_set: int, sizes: dict[str, int]):
        """Fill the arrays; `working_set` is in bytes, `sizes` are those of the caches."""
        self._numbers = working_set // (2 * ITEM)
        length = self._numbers + LINE * (WINDOWS - 1)
        self._source = (np.arange(length) % 251).astype(np.float32)
        self._target = np.zeros(length, np.float32)
        self._from, self._to = map(self._windows, (self._source, self._target))
        self.about = {"strategy": "copy", "n": self._numbers, "block": 0, "precision": "float32"}
        self.about |= {"level": level(working_set, sizes)}

    def _windows(self, values: np.ndarray) -> np.ndarray:
        """All that are copied in one call, shape (WINDOWS, numbers)."""
        view = np.lib.stride_tricks.sliding_window_view(values, self._numbers, writeable=True)
        return view[::LINE]

    def fitting(self, wanted: int) -> int:
        """Any number of copies; above those of a call, of whole calls."""
        return wanted if wanted < WINDOWS else wanted // WINDOWS * WINDOWS

    def amount(self, calls: int) -> int:
        """The bytes that this many copies read and write."""
        return calls * 2 * ITEM * self._numbers

    def verify(self, calls: int) -> None:
        """Copy, and compare; UserError where something is left out, or more is written."""
        self._target[:] = -1
        self.run(calls)
        copied = self._numbers + LINE * (min(calls, WINDOWS) - 1)
        right = np.array_equal(self._target[:copied], self._source[:copied])
        if not right or (self._target[copied:] != -1).any():
            raise UserError("NumPy's copy of an array: not timed, because it differs")

    def prepare(self) -> None:
        """Nothing."""

    def run(self, calls: int) -> None:
        """Copy this often."""
        rows = min(calls, WINDOWS)
        source, target = self._from[:rows], self._to[:rows]
        for _ in range(calls // rows):
            np.copyto(target, source)

    def wait(self) -> None:
        """Nothing: NumPy has waited."""
