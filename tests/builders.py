"""Tables as the stages write them, for tests that measure nothing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

PLACE = {"machine": "here", "framework": "pytorch", "device": "cpu"}
RUN = {
    "implementation": "scratch",
    "objective": "half_mse",
    "loader": "framework",
    "batch_size": 10,
    "learning_rate": 1.0,
    "epochs": 2,
    "schedule": "constant",
    "sampling": "permutation",
    "copies": 1,
}


def trace(
    losses: Sequence[float] = (0.5, 0.3, 0.25),
    seconds: float | Sequence[float] = 1.0,
    *,
    phases: float | None = 0.0,
    **about,
) -> pd.DataFrame:
    """One seed of a run: a point a step, equally far apart over all epochs.

    `seconds` are those of an epoch, or the clock at each point; `phases` is the part of them that
    loading and updating take each, None where they cannot be told apart. `about` is what differs
    from PLACE, RUN, run "gd" and seed 0.
    """
    about = PLACE | RUN | {"run": "gd", "seed": 0} | about
    steps = np.arange(len(losses))
    epoch = steps * about["epochs"] / max(len(losses) - 1, 1)
    clock = epoch * seconds if np.ndim(seconds) == 0 else np.asarray(seconds, dtype=float)
    part = np.nan if phases is None else phases
    points = {"step": steps, "epoch": epoch, "loss": losses, "seconds": clock}
    points |= {"load_seconds": part * clock, "update_seconds": part * clock}
    points["compute_seconds"] = clock * (1 - 2 * part)
    return pd.DataFrame(points | about)


def products(seconds: dict[str, float | Sequence[float]], n: int = 256, **about) -> pd.DataFrame:
    """Samples of the seconds that each strategy takes at one size, blocks of 64 columns.

    A number stands for three samples of it.
    """
    rows = [
        {"strategy": strategy, "n": n, "block": 64 * (strategy == "block"), "seconds": value}
        for strategy, values in seconds.items()
        for value in np.broadcast_to(values, np.size(values) if np.ndim(values) else 3)
    ]
    return pd.DataFrame(rows).assign(**PLACE | {"threads": 1, "precision": "float32"} | about)


def baseline(seconds: dict[tuple[str, int], Sequence[float]], **about) -> pd.DataFrame:
    """An epoch a seed of what is compared with frameworks, by implementation and batch size."""
    rows = [
        {"implementation": name, "batch_size": size, "seed": seed, "seconds": value}
        for (name, size), values in seconds.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(machine="here", **about)


def steps(seconds: dict[tuple[int, int], Sequence[float]], **about) -> pd.DataFrame:
    """Data-parallel steps by the number of ranks and the batch size."""
    rows = [
        {"ranks": ranks, "batch_size": size, "repeat": repeat, "seconds": value}
        for (ranks, size), values in seconds.items()
        for repeat, value in enumerate(values)
    ]
    return pd.DataFrame(rows).assign(**{"machine": "here", "device": "cpu"} | about)


def verdicts(failed: dict[str, str], subjects: Sequence[str], **about) -> pd.DataFrame:
    """What a gate found: every check passed but those of the subjects that failed, with why."""
    rows = [
        {"subject": name, "check": f"whether {name} is right", "passed": name not in failed}
        | {"detail": failed.get(name, "errors up to 3% of the bound")}
        for name in subjects
    ]
    return pd.DataFrame(rows).assign(**{"framework": "pytorch", "device": "cpu"} | about)
