import numpy as np
import pytest

from minibatch.sgd import factors, objective

X = np.random.RandomState(0).normal(size=(20, 3))
Y = np.random.RandomState(1).normal(size=20)
THETA = np.array([0.3, -1.0, 0.5, 2.0])


def test_the_objective_is_half_the_mean_squared_error():
    errors = X @ THETA[:3] + THETA[3] - Y
    assert factors.FACTORS["half_mse"] * np.mean(errors**2) == objective.loss(X, Y, THETA)
    assert objective.loss(X, Y, THETA) == pytest.approx(sum(errors**2) / 40)


@pytest.mark.parametrize(("name", "factor"), [("half_mse", 0.5), ("mse", 1)])
def test_the_gradient_of_a_loss_is_its_factor_times_that_of_the_objective(name, factor):
    step = 1e-6 * np.eye(4)
    errors = [[X @ at[:3] + at[3] - Y for at in (THETA + h, THETA - h)] for h in step]
    slopes = [factor * (np.mean(up**2) - np.mean(down**2)) / 2e-6 for up, down in errors]
    np.testing.assert_allclose(
        factors.gradient(name) * objective.gradient(X, Y, THETA), slopes, rtol=1e-6
    )
