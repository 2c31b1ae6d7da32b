import numpy as np
import pytest

from minibatch.sgd import objective


@pytest.fixture(scope="module")
def problem():
    random = np.random.default_rng(0)
    return random.normal(size=(40, 5)), random.normal(size=40)


def differences(function, point, width):
    """Central differences of a function along each axis."""
    steps = width * np.eye(len(point))
    return np.array([(function(point + s) - function(point - s)) / (2 * width) for s in steps])


def test_the_loss_is_half_the_mean_squared_error_of_a_model_whose_bias_comes_last():
    x, y = np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([4.0, 6.0])
    # predictions 2 + 10 and 2 · 3 + 10
    assert objective.loss(x, y, np.array([2.0, 3.0, 10.0])) == (8**2 + 10**2) / 2 / 2


def test_the_loss_of_float32_data_is_computed_in_float64(problem):
    x, y = (part.astype(np.float32) for part in problem)
    parameters = np.full(6, 0.3, dtype=np.float32)
    errors = [
        sum(float(a) * float(w) for a, w in zip(row, parameters, strict=False))
        + float(parameters[5])
        - float(target)
        for row, target in zip(x, y, strict=True)
    ]
    expected = sum(error**2 for error in errors) / 2 / len(errors)
    assert objective.loss(x, y, parameters) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("value", [1e200, np.inf, -np.inf, np.nan])
def test_the_loss_of_diverged_parameters_is_not_finite_and_warns_of_nothing(problem, value):
    assert not np.isfinite(objective.loss(*problem, np.full(6, value)))


@pytest.mark.parametrize("seed", range(3))
def test_the_gradient_is_the_slope_of_the_loss(problem, seed):
    point = np.random.default_rng(seed).normal(size=6)
    slopes = differences(lambda p: objective.loss(*problem, p), point, 1e-4)
    np.testing.assert_allclose(objective.gradient(*problem, point), slopes, rtol=1e-8, atol=1e-9)


def test_the_hessian_is_the_slope_of_the_gradient(problem):
    slopes = differences(lambda p: objective.gradient(*problem, p), np.ones(6), 1e-2)
    np.testing.assert_allclose(objective.hessian(problem[0]), slopes, atol=1e-10)


def test_float32_data_have_the_hessian_and_the_gradient_of_the_same_data_in_float64(problem):
    x, y = (part.astype(np.float32) for part in problem)
    exact = x.astype(np.float64), y.astype(np.float64)
    point = np.full(6, 0.3)
    np.testing.assert_allclose(objective.hessian(x), objective.hessian(exact[0]), rtol=1e-13)
    np.testing.assert_allclose(
        objective.gradient(x, y, point), objective.gradient(*exact, point), rtol=1e-13
    )


def test_the_optimum_has_no_slope_and_the_loss_rises_from_it_in_every_direction(problem):
    optimum = objective.optimum(*problem)
    floor = objective.loss(*problem, optimum)
    slopes = differences(lambda p: objective.loss(*problem, p), optimum, 1e-4)
    np.testing.assert_allclose(slopes, 0, atol=1e-9)
    for step in 0.01 * np.vstack([np.eye(6), -np.eye(6)]):
        assert objective.loss(*problem, optimum + step) > floor


def test_descent_follows_the_closed_form(problem):
    x, y = problem
    augmented = np.column_stack([x, np.ones(40)])
    point = np.arange(6.0)
    path = objective.descend(x, y, point, learning_rate=0.3, steps=5)
    assert path.shape == (6, 6)
    for row in path:
        np.testing.assert_allclose(row, point, rtol=1e-12)
        errors = augmented @ point - y
        point = point - 0.3 * sum(e * a for e, a in zip(errors, augmented, strict=True)) / 40


def test_the_least_squares_floor_is_the_published_one(standardised):
    floor = objective.loss(*standardised, objective.optimum(*standardised))
    assert floor == pytest.approx(0.241688, abs=5e-7)


def test_the_curvature_and_the_stability_limit_are_the_published_ones(standardised):
    largest = np.linalg.norm(objective.hessian(standardised[0]), ord=2)
    assert largest == pytest.approx(2.0985, abs=5e-5)
    assert objective.stability_limit(standardised[0]) == pytest.approx(0.9531, abs=5e-5)


@pytest.mark.parametrize(("factor", "converges"), [(0.99, True), (1.01, False)])
def test_descent_converges_just_below_the_stability_limit_and_not_above(
    standardised, factor, converges
):
    rate = factor * objective.stability_limit(standardised[0])
    path = objective.descend(*standardised, np.zeros(6), rate, steps=1000)
    assert (objective.loss(*standardised, path[-1]) < 0.2417) == converges


@pytest.mark.parametrize(
    ("step", "loss", "digit"),
    [(6, 0.24508, 5e-6), (10, 0.24699, 5e-6), (20, 0.27497, 5e-6), (50, 9.57, 5e-3)],
)
def test_descent_at_learning_rate_1_passes_through_the_published_losses(
    standardised, step, loss, digit
):
    path = objective.descend(*standardised, np.zeros(6), learning_rate=1.0, steps=50)
    assert objective.loss(*standardised, path[step]) == pytest.approx(loss, abs=digit)
