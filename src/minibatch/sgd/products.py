"""What a framework's matrix products are timed on, and what it copies."""

from types import ModuleType
from typing import NamedTuple

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd import strategies
from minibatch.sgd.precisions import PRECISIONS
from minibatch.sgd.product_checks import Reference

OPERATIONS = strategies.STRATEGIES | strategies.BOUNDS


class Case(NamedTuple):
    """A strategy or bound at a size; `block` is 0 where there are no blocks."""

    strategy: str
    n: int
    block: int
    precision: str

    def __str__(self) -> str:
        """As a message names it."""
        what = {"product": "the largest product", "call": "a call"}.get(self.strategy)
        what = f"{what or self.strategy} at n = {self.n} in {self.precision}"
        return what + (f", blocks of {self.block}" if self.block else "")


class Matrices:
    """Two n×n matrices, standard normal, on a device as a precision stores them.

    All cases of one size and type share them, and the outputs that they write into. A diagonal
    matrix and the two products in float64 are there to check them.
    """

    def __init__(self, framework: ModuleType, n: int, dtype: str, device: str):
        """Copy them to the device; the values are the same in every framework and type."""
        self._framework, self._device, self.dtype = framework, device, dtype
        b, c = np.random.default_rng(n).standard_normal((2, n, n), np.float32)
        self.left, self.right, self.diagonal = (
            framework.array(values, device, dtype) for values in (b, c, np.diag(np.diag(b)))
        )
        b, c, diagonal = map(framework.to_numpy, (self.left, self.right, self.diagonal))
        self.product, self.scaled = Reference(b, c), Reference(np.diag(diagonal), c)
        self.outputs = {}

    def output(self):
        """An n×n output in which nothing is written yet."""
        n = len(self.left)
        values = np.full((n, n), np.nan, np.float32)
        return self._framework.output(values, self._device, self.dtype)


class Product:
    """Products of the matrices of a size by a strategy, or the first part of one."""

    def __init__(self, framework: ModuleType, case: Case, matrices: Matrices):
        """Make nothing yet."""
        self._framework, self._case, self._matrices = framework, case, matrices
        self._shape = case.strategy, case.n, case.block
        self._whole = strategies.whole(*self._shape)
        # what writes nowhere has a result of its own, and leaves the output to the others
        self._where = "alone" if case.strategy == "product" else "written"
        self.about = case._asdict() | {"level": ""}

    def fitting(self, wanted: int) -> int:
        """A rectangle of the product, or whole ones."""
        return strategies.fitting(*self._shape, wanted)

    def amount(self, calls: int) -> int:
        """The FLOP of this many calls."""
        rows, columns = strategies.of_calls(*self._shape, min(calls, self._whole))
        return max(1, calls // self._whole) * 2 * rows * columns * self._case.n

    def verify(self, calls: int) -> None:
        """Compare what a product, or a part of one, gives with float64; UserError if it is wrong.

        Also with a diagonal factor, which shows in what precision its terms are taken.
        """
        matrices, calls = self._matrices, min(calls, self._whole)
        computed = strategies.of_calls(*self._shape, calls)
        for left, reference, more in (
            (matrices.left, matrices.product, ""),
            (matrices.diagonal, matrices.scaled, ", with a diagonal factor"),
        ):
            matrices.outputs[self._where] = matrices.output()
            self.prepare()
            self._multiply(left, calls)
            found = self._framework.to_numpy(matrices.outputs[self._where])
            reference.check(found, f"{self._case}{more}", self._case.precision, computed)

    def prepare(self) -> None:
        """Set the precision of products, which all cases share."""
        self._framework.set_precision(self._case.precision)

    def run(self, calls: int) -> None:
        """Take products one after the other, or the first part of one."""
        for _ in range(max(1, calls // self._whole)):
            self._multiply(self._matrices.left, min(calls, self._whole))

    def wait(self) -> None:
        """Return when the output is computed."""
        self._framework.wait(self._matrices.outputs[self._where])

    def _multiply(self, left, calls: int) -> None:
        """Write into the output that the last call gave: a new one, if it is immutable."""
        outputs, case = self._matrices.outputs, self._case
        outputs[self._where] = OPERATIONS[case.strategy](
            self._framework, outputs[self._where], left, self._matrices.right, case.block, calls
        )


class Copy:
    """Copies of one large array into another on the same device."""

    def __init__(self, framework: ModuleType, numbers: int, device: str):
        """Copy both to the device; their numbers are float32."""
        self._framework, self._numbers = framework, numbers
        self._values = (np.arange(numbers) % 251).astype(np.float32)
        self._source = framework.array(self._values, device)
        self._target = framework.output(np.zeros(numbers, np.float32), device)
        self.about = Case("copy", numbers, 0, "float32")._asdict() | {"level": "memory"}

    def fitting(self, wanted: int) -> int:
        """Any number of copies."""
        return wanted

    def amount(self, calls: int) -> int:
        """The bytes that this many copies read and write."""
        return calls * 2 * 4 * self._numbers

    def verify(self, calls: int) -> None:
        """Copy, and compare; UserError where something is left out."""
        self.run(calls)
        if not np.array_equal(self._framework.to_numpy(self._target), self._values):
            raise UserError("the copy of an array: not timed, because it differs from its source")

    def prepare(self) -> None:
        """Nothing: a copy has no precision."""

    def run(self, calls: int) -> None:
        """Copy this often."""
        for _ in range(calls):
            self._target = self._framework.write(self._target, slice(None), self._source)

    def wait(self) -> None:
        """Return when the last copy is done."""
        self._framework.wait(self._target)


def works(framework: ModuleType, cases: list[Case], device: str) -> list[Product | Copy]:
    """What there is to time in each case."""
    shared, found = {}, []
    for case in map(Case._make, cases):
        if case.strategy == "copy":
            found.append(Copy(framework, case.n, device))
            continue
        place = case.n, PRECISIONS[case.precision].dtype
        if place not in shared:
            shared[place] = Matrices(framework, *place, device)
        found.append(Product(framework, case, shared[place]))
    return found
