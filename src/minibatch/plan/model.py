"""The tables of an answer about a model of the user's: what each reads, and its parameters."""

from importlib.metadata import version

from minibatch.tables.canonical import digest

LAUNCHES = 4  # of the process that times steps: times differ from one to the next
CONFIRMATIONS = 5  # of the one that trains
STARTING = 6  # seconds that a process takes beside its budget
SHARES = {"time": 0.2, "reference": 0.25, "noise": 0.1, "train": 0.45}  # of the time for all
PREDICTED = "results/predicted.parquet"
REFERENCE = "results/reference.parquet"
NOISE = "results/noise.parquet"


def measured(asked: dict) -> dict[str, dict]:
    """The parameters of each table that is measured, by path, as they stand in `asked`.

    That is what `minibatch.own.model` has written: the model's file, the state of all files that
    it reads, of which there may be thousands, and the minutes that all may take.
    """
    processes = LAUNCHES + CONFIRMATIONS + 2
    seconds = 60 * asked["budget_minutes"] - STARTING * processes
    known = {"model": asked["model"], "files": digest(asked["files"]), "torch": version("torch")}
    known["evaluated"] = asked["about"]["evaluated"]

    def of(what: str, count: int = 1) -> dict:
        return known | {"budget_seconds": SHARES[what] * seconds / count}

    found = {timed(launch): of("time", LAUNCHES) | {"launch": launch} for launch in launches()}
    found |= {REFERENCE: of("reference"), NOISE: of("noise")}
    return found | {
        trained(launch): of("train", CONFIRMATIONS) | {"launch": launch}
        for launch in confirmations()
    }


def launches() -> range:
    """Of the process that times steps."""
    return range(1, LAUNCHES + 1)


def confirmations() -> range:
    """Of the process that trains."""
    return range(1, CONFIRMATIONS + 1)


def timed(launch: int | str) -> str:
    """The table of step times of a launch."""
    return f"results/steptime/{launch}.parquet"


def trained(launch: int | str) -> str:
    """The table of real training of a launch."""
    return f"results/confirm/{launch}.parquet"
