"""The table of examples, whose last column is the target."""

import numpy as np


def split(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features, shape (n, d), and targets, shape (n,): views, laid out as the table is."""
    return table[:, :-1], table[:, -1]
