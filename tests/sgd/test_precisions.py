"""What rounding explains in each precision, and what it does not."""

import numpy as np
import pytest
import torch

from minibatch.errors import UserError
from minibatch.sgd import product_checks
from minibatch.sgd.precisions import PRECISIONS
from minibatch.sgd.product_checks import check_product
from minibatch.sgd.strategies import intensity

LARGE, WHOLE = 321, 320
MIDDLE = 160  # neither row nor column of the sample


def operands(n):
    return np.random.default_rng(n).normal(size=(2, n, n)).astype(np.float32)


def cut(values):
    """float32 as TF32 takes it where it cuts off: without its low 13 bits."""
    return (values.view(np.uint32) & np.uint32(0xFFFFE000)).view(np.float32)


def nearest(values):
    """float32 as TF32 takes it where it rounds to the nearest."""
    return cut((values.view(np.uint32) + np.uint32(0x1000)).view(np.float32))


def bfloat16(values):
    """The nearest bfloat16, as float32."""
    return torch.tensor(values).bfloat16().float().numpy()


def test_the_precisions_are_as_their_formats_say():
    for name, kind in PRECISIONS.items():
        stored = torch.finfo(getattr(torch, kind.dtype))
        assert kind.itemsize == stored.bits // 8
        assert kind.result in (0, stored.eps / 2)
        assert kind.sums in (2**-24, 2**-23), name
    assert PRECISIONS["float32"].sums == torch.finfo(torch.float32).eps / 2
    values = operands(256)[0]
    lost = np.abs(cut(values) / values.astype(float) - 1).max()
    assert 0.9 * PRECISIONS["tf32"].factors < lost <= PRECISIONS["tf32"].factors


@pytest.mark.parametrize("taken", [cut, nearest])
@pytest.mark.parametrize("n", [64, 256])
def test_a_product_of_factors_in_tf32_passes_as_such_and_not_as_float32(n, taken):
    b, c = operands(n)
    product = taken(b) @ taken(c)
    assert 0 < check_product(product, b, c, "", "tf32") < 1
    with pytest.raises(UserError, match="its product is wrong"):
        check_product(product, b, c, "", "float32")


@pytest.mark.parametrize("n", [1, 2, 7, 64, 256])
def test_a_product_in_float32_is_within_the_bounds_of_tf32(n):
    b, c = operands(n)
    check_product(b @ c, b, c, "", "tf32")


@pytest.mark.parametrize("precision", ["float32", "tf32"])
def test_a_single_product_of_factors_that_lost_more_bits_than_tf32_takes_is_refused(precision):
    """Each element is one product, so that the errors of several terms cannot even out."""
    b, c = operands(64)
    b = np.diag(b[0])
    check_product(cut(b) @ cut(c), b, c, "", "tf32")
    with pytest.raises(UserError, match="its product is wrong"):
        check_product(bfloat16(b) @ bfloat16(c), b, c, "", precision)


@pytest.mark.parametrize("n", [1, 7, 64, 256])
def test_a_product_that_is_rounded_to_bfloat16_passes_as_such_and_not_as_float32(n):
    b, c = map(bfloat16, operands(n))
    product = bfloat16(b @ c)
    assert check_product(product, b, c, "", "bfloat16") < 1
    with pytest.raises(UserError, match="its product is wrong"):
        check_product(product, b, c, "", "float32")


@pytest.mark.parametrize("n", [64, 256])
def test_sums_that_are_kept_in_bfloat16_are_refused(n):
    b, c = map(bfloat16, operands(n))
    sums = np.zeros((n, n), np.float32)
    for k in range(n):
        sums = bfloat16(sums + np.outer(b[:, k], c[k]))
    with pytest.raises(UserError, match="its product is wrong"):
        check_product(sums, b, c, "", "bfloat16")


@pytest.mark.parametrize(("precision", "bits"), [("tf32", 10), ("bfloat16", 8)])
def test_an_element_that_is_off_by_more_than_its_roundings_is_refused(precision, bits):
    b, c = map(bfloat16, operands(64))
    b = np.diag(b[0])
    product = (b @ c) * np.float32(1 + 2.0 ** -(bits - 2))
    with pytest.raises(UserError, match="its product is wrong"):
        check_product(product, b, c, "", precision)


