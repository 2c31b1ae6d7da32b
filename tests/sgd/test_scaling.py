import numpy as np
import pytest

from minibatch.sgd.scaling import METHODS, scale

RAW = np.array([[1.0, 10.0], [3.0, 10.0], [5.0, 40.0]])


def test_each_column_is_standardised_by_its_mean_and_population_deviation():
    first, second = np.sqrt(8 / 3), np.sqrt(200)
    expected = [[-2 / first, -10 / second], [0, -10 / second], [2 / first, 20 / second]]
    np.testing.assert_allclose(scale(RAW, "standardize"), expected, rtol=1e-14)


def test_whitening_gives_the_features_the_identity_as_covariance_over_all_rows(table):
    whitened = scale(table, "whiten")
    assert len(whitened) == 1503
    features = whitened[:, :5]
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(features.T @ features / 1503, np.eye(5), atol=1e-12)


def test_whitening_leaves_the_target_standardised(table):
    target = scale(table, "whiten")[:, 5]
    np.testing.assert_array_equal(target, scale(table, "standardize")[:, 5])


def test_whitening_turns_no_feature_into_another(table):
    # the transform that is symmetric and positive: of all whitenings the nearest to the data
    standardised = scale(table, "standardize")[:, :5]
    transform = np.linalg.lstsq(standardised, scale(table, "whiten")[:, :5], rcond=None)[0]
    np.testing.assert_allclose(transform, transform.T, atol=1e-10)
    assert np.linalg.eigvalsh(transform).min() > 0


@pytest.mark.parametrize("method", METHODS)
def test_the_raw_table_stays_as_it_is(table, method):
    before = table.copy()
    scale(table, method)
    np.testing.assert_array_equal(table, before)
