"""Time to the target of a model of the user's, by batch size: predicted from three measurements.

A run of the reference, the gradient noise on its way, and what a step costs. The reference takes
S steps at the batch size b₀ and learning rate η₀; at b it takes S·(1 + B/b)/(1 + B/b₀), at the rate
that makes η·(1 + B/b) the same (McCandlish et al. 2018, equations 2.6 and 2.7). Batches are drawn
without replacement, so that 1/b is (N − b)/((N − 1)b).
"""

import numpy as np
import pandas as pd

from minibatch.own.crossing import crossing
from minibatch.own.methods import DIRECT, EAGER, ESTIMATED, EXACT, LOADER
from minibatch.sgd.gradients import variance
from minibatch.summaries.draws import Draws, around, paces, ratio
from minibatch.summaries.intervals import of_resamples, resamples
from minibatch.summaries.noise_scale import noise_scale, over_steps
from minibatch.summaries.steptime import SERIES
from minibatch.summaries.time_to_target import best_sizes, tied

RESAMPLES = 1000
FAR = 1000  # times the noise scale or less: beyond that, an end of its interval says no more
SIDE = 1.96  # standard deviations from the middle of an interval to an end
ENDS = ("", "_low", "_high")


def noise(table: pd.DataFrame, method: str) -> tuple[float, float, float]:
    """B in the mean over the steps to the target, with its 95 % interval, as a method measured it.

    The interval is of the mean, and not of how well one B stands for a way along which B grows.
    """
    rows = table[table.method == method]
    lost = rows.seed[~np.isfinite(rows.gradient_squared)]  # of runs that diverged
    rows = rows[~rows.seed.isin(lost)]
    if rows.empty:
        return np.inf, 0.0, np.inf
    wide = rows.pivot_table(index="point", columns="seed", values=["gradient_squared", "trace"])
    squared, trace = (wide[name].to_numpy() for name in ("gradient_squared", "trace"))
    return noise_scale(squared, trace, over_steps(rows.groupby("point").step.first().to_numpy()))


def tried(sizes: np.ndarray, best: int) -> set[int]:
    """Where real training is to check: the best size, about half and double of it, the largest."""
    return {*around(sizes, best), sizes.max()}


def summarise(tables: dict[str, pd.DataFrame], *, examples: int) -> pd.DataFrame:
    """One row a way of training and batch size, with 95 % intervals (_low, _high).

    Reads "samples" of step times, "reference" and "noise". `ratio` is the time over that of the
    best size of the way; `tie` says whether it may be as good; `best_low` and `best_high` are the
    interval of the best size; `noise_scale` is B, and the same in every row; `tried` says where
    real training is to check the prediction, `last_batch` how many examples an epoch ends with.
    """
    run = tables["reference"]
    run = run[run.part == "reference"]
    size, rate, target = (
        run[name].iloc[0] for name in ("batch_size", "learning_rate", "target_loss")
    )
    samples = tables["samples"].groupby(SERIES).filter(lambda own: own.launch.nunique() > 1)
    known = tables["noise"].method.unique()
    scale = noise(tables["noise"], EXACT if EXACT in known else ESTIMATED)
    drawn = _noise_draws(scale, examples)
    steps = _steps(run, target)
    found = []
    every = {*samples.batch_size}
    timed = {"samples": samples, "baseline": samples[:0]}
    for series, pace in paces(timed, sorted(every), RESAMPLES):
        machine, sizes, *paced = pace
        if not len(sizes):
            continue
        factors = 1 + drawn[:, None] * variance(sizes, examples)
        relative = factors / (1 + drawn[:, None] * variance(np.array([size]), examples))
        counts, rates = steps[:, None] * relative, rate / relative
        one = Draws(machine, series, f"{target:g}", sizes, rates, counts, *paced)
        found.append(_rows(one, target, scale, samples))
    table = pd.concat(found, ignore_index=True)
    loader = DIRECT if DIRECT in {*table.loader} else LOADER  # as real training takes batches
    primary = (table.implementation == EAGER) & (table.loader == loader)
    rows = table[primary]
    best = rows.loc[rows.seconds_to_target.idxmin()].batch_size
    chosen = tried(rows.batch_size.to_numpy(), best)
    last = (examples - 1) % table.batch_size + 1
    return table.assign(last_batch=last, tried=primary & table.batch_size.isin(chosen))


def _rows(one: Draws, target: float, scale: tuple, samples: pd.DataFrame) -> pd.DataFrame:
    """The rows of a way of training."""
    times, best = one.times, int(np.argmin(one.times[0]))
    least, most = best_sizes(one)
    names = dict(zip(SERIES, one.series, strict=True))
    own = samples[(samples[SERIES] == list(one.series)).all(axis=1)]
    first_calls = own.groupby("batch_size").first_call_seconds.max()
    rows = []
    for index, size in enumerate(one.sizes):
        row = {"machine": one.machine, **names, "target_loss": target, "batch_size": size}
        row |= dict(zip((f"noise_scale{end}" for end in ENDS), scale, strict=True))
        row |= {"learning_rate": one.rates[0, index], "first_call_seconds": first_calls[size]}
        for name, values in (
            ("steps", one.counts[:, index]),
            ("step_seconds", one.seconds[:, index]),
            ("seconds_to_target", times[:, index]),
            ("ratio", ratio(times[:, index], times[:, best])),
        ):
            low, high = of_resamples(values)
            row |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
        rows.append(row | {"best": index == best, "best_low": least, "best_high": most})
    return pd.DataFrame(rows).assign(tie=tied(times))


def _noise_draws(scale: tuple[float, float, float], examples: int) -> np.ndarray:
    """The noise scale, then draws of where it may be.

    Logarithms with a normal distribution on each side, whose ends are those of the interval. Where
    |G|² is not told from 0, B is beyond all examples, whatever it is.
    """
    beyond = FAR * examples
    middle, low, high = (min(end, beyond) for end in scale)
    middle = max(middle, 1 / FAR)
    drawn = np.random.default_rng(2).standard_normal(RESAMPLES) / SIDE
    low, high = max(low, middle / FAR), max(high, middle)
    sides = np.where(drawn > 0, np.log(high / middle), np.log(middle / low))
    return np.append(middle, middle * np.exp(sides * drawn))


def _steps(run: pd.DataFrame, target: float) -> np.ndarray:
    """The steps of the reference, then those of resamples of its seeds."""
    losses = run.pivot_table(index="step", columns="seed", values="loss").dropna()
    values, seeds = losses.to_numpy(), losses.shape[1]
    weights = resamples(np.random.default_rng(3), seeds, RESAMPLES)
    steps = losses.index.to_numpy()
    return np.array([crossing(steps, values @ weight, target) for weight in weights])
