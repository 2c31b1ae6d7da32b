"""When a mean loss over seeds is at a target for good, from some numbers of steps."""

import math

import numpy as np
import pandas as pd

APART = 1.05  # from one number of steps at which the loss is looked at to the next
KEPT = 3  # of these in a row at or below the target
SEEDS = 4  # of real training in a launch, or fewer where these would take too long
FIRST, LAST = 0.4, 4.0  # times the predicted steps: where it is looked at often, and given up


def points(first: int, horizon: int) -> list[int]:
    """Numbers of steps from 0 to the horizon; from `first` on at most 5 % apart, before coarser."""
    found = [0, *(round(first * share) for share in (0.25, 0.5, 0.75))]
    step = float(max(1, first))
    while step < horizon:
        found.append(round(step))
        step = max(step + 1, step * APART)
    return sorted({*found, horizon})


def crossing(steps: np.ndarray, means: np.ndarray, target: float) -> float:
    """The steps from which on a mean loss is kept at or below a target.

    Between two numbers of steps at which it was looked at, by a line in their logarithms. Infinite
    where it is not kept at three in a row.
    """
    below = np.asarray(means) <= target
    kept = [below[index : index + KEPT].all() for index in range(len(below) - KEPT + 1)]
    if True not in kept:
        return math.inf
    index = kept.index(True)
    before, high = (steps[index - 1], means[index - 1]) if index else (0, math.inf)
    if not before or not target < high < math.inf:
        return float(steps[index])
    share = (high - target) / (high - means[index])
    return float(before * (steps[index] / before) ** share)


def reached(losses: pd.DataFrame, target: float) -> float:
    """That of the mean over the seeds in a table with the columns step and loss."""
    means = losses.groupby("step").loss.mean()
    return crossing(means.index.to_numpy(), means.to_numpy(), target)
