"""How the chapter's runs end over thousands of seeds, and which ends closest to the floor."""

import numpy as np
import pandas as pd

from minibatch.summaries.intervals import over_launches


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each problem of "finals": the mean loss at its end, its 95 % interval over seeds.

    Both are infinite where a seed diverged. `closest` says whether the mean is the least of all,
    by the difference to each other run, seed by seed, with intervals that hold with 95 % for all
    of them together: "yes", "no" or "undecided".
    """
    runs = dict(iter(tables["finals"].groupby("run", sort=False)))
    losses = {run: rows.set_index("seed").loss for run, rows in runs.items()}
    said = _closest(losses)
    found = []
    for run, rows in runs.items():
        mean = over_launches(rows.loss) if np.isfinite(rows.loss).all() else (np.inf,) * 3
        found.append(
            rows.iloc[0][["run", "batch_size", "learning_rate", "epochs"]].to_dict()
            | {"seeds": len(rows)}
            | dict(zip(("loss", "loss_low", "loss_high"), mean, strict=True))
            | {"closest": said[run]}
        )
    return pd.DataFrame(found, columns=COLUMNS)


def _closest(losses: dict[str, pd.Series]) -> dict[str, str]:
    """Whether the mean of each run's losses, a seed each, is the least of all."""
    finite = [run for run, own in losses.items() if np.isfinite(own).all()]
    said = dict.fromkeys(losses, "no")
    if not finite:
        return said
    best, *others = sorted(finite, key=lambda run: losses[run].mean())
    for run in others:
        _, low, _ = over_launches(losses[run] - losses[best], among=len(others))
        said[run] = "no" if low > 0 else "undecided"
    return said | {best: "undecided" if "undecided" in said.values() else "yes"}


COLUMNS = [
    *("run", "batch_size", "learning_rate", "epochs", "seeds"),
    *("loss", "loss_low", "loss_high", "closest"),
]
