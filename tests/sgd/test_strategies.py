from collections import Counter
from types import SimpleNamespace

import numpy as np
import pytest

from minibatch.sgd.strategies import STRATEGIES, fitting, flop, intensity, of_calls, whole


def operands(n):
    return np.random.default_rng(n).normal(size=(2, n, n)).astype(np.float32)


def counting(framework):
    """The framework, and a tally of its products by operation and shape of the right operand."""
    calls = Counter()

    def counted(name):
        def call(left, right):
            calls[name, tuple(right.shape)] += 1
            return getattr(framework, name)(left, right)

        return call

    products = {name: counted(name) for name in ("dot", "matvec", "vecmat", "matmul")}
    return SimpleNamespace(**vars(framework) | products), calls


@pytest.mark.parametrize("n", [1, 5, 7, 16])
@pytest.mark.parametrize(
    ("strategy", "block"),
    [
        *[(name, 0) for name in ("element", "column", "row", "full")],
        *[("block", width) for width in (1, 3, 4, 7, 16, 100)],
    ],
)
def test_each_strategy_writes_the_product_into_the_output_it_is_given(pytorch, strategy, block, n):
    b, c = operands(n)
    output = pytorch.array(np.full((n, n), np.nan), "cpu")
    arguments = output, pytorch.array(b, "cpu"), pytorch.array(c, "cpu"), block
    assert STRATEGIES[strategy](pytorch, *arguments) is output
    expected = b.astype(np.float64) @ c.astype(np.float64)
    np.testing.assert_allclose(pytorch.to_numpy(output), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("strategy", "block", "expected"),
    [
        ("element", 0, {("dot", (7,)): 49}),
        ("column", 0, {("matvec", (7,)): 7}),
        ("row", 0, {("vecmat", (7, 7)): 7}),
        ("block", 3, {("matmul", (7, 3)): 2, ("matmul", (7, 1)): 1}),
        ("block", 7, {("matmul", (7, 7)): 1}),
        ("full", 0, {("matmul", (7, 7)): 1}),
    ],
)
def test_a_strategy_does_as_much_in_one_call_as_its_name_says(pytorch, strategy, block, expected):
    framework, calls = counting(pytorch)
    b, c = (pytorch.array(operand, "cpu") for operand in operands(7))
    STRATEGIES[strategy](framework, pytorch.array(np.zeros((7, 7)), "cpu"), b, c, block)
    assert calls == expected


PARTS = [("element", 0), ("column", 0), ("row", 0), ("block", 3), ("block", 7), ("full", 0)]


@pytest.mark.parametrize("calls", [1, 2, 3, 7, 14, 49])
@pytest.mark.parametrize(("strategy", "block"), PARTS)
def test_so_many_calls_compute_a_rectangle_of_the_product_and_leave_the_rest(
    pytorch, strategy, block, calls
):
    framework, counted = counting(pytorch)
    b, c = operands(7)
    output = pytorch.array(np.full((7, 7), np.nan), "cpu")
    arguments = output, pytorch.array(b, "cpu"), pytorch.array(c, "cpu"), block, calls
    found = pytorch.to_numpy(STRATEGIES[strategy](framework, *arguments))
    assert sum(counted.values()) == min(calls, whole(strategy, 7, block))
    rows, columns = of_calls(strategy, 7, block, calls)
    assert np.isfinite(found).sum() == rows * columns
    expected = b.astype(float) @ c.astype(float)
    np.testing.assert_allclose(
        found[:rows, :columns], expected[:rows, :columns], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(("strategy", "block"), PARTS)
def test_all_calls_are_as_many_as_a_product_takes(pytorch, strategy, block):
    framework, counted = counting(pytorch)
    b, c = (pytorch.array(operand, "cpu") for operand in operands(7))
    STRATEGIES[strategy](framework, pytorch.array(np.zeros((7, 7)), "cpu"), b, c, block)
    assert sum(counted.values()) == whole(strategy, 7, block)


@pytest.mark.parametrize(
    ("strategy", "block", "wanted", "found"),
    [
        *[("element", 0, *pair) for pair in ((1, 1), (6, 6), (9, 7), (48, 42), (49, 49), (99, 98))],
        *[("column", 0, *pair) for pair in ((1, 1), (6, 6), (8, 7), (15, 14))],
        *[("row", 0, *pair) for pair in ((1, 1), (6, 6), (8, 7), (15, 14))],
        *[("block", 3, *pair) for pair in ((1, 1), (2, 2), (4, 3), (7, 6))],
        ("full", 0, 5, 5),
    ],
)
def test_calls_that_fit_end_with_a_row_of_elements_or_a_product(strategy, block, wanted, found):
    assert fitting(strategy, 7, block, wanted) == found


def test_a_product_of_the_chapters_size_takes_33_554_432_operations():
    assert flop(256) == 33_554_432


@pytest.mark.parametrize(
    ("strategy", "block", "operations", "numbers"),
    [
        ("element", 0, 2 * 256, 256 + 256 + 1),
        ("column", 0, 2 * 256**2, 256**2 + 256 + 256),
        ("row", 0, 2 * 256**2, 256**2 + 256 + 256),
        ("block", 64, 2 * 256**2 * 64, 256**2 + 256 * 64 + 256 * 64),
        ("block", 1000, 2 * 256**3, 3 * 256**2),
        ("full", 0, 2 * 256**3, 3 * 256**2),
    ],
)
def test_the_intensity_is_operations_per_byte_of_what_a_call_reads_and_writes(
    strategy, block, operations, numbers
):
    assert intensity(strategy, 256, block) == pytest.approx(operations / (4 * numbers))
