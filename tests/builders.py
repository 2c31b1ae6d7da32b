"""Tables as the stages write them, for tests that measure nothing."""

from collections.abc import Sequence

import pandas as pd


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
