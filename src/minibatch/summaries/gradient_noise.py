"""How noisy an example's gradient is on the way from the initial weights to the optimum."""

import numpy as np
import pandas as pd

from minibatch.sgd import gradients, objective
from minibatch.sgd.examples import split

STEPS = 200  # at the most
LEAST = 1e-3  # above the floor, as a share of it, where the way ends: G goes to 0, and Σ does not


def summarise(tables: dict[str, pd.DataFrame], *, least_gain: float | None = None) -> pd.DataFrame:
    """One row a step of full-batch descent from θ = 0: |G|², tr Σ and the simple noise scale.

    `noise_scale` is tr Σ/|G|² (McCandlish et al. 2018, equation 2.9): the batch size at which the
    gradient's variance is as large as its square. At half of 1/λmax no step is more than half of
    the way that is left, so that a round bowl has points on its way as well. The way ends a
    thousandth of the floor above it, or where no more than `least_gain` of the gain is left.
    """
    x, y = split(tables["examples"].to_numpy())
    floor = objective.loss(x, y, objective.optimum(x, y))
    rate = objective.stability_limit(x) / 4
    path = objective.descend(x, y, np.zeros(x.shape[1] + 1), rate, STEPS)
    excess, squared, trace = gradients.along(x, y, path)
    least = LEAST * floor if least_gain is None else least_gain * excess[0]
    ends = np.flatnonzero(excess < least)
    count = max(1, ends[0]) if len(ends) else len(path)
    found = {"step": np.arange(len(path)), "loss": floor + excess, "excess": excess}
    found |= {"gradient_squared": squared, "trace": trace}
    found = pd.DataFrame(found)[:count]
    return found.assign(noise_scale=found.trace / found.gradient_squared)
