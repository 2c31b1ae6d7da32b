"""The exercises' table of the report, laid out as text."""

import numpy as np
import pandas as pd

from minibatch.report.sheets import interval, known, sheet


def variants(variants: pd.DataFrame) -> dict:
    """How far above the floor runs and their variants are after each epoch."""
    rows = variants[variants.epoch > 0].reset_index(drop=True)
    excess, ratio = (pd.Series(interval(rows, name, 1)) for name in ("excess", "ratio"))
    shown = pd.DataFrame(
        {
            "run": rows.run,
            "variant": rows.variant,
            "epoch": rows.epoch,
            "loss above the floor": excess.where(np.isfinite(rows.excess), "diverges"),
            # of a run that diverges, or its variant, there is none
            "over that of the run": ratio.where((rows.ratio > 0) & (rows.ratio < np.inf), None),
            "exactly": known(rows.expected),
            "noise floor with replacement": known(rows.noise_floor).replace({"inf": "none"}),
        }
    )
    return sheet("Mean loss above the floor after as many updates, with 95 % intervals", shown)
