"""SGD as plain NumPy in float64, with a bound on how far float32 arithmetic may stray from it.

A step of size η on a batch of b examples maps θ to (I − ηH)θ + ηc, with H the batch's Hessian. So
an error e in θ becomes at most ‖I − ηH‖₂·e, and the step's own rounding is added to it: γ(k) of
the magnitudes of all k terms that are summed (Higham, Accuracy and Stability of Numerical
Algorithms, 2002, sections 3.1 and 3.3). The bound allows any order of summation.
"""

from collections.abc import Iterator

import numpy as np

from minibatch.sgd import objective

UNIT_ROUNDOFF = 2.0**-24
OVERFLOW = 1e30  # parameters from which on sums of products may leave the range of float32


def gamma(terms: int, unit: float = UNIT_ROUNDOFF) -> float:
    """γ(terms), the relative error bound of a sum of this many products; in float32 by default."""
    return terms * unit / (1 - terms * unit)


def step(
    x: np.ndarray, y: np.ndarray, before: np.ndarray, learning_rate: float, factor: float
) -> tuple[np.ndarray, np.ndarray]:
    """The parameters after before − η · factor · ∇(½MSE) on the batch, and their float32 error.

    The bound allows for rounding in the residuals, in their weighted mean and in the update.
    """
    return _step(objective.with_ones(x), y.astype(float), before, learning_rate * factor)


def follow(
    x: np.ndarray,
    y: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    batch_size: int,
    learning_rate: float,
    *,
    factor: float = 1,
    error: float = 0.0,
) -> Iterator[tuple[np.ndarray, float]]:
    """After each step of one epoch: θ, shape (d + 1,), and the bound on the 2-norm of its error.

    `error` is the bound at the start of the epoch, infinite once a run that diverges may have left
    the range of float32; `factor` is 2 where the loss has no ½.
    """
    # of the examples in their order alone: a part of an epoch may be a few of millions
    augmented, targets = objective.with_ones(x[order]), y[order].astype(float)
    squares = (augmented**2).sum(axis=1)
    parameters, rate = start.astype(float), learning_rate * factor
    for begin in range(0, len(order), batch_size):
        chosen = slice(begin, begin + batch_size)
        batch, trace = augmented[chosen], squares[chosen].mean()
        growth = 1.0
        if rate * trace > 2:  # the trace of H bounds its eigenvalues
            largest = np.linalg.norm(batch, 2) ** 2 / len(batch)
            growth = max(1.0, rate * largest - 1)
        with np.errstate(over="ignore", invalid="ignore"):
            parameters, rounding = _step(batch, targets[chosen], parameters, rate)
            # the step is taken from where the error led, where its magnitudes may be larger
            growth += _roundoff(batch) * rate * trace + gamma(2)
            error = growth * error + np.linalg.norm(rounding)
        if not np.abs(parameters).max() < OVERFLOW:
            error = np.inf
        yield parameters, error


def repeat(
    x: np.ndarray,
    y: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    batch_size: int,
    learning_rate: float,
    epochs: int,
    *,
    factor: float = 1,
) -> tuple[np.ndarray, float]:
    """θ after this many epochs in one order, and the bound on the 2-norm of its error.

    An epoch maps θ to Aθ + c, always with the same A and c, so that thousands of them take no
    longer than two: an error becomes at most ‖A‖₂ times itself, and the epoch's own rounding is
    added. In between that is at most what it is in the first and in the last epoch together, since
    θ goes from where it starts to where these epochs end.
    """
    about = {"order": order, "batch_size": batch_size, "learning_rate": learning_rate}
    about |= {"factor": factor}
    *_, (parameters, error) = follow(x, y, start, **about)
    if epochs == 1:
        return parameters, error
    linear, constant = _epoch_map(x, y, order, batch_size, learning_rate * factor)
    for _ in range(epochs - 2):
        parameters = linear @ parameters + constant
    *_, (parameters, last) = follow(x, y, parameters, **about)
    growth, total = np.linalg.norm(linear, 2), error
    for _ in range(epochs - 1):
        total = growth * total + error + last
    return parameters, float(total)


def _epoch_map(
    x: np.ndarray, y: np.ndarray, order: np.ndarray, batch_size: int, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """A and c of θ ↦ Aθ + c, which the steps of an epoch make of θ."""
    augmented, targets = objective.with_ones(x[order]), y[order]
    size = augmented.shape[1]
    both = np.eye(size, size + 1)  # [A c]
    for begin in range(0, len(order), batch_size):
        batch = augmented[begin : begin + batch_size]
        errors = batch @ both
        errors[:, -1] -= targets[begin : begin + batch_size]
        both = both - batch.T @ errors * (rate / len(batch))
    return both[:, :-1], both[:, -1]


def _step(
    augmented: np.ndarray, y: np.ndarray, before: np.ndarray, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """The parameters after a step on X̃ = [X 1] at a rate, and their float32 error."""
    count = len(y)
    moved = augmented.T @ (augmented @ before - y) * (rate / count)
    sizes = np.abs(augmented)
    magnitude = sizes.T @ (sizes @ np.abs(before) + np.abs(y)) / count
    return before - moved, _roundoff(augmented) * rate * magnitude + gamma(2) * np.abs(before)


def _roundoff(augmented: np.ndarray) -> float:
    """γ of all roundings on the way to a gradient: sum, product x·w, and single steps."""
    return gamma(sum(augmented.shape) + 8)
