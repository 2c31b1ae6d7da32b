"""What real training of a user's model says of the prediction, and the answer in sentences."""

import numpy as np
import pandas as pd

from minibatch.summaries.confirmed import SAID
from minibatch.summaries.draws import launch_draws
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.model_prediction import ENDS, RESAMPLES
from minibatch.summaries.steptime import SERIES
from minibatch.summaries.text import digits, times
from minibatch.summaries.time_to_target import tied
from minibatch.summaries.verdict import about

SMALL = 0.5  # of a batch: an epoch that ends with less has a step that is noisier by far


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row a batch size that was tried, with 95 % intervals over launches (_low, _high).

    Reads "predicted" and "real". `observed_steps` and `observed_seconds` are infinite where no
    launch reached the target, and NaN where only some did, or the time was over first;
    `observed_tie` says which of the others may be as good as the one that was soonest. `ratio` is
    the observed time over the predicted one, and `within` whether that is within a factor of 1.25.
    """
    predicted, real = tables["predicted"], tables["real"]
    rows = predicted[predicted.tried].set_index("batch_size")
    timed = real[real.seconds.notna()].set_index(["launch", "batch_size"])
    reach = real.groupby(["launch", "batch_size"]).steps_to_target.first().unstack()
    seconds = timed.seconds.unstack().reindex(index=reach.index, columns=reach.columns)
    sizes = [size for size in rows.index if size in reach]
    steps, times_ = (_draws(table[sizes]) for table in (reach, seconds.fillna(reach)))
    known = ~np.isnan(times_[0])
    ties = np.zeros(len(sizes), bool)
    ties[known] = tied(times_[:, known]) if known.any() else False
    launches = real.groupby("launch").busy.first()
    found = []
    for index, size in enumerate(sizes):
        row = {"batch_size": size, "best": bool(rows.best[size])}
        row |= {"launches": len(reach), "reached": int(np.isfinite(reach[size]).sum())}
        row |= {"last_batch": rows.last_batch[size], "predicted_tie": bool(rows.tie[size])}
        row |= {"busy": int(launches.sum()), "learning_rate": rows.learning_rate[size]}
        for name in ("steps", "seconds_to_target"):
            row |= {f"predicted_{name}{end}": rows[f"{name}{end}"][size] for end in ENDS}
        for name, values in (("steps", steps), ("seconds_to_target", times_)):
            low, high = of_resamples(values[:, index])
            own = dict(zip(ENDS, (values[0, index], low, high), strict=True))
            row |= {f"observed_{name}{end}": value for end, value in own.items()}
        row |= _ratio(row)
        found.append(row | {"observed_tie": bool(ties[index])})
    return pd.DataFrame(found)


def _draws(launches: pd.DataFrame) -> np.ndarray:
    """Estimate and resamples, shape (resamples + 1, sizes); infinite where all launches are."""
    there = np.isfinite(launches).all().to_numpy()
    without = np.where(np.isinf(launches).all(), np.inf, np.nan)
    found = np.tile(without, (RESAMPLES + 1, 1))
    if there.any():
        found[:, there] = launch_draws(launches.loc[:, there].to_numpy(float), RESAMPLES)
    return found


def _ratio(row: dict) -> dict:
    """Observed over predicted seconds: in logarithms, the distances of ends add up as squares."""
    observed, predicted = (
        [row[f"{name}_seconds_to_target{end}"] for end in ENDS]
        for name in ("observed", "predicted")
    )
    if not np.isfinite(observed[0]):
        said = "no" if np.isinf(observed[0]) else "undecided"
        return dict.fromkeys((f"ratio{end}" for end in ENDS), observed[0]) | {"within": said}
    middle = observed[0] / predicted[0]
    below = np.hypot(np.log(observed[0] / observed[1]), np.log(predicted[2] / predicted[0]))
    above = np.hypot(np.log(observed[2] / observed[0]), np.log(predicted[0] / predicted[1]))
    found = middle, middle * np.exp(-below), middle * np.exp(above)
    known = dict(zip((f"ratio{end}" for end in ENDS), found, strict=True))
    return known | {"within": SAID[about(found)]}


def tried_way(predicted: pd.DataFrame) -> pd.DataFrame:
    """Of what is predicted, the rows of the way of training that real training is made in."""
    series = pd.MultiIndex.from_frame(predicted[SERIES])
    return predicted[series.isin(series[predicted.tried])]


def headline(predicted: pd.DataFrame, checked: pd.DataFrame) -> str:
    """What a figure has room for: what is refuted, or the best size."""
    if said := _failure(checked):
        return said[0]
    way = tried_way(predicted)
    best = way[way.best].iloc[0]
    if not best.best_high:
        return f"Undecided which batch size is soonest at a loss of {best.target_loss:.4g}"
    ties = [str(size) for size in way[way.tie].batch_size]
    which = (
        f"Batch sizes {', '.join(ties)} are"
        if len(ties) > 1
        else f"Batch size {best.batch_size} is"
    )
    return (
        f"{which} predicted to be soonest at a loss of {best.target_loss:.4g}, and real training "
        "does not refute it"
    )


def sentence(predicted: pd.DataFrame, checked: pd.DataFrame) -> str:
    """Which batch size is best; where real training refutes the prediction, that first."""
    way = tried_way(predicted)
    best = way[way.best].iloc[0]
    said = [*_failure(checked), _best(way, best)]
    largest = way.loc[way.batch_size.idxmax()]
    if best.best_high and largest.batch_size != best.batch_size:
        said.append(_largest(largest))
    return ". ".join(said)


def _best(way: pd.DataFrame, best: pd.Series) -> str:
    if not best.best_high:
        return (
            f"Undecided which batch size is soonest at a loss of {best.target_loss:.4g}: the noise "
            "of the gradient and the steps of one run are not known well enough"
        )
    ties = [str(size) for size in way[way.tie].batch_size]
    others = f" (as good, for all that is known: {', '.join(ties)})" if len(ties) > 1 else ""
    return (
        f"Predicted: batch size {best.batch_size}{others} is soonest at a loss of "
        f"{best.target_loss:.4g}, in {digits(best.seconds_to_target)} s, at a learning rate of "
        f"{best.learning_rate:.2g}"
    )


def _largest(row: pd.Series) -> str:
    low, high = times(row.ratio_low), times(row.ratio_high)
    if row.ratio_low <= 1 <= row.ratio_high:
        return (
            f"Whether the largest size that fits, {row.batch_size}, takes longer is undecided: "
            f"{low} to {high} that time"
        )
    return f"The largest size that fits, {row.batch_size}, takes {low} to {high} that time"


def _failure(checked: pd.DataFrame) -> list[str]:
    """What real training refutes, or leaves undecided."""
    best, size = checked[checked.best].iloc[0], int(checked[checked.best].batch_size.iloc[0])
    if np.isnan(best.observed_steps):
        return [
            f"Whether the prediction holds is undecided: at batch size {size} real training was at "
            f"the loss in {best.reached} of {best.launches} launches"
        ]
    if not np.isfinite(checked.observed_steps).any():
        return ["The prediction fails: no real training reached the loss"]
    said, soonest = "", ", ".join(map(str, checked[checked.observed_tie].batch_size))
    if not (checked.observed_tie & (checked.predicted_tie | checked.best)).any():
        said = f"The prediction fails: in real training {soonest} may be soonest, and not {size}"
    elif not best.observed_tie:
        said = f"In real training {soonest} may be soonest, and not {size}, the predicted best"
    elif best.within == "no":
        said = (
            f"The predicted time fails: real training at batch size {size} takes "
            f"{times(best.ratio)} ({times(best.ratio_low)} to {times(best.ratio_high)}) of it"
        )
    if said and best.last_batch < SMALL * size:
        said += (
            f" (each epoch ends with a batch of {best.last_batch} examples there, a step as noisy "
            "as that, which the prediction does not count)"
        )
    return [said] if said else []


def check_sentence(checked: pd.DataFrame) -> str:
    """What real training bears out."""
    best = checked[checked.best].iloc[0]
    ties = ", ".join(str(size) for size in checked[checked.observed_tie].batch_size)
    tried = ", ".join(map(str, checked.batch_size))
    if np.isnan(best.observed_steps):
        return f"Real training at batch sizes {tried}, in {best.launches} launches"
    among = "is" if best.observed_tie else "is not"
    return (
        f"Real training to the loss at batch sizes {tried}, in {best.launches} launches: the "
        f"predicted best, {best.batch_size}, {among} among those that may be soonest ({ties})"
    )
