"""How far the gradient of a batch is from that of all examples: exactly, and in batches as drawn.

The gradient of an example's ½(ŷ − y)² at θ is x̃(x̃ᵀθ − y). Over all N examples it has the mean G
and the covariance Σ, whose trace is σ², the variance of a batch of one. The gradient of a batch is
the mean over its examples, and its standard deviation the root of the trace of its covariance.
"""

import numpy as np

from minibatch.sgd import objective, sampling

TOGETHER = 2**16  # examples whose gradients are in memory at a time


def per_example(x: np.ndarray, y: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """The gradient of ½(ŷ − y)² of each example, shape (N, d + 1), in float64."""
    augmented = objective.with_ones(x)
    return augmented * (augmented @ np.float64(parameters) - y)[:, None]


def along(x: np.ndarray, y: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, ...]:
    """The loss above the floor, |G|² and tr Σ at each point, shape (…, d + 1).

    All are quadratics around the optimum, so that one pass over the examples is enough.
    """
    best = objective.optimum(x, y)
    size = len(best)
    hessian, squared = np.zeros((size, size)), np.zeros((size, size))
    crossed, noise = np.zeros(size), 0.0
    for begin in range(0, len(y), TOGETHER):
        augmented = objective.with_ones(x[begin : begin + TOGETHER])
        errors = augmented @ best - y[begin : begin + TOGETHER]
        lengths = (augmented**2).sum(axis=1)
        hessian += augmented.T @ augmented / len(y)
        squared += augmented.T @ (augmented * lengths[:, None]) / len(y)
        crossed += augmented.T @ (lengths * errors) / len(y)
        noise += lengths @ errors**2 / len(y)
    away = points - best
    gradients = away @ hessian
    of_one = ((away @ squared) * away).sum(axis=-1) + 2 * away @ crossed + noise
    of_all = (gradients**2).sum(axis=-1)
    return 0.5 * (gradients * away).sum(axis=-1), of_all, np.maximum(0, of_one - of_all)


def trace(gradients: np.ndarray) -> float:
    """tr Σ: the mean squared distance of an example's gradient, shape (N, d + 1), from the mean."""
    return float(((gradients - gradients.mean(axis=0)) ** 2).sum(axis=1).mean())


def variance(sizes: np.ndarray, examples: int, method: str = "permutation") -> np.ndarray:
    """That of the mean of a batch, over that of a single example.

    1/b of independent draws; without replacement (N − b)/(N − 1) times that (Cochran, Sampling
    Techniques, 1977, theorem 2.2).
    """
    if method == "replacement":
        return 1 / sizes
    return (examples - sizes) / (sizes * max(1, examples - 1))


def over_all_batches(values: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean, shape (N, d + 1), and variance, shape (N,), of the means of all batches of 1 … N.

    Without replacement example by example, and not by the formula of `variance`, which this is to
    check: of the batches of b among the first n examples, the share b/n holds the last of these.
    Values, shape (N, d + 1), should have a mean near 0, for rounding's sake.
    """
    total = len(values)
    sizes = np.arange(1, total + 1)
    if method == "replacement":  # the draws are independent, so that their variances add up
        means = np.broadcast_to(values.mean(axis=0), values.shape)
        return means, trace(values) / sizes
    sums, squares = np.zeros((total + 1, values.shape[1])), np.zeros(total + 1)
    for count, value in enumerate(values, start=1):
        share = sizes[:count] / count
        held = sums[:count] + value
        held_squares = squares[:count] + 2 * sums[:count] @ value + value @ value
        sums[1 : count + 1] += share[:, None] * (held - sums[1 : count + 1])
        squares[1 : count + 1] += share * (held_squares - squares[1 : count + 1])
    means = sums[1:] / sizes[:, None]
    return means, squares[1:] / sizes**2 - (means**2).sum(axis=1)


def drawn(values: np.ndarray, sizes: np.ndarray, method: str, count: int) -> np.ndarray:
    """The means of this many drawn batches of each size, shape (count, sizes, …).

    Values have the shape (N, …). Batches of one epoch share no example, so that they depend on each
    other: each is from the epoch of another seed, and from one place in it after the other.
    """
    total, found = len(values), []
    for seed in range(count):
        order = sampling.batch_order(total, seed, 0, method, 1)
        sums = np.cumsum(np.concatenate([np.zeros_like(values[:1]), values[order]]), axis=0)
        begin = seed % (total // sizes) * sizes
        found.append(((sums[begin + sizes] - sums[begin]).T / sizes).T)
    return np.array(found)