def test_a_result_is_rounded_as_a_result_and_not_as_its_terms_which_cancel():
    b, c = map(bfloat16, operands(256))
    exact, terms = b.astype(float) @ c.astype(float), np.abs(b) @ np.abs(c).astype(float)
    i, j = np.unravel_index(np.argmin(np.abs(exact)), exact.shape)
    product = bfloat16(b @ c)
    product[i, j] += 2.0**-9 * terms[i, j]
    with pytest.raises(UserError, match=rf"element \({i}, {j}\) is "):
        check_product(product, b, c, "", "bfloat16")


@pytest.mark.parametrize("precision", ["float32", "tf32", "bfloat16"])
@pytest.mark.parametrize("strategy", ["column", "block", "full"])
def test_an_element_of_half_the_bytes_is_twice_the_operations_per_byte(strategy, precision):
    half = 2 if precision == "bfloat16" else 1
    expected = half * intensity(strategy, 256, 64)
    assert intensity(strategy, 256, 64, precision) == pytest.approx(expected)


# Products of which a sample is compared.


@pytest.fixture
def large(monkeypatch):
    """A product that counts as large, though it is small enough for many tests."""
    monkeypatch.setattr(product_checks, "WHOLE", WHOLE)
    b, c = operands(LARGE)
    return b @ c, b, c


def refused(large, index, value):
    a, b, c = large
    kept = a[index].copy()
    a[index] = value
    try:
        with pytest.raises(UserError) as caught:
            check_product(a, b, c, "a product")
    finally:
        a[index] = kept
    return str(caught.value)


def test_a_large_product_that_is_right_passes(large):
    assert 0 < check_product(*large, "a product") < 1


EDGES = [(-1, MIDDLE), (MIDDLE, -1), (0, MIDDLE), (MIDDLE, 0), (-1, -1), (0, 0)]


@pytest.mark.parametrize("index", EDGES)
def test_a_wrong_element_at_the_edge_of_a_large_product_is_named(large, index):
    row, column = (place % LARGE for place in index)
    said = refused(large, index, 0)
    assert f"its product is wrong: element ({row}, {column}) is 0 instead of " in said
    expected = large[1][row].astype(float) @ large[2][:, column].astype(float)
    assert float(said.rpartition(" ")[2]) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("place", [1, 40, MIDDLE, LARGE - 2])
@pytest.mark.parametrize("line", ["row", "column", "two columns swapped"])
def test_a_wrong_row_or_column_anywhere_in_a_large_product_is_refused(large, place, line):
    if line == "two columns swapped":
        index = (slice(None), [place, place - 1])
        value = large[0][:, [place - 1, place]]
    else:
        index = (place, slice(None)) if line == "row" else (slice(None), place)
        value = 0
    assert "its product is wrong" in refused(large, index, value)


@pytest.mark.parametrize("index", EDGES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_element_at_the_edge_that_is_no_number_is_refused(large, index, value):
    assert refused(large, index, value).startswith("a product: not timed, because ")


def test_the_last_element_of_a_product_that_takes_long_is_compared():
    b, c = operands(product_checks.WHOLE + 1)
    last = product_checks.WHOLE
    said = refused((b @ c, b, c), (last, last), 0)
    assert f"element ({last}, {last}) is 0 instead of " in said


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("index", [(MIDDLE, MIDDLE), (1, 1), (LARGE - 2, 3)])
def test_an_element_of_a_large_product_that_was_not_written_is_refused(large, index, value):
    said = refused(large, index, value)
    assert said == "a product: not timed, because elements of its product are not finite"


def test_the_sample_is_spread_evenly_over_rows_and_columns(large):
    """So that no block of columns, however far from the edge, is left out."""
    width = LARGE // (product_checks.SAMPLE - 1)
    for begin in range(0, LARGE - width - 1, width):
        index = (MIDDLE, slice(begin, begin + width + 1))
        assert "its product is wrong" in refused(large, index, 0)


@pytest.mark.parametrize("n", [63, 64])
def test_every_element_is_compared_up_to_the_size_from_which_a_sample_is(monkeypatch, n):
    monkeypatch.setattr(product_checks, "WHOLE", 64)
    b, c = operands(n)
    assert "element (5, 7) is 0" in refused((b @ c, b, c), (5, 7), 0)
