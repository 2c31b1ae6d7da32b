import numpy as np
import pytest

from minibatch.errors import UserError
from minibatch.sgd import reference
from minibatch.sgd.product_checks import Reference, check_product
from minibatch.sgd.reference import gamma
from minibatch.sgd.step_checks import check_loss, check_parameters, check_step

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
    with pytest.raises(UserError, match="reduced at n"):
        check_product(rounded(b, bits) @ rounded(c, bits), b, c, "reduced at n")


@pytest.mark.parametrize("bits", [7, 10])
@pytest.mark.parametrize("n", [16, 2048])
def test_with_a_diagonal_factor_reduced_precision_is_refused_at_any_n(n, bits):
    diagonal, c = np.diag(operands(n)[0]), operands(n)[1]
    reference = Reference(diagonal, c)
    exact = diagonal.astype(float)[:, None] * c
    assert 0 < reference.check(exact.astype(np.float32), "float32") <= 1
    reduced = rounded(diagonal, bits)[:, None] * rounded(c, bits)
    with pytest.raises(UserError, match="reduced at n"):
        reference.check(reduced, "reduced at n")


def test_without_one_tf32_passes_at_a_large_n():
    b, c = operands(2048)
    assert check_product(rounded(b, 10) @ rounded(c, 10), b, c, "TF32") < 1


@pytest.mark.parametrize("n", [20, 600])
@pytest.mark.parametrize("computed", [(1, 7), (1, None), (5, None), (None, 3), (None, None)])
def test_of_a_part_all_that_is_computed_is_looked_at_and_nothing_else(n, computed):
    b, c = operands(n)
    rows, columns = (n if count is None else count for count in computed)
    a = np.full((n, n), np.nan, np.float32)
    a[:rows, :columns] = (b @ c)[:rows, :columns]
    reference = Reference(b, c)
    assert 0 < reference.check(a, "a part", "float32", computed) < 1
    for row, column in {(0, 0), (rows - 1, columns - 1), (0, columns - 1), (rows - 1, 0)}:
        wrong = a.copy()
        wrong[row, column] += 0.1
        with pytest.raises(UserError, match=rf"element \({row}, {column}\)"):
            reference.check(wrong, "a part", "float32", computed)
        wrong[row, column] = np.nan
        with pytest.raises(UserError, match="a part: not timed"):
            reference.check(wrong, "a part", "float32", computed)


@pytest.mark.parametrize("wrong", [0.0, np.nan, np.inf])
def test_one_wrong_element_is_named_with_both_values(wrong):
    b, c = np.eye(3, dtype=np.float32), np.full((3, 3), 2, dtype=np.float32)
    a = b @ c
    a[1, 2] = wrong
    with pytest.raises(UserError) as caught:
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
    with pytest.raises(UserError, match="a step: not timed, because a step is wrong: parameter"):
        check(step, descended(before, x, y, **wrong))


def test_a_step_along_another_batch_is_refused(step):
    before, x, y, _ = step
    with pytest.raises(UserError, match="a step is wrong"):
        check(step, descended(before, x[1:], y[1:]))


@pytest.mark.parametrize("index", range(6))
def test_the_one_parameter_that_is_wrong_is_named_with_its_values(step, index):
    before, _, _, after = step
    wrong = after.copy()
    wrong[index] = before[index]
    with pytest.raises(UserError) as caught:
        check(step, wrong)
    said = str(caught.value)
    assert f"parameter {index} went from {before[index]:.9g} to {before[index]:.9g}" in said
    assert float(said.rpartition(" ")[2]) == pytest.approx(after[index], rel=1e-5)


def test_a_step_to_nowhere_is_refused(step):
    with pytest.raises(UserError, match="a step is wrong"):
        check(step, np.full(6, np.nan, dtype=np.float32))


def test_what_passes_says_how_much_of_the_bound_it_takes(step):
    before, x, y, after = step
    b, c = operands(16)
    assert 0 < check_product(b @ c, b, c, "a product") < 0.5
    assert 0 < check_step(before, after, x, y, RATE, 1, "a step") < 0.5
    expected = b.astype(float) @ c.astype(float)
    assert check_product(expected, b, c, "a product") == 0
    bound = gamma(16) * (np.abs(b.astype(float)) @ np.abs(c.astype(float)))
    assert check_product(expected - 0.75 * bound, b, c, "a product") == pytest.approx(0.75)


@pytest.mark.parametrize("index", range(6))
def test_parameters_pass_up_to_the_bound_on_their_distance_and_no_further(index):
    expected = np.linspace(-1, 1, 6)
    shift = np.eye(6)[index]
    found = expected + 0.999e-3 * shift
    assert check_parameters(found, expected, 1e-3, "a run") == pytest.approx(0.999)
    with pytest.raises(UserError) as caught:
        check_parameters(expected + 1.5e-3 * shift, expected, 1e-3, "a run")
    assert str(caught.value) == (
        "a run: not timed, because its parameters are 0.0015 from those of the reference, and "
        "rounding explains 0.001 at most"
    )


