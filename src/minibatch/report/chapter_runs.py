"""The tables of the chapter's runs that are told by many seeds and launches, laid out as text."""

import numpy as np
import pandas as pd

from minibatch.report.sheets import interval, places, sheet


def ends(ends: pd.DataFrame) -> dict:
    """How each problem ends over thousands of seeds."""
    losses = pd.Series(interval(ends, "loss", 1, "{:.5f}".format), dtype=object)
    shown = pd.DataFrame(
        {
            "run": ends.run,
            "batch size": ends.batch_size,
            "learning rate of ½·MSE": ends.learning_rate,
            "epochs": ends.epochs,
            "seeds": ends.seeds,
            "loss": losses.where(np.isfinite(ends.loss.astype(float)), "diverges"),
            "closest to the floor": ends.closest,
        }
    )
    return sheet("Mean final loss over many seeds, with 95 % intervals", shown)


def to_target(timed: pd.DataFrame, target_loss: float) -> dict:
    """How soon each run is at the target, and which is first in its way of training."""
    shown = pd.DataFrame(
        {
            "framework": timed.framework,
            **places(timed),
            "implementation": timed.implementation,
            "loader": timed.loader,
            "run": timed.run,
            "steps": _reached(timed, "steps", 1, "{:.0f}".format),
            "ms": _reached(timed, "seconds_to_target", 1e3),
            "first": timed.soonest,
        }
    )
    return sheet(
        f"Steps to a mean loss of {target_loss:g} that is kept, and their time: 95 % intervals "
        "over seeds and launches",
        shown,
    )


def _reached(timed: pd.DataFrame, name: str, factor: float, *show) -> pd.Series:
    """Values with intervals; a dash where they are not known, a word where they are infinite."""
    values = timed[name].astype(float)
    said = pd.Series(interval(timed, name, factor, *show), index=timed.index, dtype=object)
    return said.where(np.isfinite(values), "never").where(values.notna(), None)
