"""The precisions of a matrix product: how its factors are stored and taken, and its sums kept.

Unit roundoffs are 2^-24 for float32, 2^-11 for TF32 and 2^-8 for bfloat16. A tensor core may cut
off where others round, which doubles them (Fasi, Higham, Mikaitis and Pranesh, Numerical behavior
of NVIDIA tensor cores, 2021).
"""

from typing import NamedTuple


class Precision(NamedTuple):
    """How far a product in this precision may be from the exact one of the factors as stored."""

    dtype: str  # of the factors and of the result, as stored
    itemsize: int  # bytes of an element
    factors: float  # relative error with which the factors are taken
    sums: float  # with which each term is added up
    result: float  # with which the result is stored


PRECISIONS = {
    "float32": Precision("float32", 4, factors=0, sums=2**-24, result=0),
    "tf32": Precision("float32", 4, factors=2**-10, sums=2**-23, result=0),
    "bfloat16": Precision("bfloat16", 2, factors=0, sums=2**-23, result=2**-8),
}