def test_the_distance_of_parameters_is_that_of_all_together():
    check_parameters(np.full(4, 0.9e-3), np.zeros(4), 2e-3, "a run")
    with pytest.raises(UserError):
        check_parameters(np.full(4, 1.1e-3), np.zeros(4), 2e-3, "a run")


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("error", [1e-3, np.nan])
def test_parameters_that_are_no_numbers_are_refused(value, error):
    with pytest.raises(UserError, match="a run: not timed, because its parameters are"):
        check_parameters(np.array([0, value]), np.zeros(2), error, "a run")


def test_parameters_without_a_bound_are_refused():
    with pytest.raises(UserError):
        check_parameters(np.zeros(2), np.zeros(2), np.nan, "a run")


def half_mse(x, y, parameters):
    """The loss by a plain sum in float64."""
    errors = x.astype(float) @ parameters[:5] + parameters[5] - y.astype(float)
    return float(np.sum(errors**2) / len(y) / 2)


@pytest.fixture(scope="module")
def curvature(step):
    """The Hessian of the loss."""
    _, x, _, _ = step
    extended = np.column_stack([x, np.ones(len(x))]).astype(float)
    return extended.T @ extended / len(x)


@pytest.mark.parametrize("error", [1e-6, 1e-3, 1.0])
def test_the_loss_of_any_parameters_within_the_error_passes(step, curvature, error):
    before, x, y, _ = step
    parameters = before.astype(float)
    directions = [*np.random.default_rng(0).normal(size=(50, 6)), *np.linalg.eigh(curvature)[1].T]
    for direction in directions:
        for sign in (-1, 1):
            other = parameters + sign * error * direction / np.linalg.norm(direction)
            check_loss(half_mse(x, y, other), x, y, parameters, error, "a run")


@pytest.mark.parametrize("error", [1e-6, 1e-3])
def test_the_loss_of_parameters_beyond_the_error_in_the_steepest_direction_is_refused(
    step, curvature, error
):
    before, x, y, _ = step
    parameters = before.astype(float)
    optimum = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    slope = curvature @ (parameters - optimum)
    other = parameters + 1.05 * error * slope / np.linalg.norm(slope)
    with pytest.raises(UserError, match=r"^a run: its loss is .* instead of .*, which rounding"):
        check_loss(half_mse(x, y, other), x, y, parameters, error, "a run")


def test_at_the_optimum_where_there_is_no_slope_the_curvature_bounds_the_loss(step, curvature):
    _, x, y, _ = step
    optimum = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)[0]
    optimum = optimum.astype(float)
    steepest = np.linalg.eigh(curvature)[1][:, -1]
    check_loss(half_mse(x, y, optimum + steepest), x, y, optimum, 1.0, "a run")
    with pytest.raises(UserError):
        check_loss(half_mse(x, y, optimum + 1.02 * steepest), x, y, optimum, 1.0, "a run")


@pytest.mark.parametrize("wrong", [1.001, 0.999])
def test_a_loss_that_is_slightly_off_is_refused_with_both_values(step, wrong):
    before, x, y, _ = step
    loss = half_mse(x, y, before.astype(float))
    check_loss(loss, x, y, before, 1e-6, "a run")
    with pytest.raises(UserError) as caught:
        check_loss(wrong * loss, x, y, before, 1e-6, "a run")
    said = str(caught.value)
    assert said.startswith(f"a run: its loss is {wrong * loss:.9g} instead of {loss:.9g}, which")
    assert "\n" not in said


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_loss_that_is_no_number_is_refused_where_the_reference_has_one(step, wrong):
    before, x, y, _ = step
    with pytest.raises(UserError):
        check_loss(wrong, x, y, before, 1e-3, "a run")


@pytest.mark.parametrize("loss", [np.nan, np.inf, 1e300, 1.0])
@pytest.mark.parametrize(
    ("scale", "error"), [(1e200, 1e-3), (np.inf, 1e-3), (np.nan, 1.0), (1, np.inf), (1, np.nan)]
)
def test_where_the_reference_diverged_any_loss_passes_without_a_warning(step, loss, scale, error):
    before, x, y, _ = step
    check_loss(loss, x, y, scale * np.ones_like(before, dtype=float), error, "a run")


def test_a_step_passes_up_to_its_bound_and_not_beyond_it_in_any_parameter(step):
    before, x, y, _ = step
    expected, bound = reference.step(x, y, before.astype(float), RATE, 1)
    share = check_step(before, expected + 0.75 * bound, x, y, RATE, 1, "a step")
    assert share == pytest.approx(0.75)
    for parameter in range(len(before)):
        after = expected.copy()
        after[parameter] += 1.5 * bound[parameter]
        with pytest.raises(UserError, match=rf"a step is wrong: parameter {parameter} went"):
            check_step(before, after, x, y, RATE, 1, "a step")
