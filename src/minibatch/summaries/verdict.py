"""Whether a statement about times holds: decided by a ratio and its interval over launches."""

import numpy as np
import pandas as pd

from minibatch.summaries.intervals import of_times
from minibatch.summaries.text import times

ABOUT = 1.25  # "about as fast": within this factor
UNMEASURED = "not measured"

Ratio = tuple[float, float, float]  # its mean, and both ends of its interval


def ratio(one: pd.Series, other: pd.Series) -> Ratio:
    """The geometric mean of one time over another, launch by launch, and its 95 % interval.

    Both have a value a launch, and the launch as index; the launches that both have count.
    """
    one, other = one.align(other, join="inner")
    return of_times(one / other)


def verdict(found: Ratio, *, least: float = 0, most: float = np.inf) -> str:
    """Whether a ratio lies from `least` to `most`: undecided where its interval is on both."""
    _, low, high = found
    if least <= low and high <= most:
        return "holds"
    return "does not hold" if high < least or low > most else "undecided"


def about(found: Ratio) -> str:
    """Whether two times are about the same."""
    return verdict(found, least=1 / ABOUT, most=ABOUT)


def shown(found: Ratio) -> str:
    """A ratio with its interval: 0.51× (0.5× to 0.52×)."""
    mean, low, high = map(times, found)
    return f"{mean} ({low} to {high})"
