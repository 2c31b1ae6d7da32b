"""The sheet of real runs beside what was predicted of them."""

import numpy as np
import pandas as pd

from minibatch.report.sheets import interval, sheet
from minibatch.summaries.text import how, times


def real_runs(confirmed: pd.DataFrame) -> dict:
    """Every batch size that was tried: seconds against the prediction, loss against the target."""
    made = confirmed[confirmed.runs > 0]
    shown = pd.DataFrame(
        {
            "framework": made.framework.where(
                made.device == "cpu", made.framework + ", " + made.device
            ),
            "how": [how(*way) for way in zip(made.implementation, made.loader, strict=True)],
            "batch size": made.batch_size.astype(str) + np.where(made.best, " (best)", ""),
            "steps": made.steps,
            "ms predicted": interval(made, "predicted_seconds", 1e3),
            "ms observed": interval(made, "observed_seconds", 1e3),
            "observed over predicted": interval(made, "ratio", 1, times),
            "beside the fixed loop": made.paced.map(times),
            "within 1.25": made.within.str.cat(made.cause, sep=": ").str.removesuffix(": "),
            "mean loss": interval(made, "loss", 1, "{:.4f}".format),
            "reached": made.reached,
        }
    )
    target = f", to a loss of {made.target.iloc[0]}" if len(made) else ""
    return sheet(f"Real runs of the predicted steps{target}, with 95 % intervals", shown)
