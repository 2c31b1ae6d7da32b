"""What launches of a process allow to say: a mean, and the 95 % interval that it has."""

import numpy as np
from scipy import special  # not stats, whose import takes a second of each job

CONFIDENCE = 0.95


def over_launches(values: np.ndarray, among: int = 1) -> tuple[float, float, float]:
    """The mean of a value a launch, and Student's interval for it; infinite for a single one.

    Of a value a seed as well. `among` this many such intervals all hold with 95 % (Bonferroni).
    """
    values = np.asarray(values, dtype=float)
    return _around(values.mean(), _variance(values), len(values) - 1, among)


def of_times(values: np.ndarray) -> tuple[float, float, float]:
    """The geometric mean of times, and its interval: what slows a launch down is a factor.

    Of ratios within each launch as well, where both times come from one.
    """
    mean, low, high = np.exp(over_launches(np.log(values)))
    return mean, low, high


def of_ratio(values: np.ndarray, others: np.ndarray) -> tuple[float, float, float]:
    """How many times as long as others times are, and Welch's interval: launches that differ."""
    first, second = (np.log(np.asarray(one, dtype=float)) for one in (values, others))
    parts = [_variance(first), _variance(second)]
    freedom = [len(first) - 1, len(second) - 1]
    if not min(freedom):
        return np.exp(first.mean() - second.mean()), 0.0, np.inf
    shares = sum(part**2 / free for part, free in zip(parts, freedom, strict=True))
    effective = sum(parts) ** 2 / shares if shares else sum(freedom)
    ratio, low, high = np.exp(_around(first.mean() - second.mean(), sum(parts), effective))
    return ratio, low, high


def resamples(random: np.random.Generator, groups: int, count: int) -> np.ndarray:
    """What each group of seeds counts: all the same, then in each of `count` draws, a row each."""
    alike = np.full(groups, 1 / groups)
    return np.vstack([alike, random.multinomial(groups, alike, size=count) / groups])


def of_resamples(drawn: np.ndarray, among: int = 1) -> tuple[float, float]:
    """The interval of a value by its resamples, those that come after the estimate.

    `among` this many such intervals all hold with 95 % (Bonferroni). Its ends are resamples
    themselves, so that they may be infinite.
    """
    outside = (1 - CONFIDENCE) / 2 / among
    low, high = np.quantile(drawn[1:], [outside, 1 - outside], method="inverted_cdf")
    return float(low), float(high)


def _variance(values: np.ndarray) -> float:
    """The variance of a mean; infinite of a single value."""
    return values.var(ddof=1) / len(values) if len(values) > 1 else np.inf


def _around(
    middle: float, variance: float, freedom: float, among: int = 1
) -> tuple[float, float, float]:
    """A value and its interval, one of `among` this many."""
    half = np.sqrt(variance)
    if 0 < half < np.inf:
        half *= special.stdtrit(freedom, 1 - (1 - CONFIDENCE) / 2 / among)
    return middle, middle - half, middle + half
