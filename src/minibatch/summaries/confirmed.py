"""Whether real runs take as long as predicted, and end at the loss: for each batch size tried."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from minibatch.summaries.draws import taking
from minibatch.summaries.intervals import of_ratio, of_times, over_launches
from minibatch.summaries.steptime import BASELINE, CELL, per_launch
from minibatch.summaries.text import times, way
from minibatch.summaries.verdict import ABOUT, Ratio, about

SAID = {"holds": "yes", "does not hold": "no", "undecided": "undecided"}
CALIBRATION = ["calibration_before", "calibration_after"]


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each way of training and batch size, to the first target, with 95 % intervals.

    Reads "time_to_target", "steps", "samples" and "baseline" of step times, and "real" runs; where
    none was made of a size, `runs` is 0. `predicted_seconds` are those of just the steps that were
    taken, over the launches that timed them; `observed_seconds` the median over seeds of each
    launch, as of step times, over launches; `ratio` the second over the first, and `within` whether
    that is within a factor of 1.25. `reached` says whether the mean loss over seeds is at or below
    the target.
    What may explain a ratio, NaN where unknown: `again` is that of runs made once more straight
    after themselves; `paced` that of times over those of a fixed loop beside them, which allows for
    a machine that was slower at the time; `together` is both. `cause` says which of them is within
    that factor where `ratio` is not; perhaps so where the mean is, and its interval not whole.
    """
    predicted, goals = tables["time_to_target"], tables["steps"]
    target = predicted.target.iloc[0]
    goal = goals[goals.target == target].target_loss.iloc[0]
    real, pace = dict(iter(tables["real"].groupby(CELL))), dict(iter(_paces(tables).groupby(CELL)))
    found = []
    ways = (predicted.target == target) & (predicted.implementation != BASELINE)
    for row in predicted[ways].itertuples():
        key = tuple(getattr(row, name) for name in CELL)
        names = {name: getattr(row, name) for name in ("target", "machine", *CELL, "best")}
        made = _compared(real[key], pace[key], goal) if key in real else {}
        found.append(names | {"target_loss": goal} | NONE | made)
    return pd.DataFrame(found, columns=COLUMNS)


def _paces(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """What a step takes in each launch, and what the fixed loop took beside it."""
    loop = tables["samples"].groupby([*CELL, "launch"])[CALIBRATION].first()
    found = per_launch(tables).set_index([*CELL, "launch"])
    return found.assign(loop=loop.mean(axis=1)).reset_index()


def _compared(real: pd.DataFrame, pace: pd.DataFrame, goal: float) -> dict:
    """The columns of one batch size."""
    first, second = (real[real.turn == turn] for turn in (0, 1))
    steps, middle = first.steps.iloc[0], pace[["start_seconds", "epoch_steps"]].median()
    start = 0 if np.isnan(middle.start_seconds) else middle.start_seconds
    predicted = taking(steps, pace.seconds.to_numpy(), start, middle.epoch_steps)
    observed, again = _by_launch(first), _by_launch(second)
    loop = first.groupby("launch")[CALIBRATION].first().mean(axis=1)
    ratios = {"ratio": of_ratio(observed, predicted)}
    ratios["paced"] = of_ratio(observed / loop, predicted / pace.loop)
    last = observed
    if len(again):
        ratios["again"] = of_ratio(again, predicted)
        last = again
    ratios["together"] = of_ratio((last / loop).dropna(), predicted / pace.loop)
    losses = first.loss.to_numpy()
    mean = over_launches(losses) if np.isfinite(losses).all() else (np.inf,) * 3
    launches = first.groupby("launch").busy.first()
    return {
        "learning_rate": first.learning_rate.iloc[0],
        "steps": steps,
        "runs": len(first),
        "launches": len(launches),
        "busy": int(launches.sum()),
        **_spread("predicted_seconds", of_times(predicted)),
        **_spread("observed_seconds", of_times(observed)),
        **{key: value for name in ratios for key, value in _spread(name, ratios[name]).items()},
        "within": SAID[about(ratios["ratio"])],
        "cause": _cause(ratios),
        **_spread("loss", mean),
        "reached": "yes" if mean[2] <= goal else "no" if mean[1] > goal else "undecided",
    }


def _by_launch(runs: pd.DataFrame) -> pd.Series:
    """The median over seeds, a launch."""
    return runs.groupby("launch").seconds.median()


def _spread(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def _cause(ratios: dict[str, Ratio]) -> str:
    """What explains a time that is not within the factor; "" where that is not known to be so.

    "perhaps" where what explains the mean does not explain all of its interval.
    """
    if about(ratios["ratio"]) != "does not hold":
        return ""
    known = {why: ratios[name] for name, why in CAUSES.items() if name in ratios}
    for why, found in known.items():
        if about(found) == "holds":
            return why
    for why, found in known.items():
        if 1 / ABOUT <= found[0] <= ABOUT:
            return f"perhaps {why}"
    return "unexplained"


def sentence(confirmed: pd.DataFrame) -> str:
    """In how many ways of training the best size took as long as predicted, for which not, and why.

    Empty where no real run was made of a best size.
    """
    tried = confirmed[confirmed.best & (confirmed.runs > 0)]
    if tried.empty:
        return ""
    said = [
        f"Real runs of just the predicted steps at the best size took the predicted time, within a "
        f"factor of {ABOUT:g}, in {(tried.within == 'yes').sum()} of {len(tried)} ways of training"
    ]
    others = tried[tried.within == "no"]
    if len(others):
        said.append(f"They did not in {len(others)}: {'; '.join(map(_told, others.itertuples()))}")
    undecided = tried[tried.within == "undecided"].ratio
    if len(undecided):
        ends = dict.fromkeys(map(times, (undecided.min(), undecided.max())))
        said.append(
            f"It is undecided in {len(undecided)}, which took {' to '.join(ends)} that time"
        )
    return ". ".join(said)


def _told(row: NamedTuple) -> str:
    """A way of training with the ratio of its times, and what explains it."""
    ratio = f"{times(row.ratio)}, {times(row.ratio_low)} to {times(row.ratio_high)}"
    sure = "perhaps " if row.cause.startswith("perhaps ") else ""
    return f"{way(row)} ({ratio}; {sure}{EXPLAINED[row.cause.removeprefix('perhaps ')]})"


EXPLAINED = {
    "machine": "within it beside the fixed loop, so the machine was slower or faster",
    "cold": "within it when run once more straight after, so the first run was cold",
    "several": "within it when all that was looked for is allowed for",
    "unexplained": "nothing that was looked for explains it",
}
NONE = {"runs": 0, "launches": 0, "busy": 0, "steps": 0, "within": "", "cause": "", "reached": ""}
CAUSES = {"paced": "machine", "again": "cold", "together": "several"}
RATIOS = ("ratio", *CAUSES)
ENDS = ("", "_low", "_high")
COLUMNS = [
    *("target", "target_loss", "machine", *CELL, "best", "learning_rate", "steps"),
    *("runs", "launches", "busy"),
    *(f"{name}{end}" for name in ("predicted_seconds", "observed_seconds") for end in ENDS),
    *(f"{name}{end}" for name in RATIOS for end in ENDS),
    *("within", "cause", *(f"loss{end}" for end in ENDS), "reached"),
]
