"""The batch size that is soonest at a loss, for each way of training, and what decides it."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from minibatch.summaries import stepcost
from minibatch.summaries.draws import Draws, draws, ratio
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.steptime import BASELINE, CELL, SERIES
from minibatch.summaries.text import counted
from minibatch.summaries.time_to_target import best_sizes, tied
from minibatch.tables.epochs import WHOLE_EPOCHS


def summarise(
    tables: dict[str, pd.DataFrame], *, targets: list[dict], resamples: int
) -> pd.DataFrame:
    """One row for each target and way of training, with 95 % intervals (_low, _high).

    `best_batch_size` has the least time to the target; `tie_set` are all sizes that may be no
    slower than 1.05 times that, by the interval of the ratio. `times_at_one` and `times_at_full`
    are the times at the smallest and at the largest batch size over the best one; `with_first_call`
    is the best size where the first call counts, which may compile. `balance` is √(B·t₀/c), where
    the product would be least were batches drawn with replacement. `cause` is what takes most of
    the time at the best size: see `_cause`. `observed_seconds` and `observed_loss` are those of the
    real runs at that size, which are made to the first target alone.
    """
    critical, lines = tables["critical"].set_index("target"), tables["stepcost"].set_index(SERIES)
    cells = dict(iter(tables["steptime"].groupby(SERIES)))
    real = tables["confirmed"].set_index(["target", *CELL])
    found = []
    for one in draws(tables, targets, resamples):
        ends = best_sizes(one)
        if not ends[1]:  # none that may be best is sure to reach the target
            continue
        times, sizes = one.times, one.sizes
        best = int(np.argmin(times[0]))
        measured = cells[one.series].set_index("batch_size").loc[sizes]
        calls = stepcost.calls(measured).to_numpy()
        alone = one.seconds - calls  # without the calls of whole epochs
        t0, c = stepcost.fit(measured.examples.to_numpy(), alone)
        row = {"target": one.target, "machine": one.machine}
        row |= dict(zip(SERIES, one.series, strict=True))
        row |= {"best_batch_size": sizes[best], **dict(zip(ENDS, ends, strict=True))}
        row |= {"tie_set": ", ".join(map(str, sizes[tied(times)]))}
        row |= {"learning_rate": one.rates[0, best], "steps": one.counts[0, best]}
        for name, values in (
            ("seconds_to_target", times[:, best]),
            ("times_at_one", ratio(times[:, 0], times[:, best])),
            ("times_at_full", ratio(times[:, -1], times[:, best])),
            ("t0_seconds", t0),
            ("c_seconds", c),
        ):
            low, high = of_resamples(values)
            row |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
        cold = times[0] + measured.first_call_seconds.to_numpy()
        row |= {"with_first_call": sizes[np.argmin(cold)]}
        noise = critical.loc[one.target]
        row |= {"balance": _balance(noise.critical_batch_size, t0[0], c[0])}
        # at the smallest size itself, what does not depend on the batch is told by a line alone
        fits = lines.line.get(one.series, "no") == "yes"
        each = c * measured.examples.iloc[0]
        least = of_resamples((t0 + calls[0]) / (t0 + each + calls[0])) if fits else (0, 1)
        causes = {
            _cause(
                measured.loc[size, ["load_share_low", "load_share_high"]],
                _fixed(one, alone, calls, size) if size > sizes[0] else least,
                noise,
                size,
                loads=not {*WHOLE_EPOCHS, BASELINE} & {*one.series},
            )
            for size in (sizes[best], *ends)
        }
        row |= {"cause": causes.pop() if len(causes) == 1 else "undecided"}
        key = one.target, *one.series, sizes[best]
        found.append(row | (_observed(real.loc[key]) if key in real.index else {}))
    return pd.DataFrame(found, columns=COLUMNS)


def _observed(real: pd.Series) -> dict[str, float]:
    """The columns of real runs."""
    return {
        f"observed_{name}{end}": real[f"{source}{end}"]
        for name, source in (("seconds", "observed_seconds"), ("loss", "loss"))
        for end in ("", "_low", "_high")
    }


def _balance(critical: float, t0: float, c: float) -> float:
    """√(B·t₀/c); unknown where one of them is not positive."""
    return np.sqrt(critical * t0 / c) if min(critical, t0, c) > 0 else np.nan


def _fixed(one: Draws, alone: np.ndarray, calls: np.ndarray, size: int) -> tuple[float, float]:
    """What does not depend on the batch, as a share of a step at a size.

    That is what a step takes at the smallest size, and its part of the call of a whole epoch.
    """
    at = list(one.sizes).index(size)
    return of_resamples((alone[:, 0] + calls[at]) / one.seconds[:, at])


def _cause(
    loading: Iterable[float], fixed: Iterable[float], noise: pd.Series, size: int, *, loads: bool
) -> str:
    """What takes most of the time at a size, by the intervals of two shares of a step.

    "loader" where loading is more than a half of it; else "calls" where what a step costs whatever
    its batch is; "loader or calls" where the two cannot be told apart. Else it is the examples:
    "noise" where the batch is below the interval of the critical size, so that their number is
    about the least, "arithmetic" where it is above. "undecided" where an interval allows both.
    """
    apart = not loads or np.isfinite([*loading]).all()
    for cause, (low, high) in (("loader", loading), ("calls", fixed)):
        if low > HALF:
            return cause if apart else "loader or calls"
        if low <= HALF <= high:
            return "undecided"
    if size < noise.critical_batch_size_low:
        return "noise"
    return "arithmetic" if size > noise.critical_batch_size_high else "undecided"


def sentence(answers: pd.DataFrame, target: str) -> str:
    """What takes most of a step at the best size, and in how many ways of training.

    Empty where none reaches the target.
    """
    found = answers[(answers.target == target) & (answers.implementation != BASELINE)]
    counts = found.cause.map(TAKING).value_counts()
    sure, undecided = counts.drop(UNDECIDED, errors="ignore"), counts.get(UNDECIDED, 0)
    said = [f"{what} in {count}" for what, count in sure.items()]
    if undecided:
        said.append(f"undecided in {undecided}")
    if not said:
        return ""
    return (
        f"What takes most of a step at the best size, of {counted(len(found), 'way')} of training: "
        f"{'; '.join(said)}"
    )


HALF = 0.5
UNDECIDED = "undecided"
TAKING = {
    "calls": "calls, which cost the same whatever the batch,",
    "loader": "loading",
    "loader or calls": "loading or calls, which cannot be told apart,",
    **dict.fromkeys(("noise", "arithmetic"), "the examples"),
    UNDECIDED: UNDECIDED,
}
ENDS = ("best_batch_size_low", "best_batch_size_high")
COLUMNS = [
    *("target", "machine", *SERIES, "best_batch_size", *ENDS, "tie_set", "learning_rate", "steps"),
    *(
        f"{name}{end}"
        for name in (
            *("seconds_to_target", "times_at_one", "times_at_full"),
            *("t0_seconds", "c_seconds"),
        )
        for end in ("", "_low", "_high")
    ),
    *("with_first_call", "balance", "cause"),
    *("observed_seconds", "observed_seconds_low", "observed_seconds_high"),
    *("observed_loss", "observed_loss_low", "observed_loss_high"),
]
