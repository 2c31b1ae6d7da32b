"""How noisy an example's gradient is on the way from the initial weights to the optimum."""

import numpy as np
import pandas as pd

from minibatch.sgd import gradients, objective
from minibatch.sgd.examples import split

STEPS = 200  # at the most
LEAST = 1e-3  # above the floor, as a share of it, where the way ends: G goes to 0, and Σ does not


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a step of full-batch descent from θ = 0: |G|², tr Σ and the simple noise scale.

    `noise_scale` is tr Σ/|G|² (McCandlish et al. 2018, equation 2.9): the batch size at which the
    gradient's variance is as large as its square. At half of 1/λmax no step is more than half of
    the way that is left, so that a round bowl has points on its way as well.
    """
    x, y = split(tables["examples"].to_numpy())
    floor = objective.loss(x, y, objective.optimum(x, y))
    rate = objective.stability_limit(x) / 4
    rows = []
    for step, point in enumerate(objective.descend(x, y, np.zeros(x.shape[1] + 1), rate, STEPS)):
        loss = objective.loss(x, y, point)
        if rows and loss < (1 + LEAST) * floor:
            break
        single = gradients.per_example(x, y, point)
        row = {"step": step, "loss": loss, "excess": loss - floor}
        row |= {"gradient_squared": (single.mean(axis=0) ** 2).sum()}
        rows.append(row | {"trace": gradients.trace(single)})
    found = pd.DataFrame(rows)
    return found.assign(noise_scale=found.trace / found.gradient_squared)
