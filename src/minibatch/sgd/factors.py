"""The losses that runs descend, as factors of the mean squared error: with the chapter's ½, or not.

Apart from the objective, so that a change of that leaves alone what only multiplies matrices.
"""

FACTORS = {"half_mse": 0.5, "mse": 1.0}


def gradient(objective: str) -> float:
    """The factor of an objective's gradient over that of half the mean squared error."""
    return FACTORS[objective] / FACTORS["half_mse"]
