"""What is known of the least-squares problem before any run."""

import numpy as np
import pandas as pd

from minibatch.sgd import objective
from minibatch.sgd.examples import split


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row: the loss at θ = 0, the floor, the Hessian's eigenvalues and the stability limit."""
    x, y = split(tables["examples"].to_numpy())
    eigenvalues = np.linalg.eigvalsh(objective.hessian(x))
    return pd.DataFrame(
        {
            "examples": [len(y)],
            "loss_at_zero": [objective.loss(x, y, np.zeros(x.shape[1] + 1))],
            "floor": [objective.loss(x, y, objective.optimum(x, y))],
            "smallest_eigenvalue": [eigenvalues[0]],
            "largest_eigenvalue": [eigenvalues[-1]],
            "condition_number": [eigenvalues[-1] / eigenvalues[0]],
            "stability_limit": [objective.stability_limit(x)],
        }
    )
