import numpy as np
import pytest

from minibatch.problem import Problem
from minibatch.reference import gamma
from minibatch.verification import check_product, check_step

RATE = 0.1


def operands(n):
    return np.random.default_rng(n).normal(size=(2, n, n)).astype(np.float32)


def rounded(values, bits):
    """float32 values with so many bits of mantissa: 10 in TF32, 7 in bfloat16."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent)


@pytest.fixture(scope="module")
def step():
    """Parameters, a batch, and the parameters after a step of ½MSE, all in float32."""
    random = np.random.default_rng(0)
    before = random.normal(size=6).astype(np.float32)
    x, y = random.normal(size=(100, 5)).astype(np.float32), random.normal(size=100)
    y = y.astype(np.float32)
    return before, x, y, descended(before, x, y)


def descended(before, x, y, rate=RATE, factor=1):
    """One step of gradient descent in float32, example by example."""
    slope = np.zeros(6, dtype=np.float32)
    for row, target in zip(x, y, strict=True):
        extended = np.append(row, np.float32(1))
        slope += np.float32(factor) * (extended @ before - target) * extended
    return before - np.float32(rate) * (slope / np.float32(len(y)))


def check(step, after, rate=RATE, factor=1):
    before, x, y, _ = step
    check_step(before, after, x, y, rate, factor, "a step")


def test_the_bound_grows_with_the_terms_of_a_sum():
    assert gamma(1) == pytest.approx(2**-24, rel=1e-6)
    assert gamma(2**20) == pytest.approx(1 / 15)


@pytest.mark.parametrize("n", [1, 7, 64, 256])
def test_a_product_in_float32_passes_in_whatever_order_it_is_summed(n):
    b, c = operands(n)
    check_product(b @ c, b, c, "BLAS")
    summed = np.zeros((n, n), dtype=np.float32)
    for k in range(n):
        summed += np.outer(b[:, k], c[k])
    check_product(summed, b, c, "term by term")


@pytest.mark.parametrize("bits", [7, 10])
@pytest.mark.parametrize("n", [16, 64, 256])
def test_a_product_of_operands_in_reduced_precision_is_refused(n, bits):
    b, c = operands(n)
    with pytest.raises(Problem, match="reduced at n"):
        check_product(rounded(b, bits) @ rounded(c, bits), b, c, "reduced at n")


@pytest.mark.parametrize("wrong", [0.0, np.nan, np.inf])
def test_one_wrong_element_is_named_with_both_values(wrong):
    b, c = np.eye(3, dtype=np.float32), np.full((3, 3), 2, dtype=np.float32)
    a = b @ c
    a[1, 2] = wrong
    with pytest.raises(Problem) as caught:
        check_product(a, b, c, "column at n = 3")
    assert str(caught.value) == (
        "column at n = 3: not timed, because its product is wrong: "
        f"element (1, 2) is {wrong:g} instead of 2"
    )


def test_a_step_in_float32_passes(step):
    check(step, step[3])


@pytest.mark.parametrize("factor", [1, 2])
@pytest.mark.parametrize("rate", [1e-3, 0.1, 1.0])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_step_passes_at_every_batch_size_learning_rate_and_factor(step, size, rate, factor):
    before, x, y, _ = step
    after = descended(before, x[:size], y[:size], rate, factor)
    check_step(before, after, x[:size], y[:size], rate, factor, "a step")


def test_a_step_whose_sum_rounds_always_the_same_way_passes():
    before, x = np.zeros(6, dtype=np.float32), np.full((3000, 5), 0.1, dtype=np.float32)
    y = np.full(3000, 0.1, dtype=np.float32)
    after = descended(before, x, y)
    exact = RATE * np.append(x[0], 1).astype(float) * y[0]
    assert np.abs(after - exact).max() / np.abs(exact).max() > 1e-6
    check_step(before, after, x, y, RATE, 1, "a step")


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"factor": 2}, id="the ½ is missing"),
        pytest.param({"rate": RATE * 1.001}, id="the learning rate is 0.1 % too high"),
        pytest.param({"rate": -RATE}, id="uphill"),
        pytest.param({"rate": 0}, id="no step"),
    ],
)
def test_a_wrong_step_is_refused(step, wrong):
    before, x, y, _ = step
    with pytest.raises(Problem, match="a step: not timed, because a step is wrong: parameter"):
        check(step, descended(before, x, y, **wrong))


def test_a_step_along_another_batch_is_refused(step):
    before, x, y, _ = step
    with pytest.raises(Problem, match="a step is wrong"):
        check(step, descended(before, x[1:], y[1:]))


@pytest.mark.parametrize("index", range(6))
def test_the_one_parameter_that_is_wrong_is_named_with_its_values(step, index):
    before, _, _, after = step
    wrong = after.copy()
    wrong[index] = before[index]
    with pytest.raises(Problem) as caught:
        check(step, wrong)
    said = str(caught.value)
    assert f"parameter {index} went from {before[index]:.9g} to {before[index]:.9g}" in said
    assert float(said.rpartition(" ")[2]) == pytest.approx(after[index], rel=1e-5)


def test_a_step_to_nowhere_is_refused(step):
    with pytest.raises(Problem, match="a step is wrong"):
        check(step, np.full(6, np.nan, dtype=np.float32))
