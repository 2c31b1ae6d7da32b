import numpy as np
import pytest

from minibatch.sgd import objective, surrogate
from minibatch.sgd.scaling import METHODS, scale


def test_the_surrogate_has_the_shape_of_the_dataset_and_is_the_same_each_time():
    table = surrogate.table()
    assert table.shape == (1503, 6)
    np.testing.assert_array_equal(table, surrogate.table())


def test_another_seed_gives_other_rows_with_the_same_second_moments():
    one, other = surrogate.table(seed=0)[:1500], surrogate.table(seed=1)[:1500]
    assert np.abs(one - other).max() > 1
    np.testing.assert_allclose(one.mean(axis=0), other.mean(axis=0), atol=1e-13)
    np.testing.assert_allclose(one.T @ one, other.T @ other, atol=1e-9)


def test_it_is_standardised_already():
    table = surrogate.table()
    np.testing.assert_allclose(table.mean(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose(table.std(axis=0), 1, rtol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_the_rows_to_train_on_have_the_means_and_second_moments_of_the_real_ones(real, method):
    expected, found = scale(real, method)[:1500], scale(surrogate.table(), method)[:1500]
    np.testing.assert_allclose(found.mean(axis=0), expected.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(found.T @ found / 1500, expected.T @ expected / 1500, atol=1e-12)


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_surface_and_the_path_of_full_batch_descent_are_the_real_ones(real, method):
    tables = [scale(table, method)[:1500] for table in (real, surrogate.table())]
    (x, y), (u, v) = [(table[:, :5], table[:, 5]) for table in tables]
    np.testing.assert_allclose(objective.hessian(u), objective.hessian(x), atol=1e-12)
    np.testing.assert_allclose(objective.optimum(u, v), objective.optimum(x, y), atol=1e-11)
    paths = [objective.descend(*data, np.ones(6), 0.9, steps=20) for data in ((x, y), (u, v))]
    np.testing.assert_allclose(paths[1], paths[0], atol=1e-11)
    for here, there in zip(*paths, strict=True):
        assert objective.loss(u, v, there) == pytest.approx(objective.loss(x, y, here), rel=1e-11)


def test_it_is_not_the_real_data(real):
    expected = scale(real, "standardize")[:1500]
    found = surrogate.table()[:1500]
    skewness = (found**3).mean(axis=0), (expected**3).mean(axis=0)
    # the first feature is skewed by 2.1 and the fifth by 1.6; a Gaussian's are not
    assert np.abs(skewness[0][[0, 4]]).max() < 0.2
    assert np.abs(skewness[1][[0, 4]]).min() > 1.5


def test_the_constants_are_those_of_the_real_data(real):
    scaled = (real - real.mean(axis=0)) / real.std(axis=0)
    augmented = np.column_stack([np.ones(1500), scaled[:1500]])
    factor = surrogate.FACTOR
    np.testing.assert_array_equal(np.tril(factor, -1), 0)
    np.testing.assert_allclose(factor.T @ factor, augmented.T @ augmented / 1500, atol=1e-13)
    np.testing.assert_allclose(surrogate.REST, scaled[1500:], rtol=1e-13)


def test_factorise_makes_the_constants_from_the_real_data(real):
    factor, rest = surrogate.factorise(real)
    np.testing.assert_allclose(factor, surrogate.FACTOR, atol=1e-13)
    np.testing.assert_allclose(rest, surrogate.REST, rtol=1e-13)
