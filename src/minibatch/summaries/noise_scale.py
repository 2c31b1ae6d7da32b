"""The noise scale of a stretch of training, with its interval, from repeated estimates on the way.

B = tr Σ/|G|² is a ratio of two means, and not a mean of ratios: that is biased, and infinite where
one estimate of |G|² is 0.
"""

import numpy as np
from scipy import stats

from minibatch.summaries.intervals import CONFIDENCE


def noise_scale(
    gradient_squared: np.ndarray, trace: np.ndarray, weights: np.ndarray | None = None
) -> tuple[float, float, float]:
    """B and its 95 % interval, from estimates that are independent, shape (repeats,).

    Of the shape (points, repeats) they are of several points of a run, and B is the mean of the
    points', with `weights`, shape (points,), all the same if there are none. With those of
    `over_steps`, a batch of b takes 1 + v(b)·B times as many steps as all examples at once, where
    v(b) is `gradients.variance`: point by point that is McCandlish et al. 2018, equation 2.7, for a
    learning rate that is best at each. Of one rate for a whole run it is right to a factor of two
    or three on least squares: tests/by_hand/noise_scale_averages.py.

    Each point's interval is Fieller's (1954), and that of their mean combines them (Zou and Donner
    2008): from the mean as far as the root of the sum of squares of the points' own distances. The
    upper end is infinite where a point's |G|² is not separated from 0, or has but one estimate.
    """
    pairs = np.atleast_2d(gradient_squared), np.atleast_2d(trace)
    shares = np.ones(len(pairs[0])) if weights is None else np.asarray(weights, dtype=float)
    shares = shares / shares.sum()
    used = shares > 0
    rows = [_at_a_point(*pair) for pair in zip(*(part[used] for part in pairs), strict=True)]
    middles, lows, highs = np.transpose(rows)
    shares = shares[used]
    middle = float(shares @ middles)
    if np.isinf(middle):
        return middle, float(shares @ lows), np.inf
    below, above = (
        float(np.sqrt(np.sum((shares * (ends - middles)) ** 2))) for ends in (lows, highs)
    )
    return middle, middle - below, middle + above


def _at_a_point(squared: np.ndarray, trace: np.ndarray) -> tuple[float, float, float]:
    """The ratio of two means, and Fieller's interval for it, of what cannot be negative.

    It is of all B for which the mean of tr Σ − B·|G|² is not separated from 0 by Student's t:
    αB² − 2βB + γ ≤ 0.
    """
    below, above = squared.mean(), trace.mean()
    middle = above / below if below > 0 else np.inf
    count = len(squared)
    if count < 2 or below <= 0:
        return middle, 0.0, np.inf
    [[of_below, both], [_, of_above]] = np.cov(squared, trace) / count
    limit = stats.t.ppf((1 + CONFIDENCE) / 2, count - 1) ** 2
    alpha, beta = below**2 - limit * of_below, above * below - limit * both
    gamma = above**2 - limit * of_above
    reach = beta + np.sqrt(max(0.0, beta**2 - alpha * gamma))
    low = gamma / reach if gamma > 0 and above > 0 else min(0.0, middle)
    return middle, low, reach / alpha if alpha > 0 else np.inf


def over_steps(steps: np.ndarray) -> np.ndarray:
    """The weight of each point of a run for a mean over its steps, by the trapezoidal rule.

    `steps` are the numbers of updates before each point, ascending, from the start to the end of
    the stretch. The end counts: that is where B is largest, since |G|² goes down.
    """
    half = np.diff(np.asarray(steps, dtype=float)) / 2
    return np.append(half, 0) + np.append(0, half)
