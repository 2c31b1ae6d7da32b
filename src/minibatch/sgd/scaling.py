"""Bringing the columns of the dataset to one scale."""

import numpy as np

METHODS = ("standardize", "whiten")


def scale(table: np.ndarray, method: str) -> np.ndarray:
    """Scale a table whose last column is the target; same shape, float64.

    "standardize" gives every column mean 0 and (population) standard deviation 1, which the
    chapter calls whitening. "whiten" goes on to give the features the identity as covariance, by
    the rotation-free (ZCA) transform of Bell and Sejnowski (1997).
    """
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    if method == "whiten":
        features = scaled[:, :-1]
        variances, axes = np.linalg.eigh(features.T @ features / len(features))
        scaled[:, :-1] = features @ (axes / np.sqrt(variances)) @ axes.T
    return scaled
