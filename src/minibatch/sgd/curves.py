"""What the losses of many seeds are condensed to: a row for each learning rate and step."""

import numpy as np
import pandas as pd

from minibatch.sgd.cases import Case
from minibatch.sgd.threads import in_threads

# Of seeds: one half of them chooses the learning rate, the other says what it takes.
GROUPS = [f"group_{number}" for number in range(40)]
QUANTILES = {"quantile_05": 0.05, "quantile_50": 0.5, "quantile_95": 0.95}

COLUMNS = {
    **{"variant": "string", "batch_size": "int64", "learning_rate": "float64"},
    **{"step": "int64", "examples": "int64", "seeds": "int64"},
    **dict.fromkeys(["mean_loss", "standard_error", "expected_loss"], "float64"),
    **dict.fromkeys([*QUANTILES, *GROUPS], "float32"),
}


def describe(case: Case, variant: str, losses: np.ndarray, examples: int) -> pd.DataFrame:
    """The rows of COLUMNS for the losses of a case, shape (seeds, points, rates).

    A group is of consecutive seeds, and has their mean. Means are infinite from where one of their
    runs has diverged.
    """
    seeds, points, rates = losses.shape
    found = in_threads(_at_a_point, (losses[:, point] for point in range(points)))
    mean, error, quantiles, groups = (np.concatenate(part) for part in zip(*found, strict=True))
    steps = case.points(examples)
    epochs, rest = np.divmod(steps, case.steps_per_epoch(examples))
    return pd.DataFrame(
        {
            "variant": variant,
            "batch_size": case.batch_size,
            "learning_rate": np.tile(case.learning_rates, points),
            "step": np.repeat(steps, rates),
            "examples": np.repeat(epochs * examples * case.copies + rest * case.batch_size, rates),
            "seeds": seeds,
            "mean_loss": mean,
            "standard_error": error,
            **dict(zip(QUANTILES, quantiles.T, strict=True)),
            **dict(zip(GROUPS, groups.T, strict=True)),
        }
    )


def _at_a_point(losses: np.ndarray) -> tuple[np.ndarray, ...]:
    """Mean, standard error, quantiles and means of groups of losses, shape (seeds, rates)."""
    losses = np.ascontiguousarray(losses.T)
    seeds = losses.shape[1]
    groups = losses.reshape(len(losses), len(GROUPS), -1).mean(axis=2, dtype=float)
    with np.errstate(invalid="ignore"):
        error = losses.std(axis=1, ddof=1, dtype=float) / np.sqrt(seeds)
    ranks = [round(share * (seeds - 1)) for share in QUANTILES.values()]
    losses.partition(ranks, axis=1)
    return groups.mean(axis=1), np.nan_to_num(error, nan=np.inf), losses[:, ranks], groups


def whole(seeds: int) -> int:
    """The number of seeds, less those that no group of equal size has room for."""
    return max(1, seeds // len(GROUPS)) * len(GROUPS)
