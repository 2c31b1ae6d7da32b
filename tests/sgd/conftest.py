import numpy as np
import pytest


@pytest.fixture(scope="module")
def small():
    """42 examples with two features."""
    random = np.random.default_rng(5)
    x = random.normal(size=(42, 2)) * [1, 0.4]
    return x, x @ [1, -2] + 0.5 + 0.5 * random.normal(size=42)
