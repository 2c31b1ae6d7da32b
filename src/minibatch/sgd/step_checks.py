"""The gate for SGD: steps, parameters and losses that are wrong are not timed, nor kept."""

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd import objective, reference


def check_step(
    before: np.ndarray,
    after: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    learning_rate: float,
    factor: float,
    what: str,
) -> float:
    """The largest error as a share of its bound; UserError unless this was a step of SGD.

    That is after = before − η · factor · ∇(½MSE) on the batch (x, y), to float32 rounding.
    """
    expected, bound = reference.step(x, y, before.astype(float), learning_rate, factor)
    excess = np.abs(after - expected) / bound
    if not excess.max() <= 1:
        raise UserError(
            f"{what}: not timed, because a step is wrong: parameter {np.argmax(excess)} went from "
            f"{before[np.argmax(excess)]:.9g} to {after[np.argmax(excess)]:.9g} instead of "
            f"{expected[np.argmax(excess)]:.9g}"
        )
    return float(excess.max())


def check_parameters(found: np.ndarray, expected: np.ndarray, error: float, what: str) -> float:
    """The distance as a share of `error`, the bound on it; UserError where it is larger."""
    distance = np.linalg.norm(found - expected)
    if not distance <= error:
        raise UserError(
            f"{what}: not timed, because its parameters are {distance:.2g} from those of the "
            f"reference, and rounding explains {error:.2g} at most"
        )
    return float(distance / error)


def check_loss(
    loss: float, x: np.ndarray, y: np.ndarray, parameters: np.ndarray, error: float, what: str
) -> None:
    """Raise UserError unless a loss is that of parameters at most `error` (2-norm) from these.

    The loss is a quadratic, so that it differs by at most ‖∇‖·error + ½·λmax·error². Where the
    bound is not finite, since the run diverged, anything passes.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        expected = objective.loss(x, y, parameters)
        slope = np.linalg.norm(objective.gradient(x, y, parameters))
        bound = slope * error + error**2 / objective.stability_limit(x) + 1e-12 * expected
    if np.isfinite(bound) and not abs(loss - expected) <= bound:
        raise UserError(
            f"{what}: its loss is {loss:.9g} instead of {expected:.9g}, which rounding "
            f"(at most {bound:.2g}) does not explain"
        )
