"""The objective of every run, half the mean squared error of a linear model, in float64 NumPy.

The parameters are one vector θ = (w₁, …, w_d, b), the bias last. With X̃ = [X 1] the loss is
½‖X̃θ − y‖²/n: a quadratic with Hessian H = X̃ᵀX̃/n, so that gradient descent has a closed form and
a learning rate above 2/λmax(H) diverges.
"""

import numpy as np

from minibatch.sgd.factors import FACTORS

# Singular values of the examples below this share of the largest are those of float32's rounding:
# columns that depend on each other do so but for that.
RANK = 1e-6


def loss(x: np.ndarray, y: np.ndarray, parameters: np.ndarray) -> float:
    """½ · mean squared error over all examples; infinite or NaN where the parameters are."""
    with np.errstate(over="ignore", invalid="ignore"):
        errors = with_ones(x) @ np.float64(parameters) - y
        return float(FACTORS["half_mse"] * np.mean(errors**2))


def gradient(x: np.ndarray, y: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Gradient of `loss`, shape (d + 1,)."""
    augmented = with_ones(x)
    return augmented.T @ (augmented @ np.float64(parameters) - y) / len(y)


def hessian(x: np.ndarray) -> np.ndarray:
    """Hessian of `loss`, shape (d + 1, d + 1); constant, since the loss is quadratic."""
    augmented = with_ones(x)
    return augmented.T @ augmented / len(x)


def stability_limit(x: np.ndarray) -> float:
    """2/λmax(H): the learning rate above which full-batch gradient descent diverges."""
    return float(2 / np.linalg.eigvalsh(hessian(x))[-1])


def optimum(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The least-squares parameters; their loss is the floor under every run.

    Where columns depend on each other they are not the only ones, but those of least norm.
    """
    return np.linalg.lstsq(with_ones(x), np.float64(y), rcond=RANK)[0]


def descend(
    x: np.ndarray, y: np.ndarray, start: np.ndarray, learning_rate: float, steps: int
) -> np.ndarray:
    """Full-batch gradient descent, θ ← θ − η(Hθ − c) with c = X̃ᵀy/n; shape (steps + 1, d + 1)."""
    h, c = hessian(x), with_ones(x).T @ y / len(y)
    path = [np.float64(start)]
    for _ in range(steps):
        path.append(path[-1] - learning_rate * (h @ path[-1] - c))
    return np.array(path)


def with_ones(x: np.ndarray) -> np.ndarray:
    """X̃ = [X 1] in float64."""
    return np.column_stack([np.float64(x), np.ones(len(x))])
