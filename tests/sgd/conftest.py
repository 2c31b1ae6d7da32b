from types import SimpleNamespace

import numpy as np
import pytest

from watching import EXAMPLES, Compiled, Model, loader


@pytest.fixture(scope="module")
def small():
    """42 examples with two features."""
    random = np.random.default_rng(5)
    x = random.normal(size=(42, 2)) * [1, 0.4]
    return x, x @ [1, -2] + 0.5 + 0.5 * random.normal(size=42)


@pytest.fixture
def data():
    """Examples with three features, float32."""
    random = np.random.default_rng(0)
    return random.standard_normal((EXAMPLES, 3), np.float32), random.standard_normal(
        EXAMPLES, np.float32
    )


@pytest.fixture
def framework():
    """Loops and clocks alone are under test, on models that keep a diary."""
    return SimpleNamespace(
        array=lambda values, device: values.copy(),  # noqa: ARG005
        wait=lambda *arrays: None,  # noqa: ARG005
        ASYNCHRONOUS={"cuda"},
        LOADERS={"framework": loader, "direct": loader},
        IMPLEMENTATIONS={"scratch": Model, "concise": Model, "compiled": Compiled},
    )
