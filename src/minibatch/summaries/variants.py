"""What the exercises change: a run with a change beside the run itself, after the same updates."""

import numpy as np
import pandas as pd

from minibatch.sgd.curves import GROUPS
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.summaries.intervals import of_resamples, resamples

PLAIN = "plain"
RESAMPLES = 4000  # of groups of seeds, which runs and variants share
RUN = ["run", "batch_size", "learning_rate", "epochs"]


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each run, variant and number of epochs of the run, with intervals.

    By bootstrap over groups of seeds, which all share; after as many epochs, they hold with 95 %
    for all runs and variants together. `excess` is the mean loss above the floor
    after `step` updates; `ratio` what it is over that of the plain run after as many; `decline` by
    how much it fell in that epoch, over the first one: all of them without interval, or without
    number, where a seed has diverged. `expected` is the exact excess with replacement;
    `noise_floor` what a constant learning rate leaves then in the end, infinite where it diverges.
    """
    moments = Moments(*split(tables["examples"].to_numpy()))
    found, changed = [], tables["variants"].query("variant != @PLAIN")
    among = max(1, len(changed[["run", "variant"]].drop_duplicates()))
    for _, rows in tables["variants"].groupby("run", sort=False):
        own = {name: part.set_index("step") for name, part in rows.groupby("variant", sort=False)}
        run = own[PLAIN].iloc[0][RUN].to_dict()
        [floor] = moments.noise_floor(run["batch_size"], [run["learning_rate"]])
        epoch = -(-moments.examples // run["batch_size"])
        plain = _draws(own[PLAIN], epoch, moments.floor)
        for variant, part in own.items():
            drawn = _draws(part, epoch, moments.floor)
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = drawn / plain
                decline = -np.diff(drawn, axis=0, prepend=drawn[:1]) / (drawn[0] - drawn[1])
            for count in range(len(drawn)):
                row = run | {"variant": variant, "epoch": count, "step": count * epoch}
                values = {"excess": drawn, "ratio": ratio, "decline": decline}
                for name, every in values.items():
                    row |= _ends(name, every[count], among)
                row["expected"] = part.expected_loss[count * epoch] - moments.floor
                found.append(row | {"noise_floor": floor - moments.floor})
    return pd.DataFrame(found, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[7:], float))


def _draws(rows: pd.DataFrame, epoch: int, floor: float) -> np.ndarray:
    """The mean loss above the floor and resamples of it, after each epoch, an epoch a row."""
    losses = rows.loc[rows.index % epoch == 0, GROUPS].to_numpy(float) - floor
    finite = np.isfinite(losses).all(axis=1, keepdims=True)
    weights = resamples(np.random.default_rng(0), len(GROUPS), RESAMPLES)
    return np.where(finite, np.where(finite, losses, 0) @ weights.T, np.inf)


def _ends(name: str, drawn: np.ndarray, among: int) -> dict[str, float]:
    """A value with its interval, one of so many, by the names of their columns."""
    low, high = of_resamples(drawn, among) if np.isfinite(drawn).all() else (drawn[0], drawn[0])
    return {name: drawn[0], f"{name}_low": low, f"{name}_high": high}


COLUMNS = [
    *(*RUN, "variant", "epoch", "step"),
    *(f"{name}{end}" for name in ("excess", "ratio", "decline") for end in ("", "_low", "_high")),
    *("expected", "noise_floor"),
]
