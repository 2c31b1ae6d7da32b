"""What launches of a process allow to say: a mean, and the 95 % interval that it has."""

import numpy as np
from scipy import stats

CONFIDENCE = 0.95


def over_launches(values: np.ndarray) -> tuple[float, float, float]:
    """The mean of a value a launch, and Student's interval for it; infinite for a single one."""
    values = np.asarray(values, dtype=float)
    mean = values.mean()
    if len(values) < 2:
        return mean, -np.inf, np.inf
    error = values.std(ddof=1) / np.sqrt(len(values))
    half = error * stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1)
    return mean, mean - half, mean + half


def of_times(values: np.ndarray) -> tuple[float, float, float]:
    """The geometric mean of times, and its interval: what slows a launch down is a factor."""
    mean, low, high = np.exp(over_launches(np.log(values)))
    return mean, low, high
