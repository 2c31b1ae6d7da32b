"""What the values of runs say of them: which problem one is, and whether it is sure to diverge."""

import numpy as np
import pandas as pd

from minibatch.sgd import factors
from minibatch.sgd.plain import PLAIN


def of_problem(run: pd.Series, table: pd.DataFrame) -> pd.Series:
    """Which rows of a table are of the problem that a run is, whatever name it has there.

    The table has plain runs with learning rates of ½·MSE, as the engine makes them with many
    seeds: none is that of a run which changes its learning rate, or visits examples otherwise.
    """
    rate = run.learning_rate * factors.gradient(run.objective)
    same = (table.batch_size == run.batch_size) & (table.epochs == run.epochs)
    plain = all(run[name] == value for name, value in PLAIN.items())
    return plain & same & np.isclose(table.learning_rate.astype(float), rate, atol=0)


def on_all_examples(runs: pd.DataFrame, problem: pd.Series) -> pd.Series:
    """Which runs are full-batch gradient descent."""
    return runs.batch_size >= problem.examples * runs.copies


def unstable(runs: pd.DataFrame, problem: pd.Series) -> pd.Series:
    """Which runs diverge for sure: full-batch ones that stay past the limit 2/λmax, which is exact.

    The limit is one of half the mean squared error; without the ½ it is half of that.
    """
    rates = runs.learning_rate * runs.objective.map(factors.gradient).astype(float)  # also of none
    stay = runs.schedule == PLAIN["schedule"]
    return on_all_examples(runs, problem) & stay & (rates > problem.stability_limit)
