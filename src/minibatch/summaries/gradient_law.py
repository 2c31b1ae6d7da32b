"""The gradients of batches by their size: their mean and standard deviation, exact and sampled."""

import numpy as np
import pandas as pd
from scipy import special

from minibatch.sgd import gradients, objective
from minibatch.sgd.examples import split
from minibatch.summaries.intervals import CONFIDENCE

BATCHES = 2000  # that are drawn of each size
WAYS = {"replacement": "with replacement", "permutation": "without replacement"}


def summarise(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each point, at the start and the optimum, each sampling and batch size.

    `exact` is the standard deviation by the formula, and `sampled` that of drawn batches, whose
    intervals hold with 95 % for all rows together. Over all batches there are, the formula's
    variance is off by `variance_error`, as a share of σ², and the mean by `mean_error`, as one of
    σ. Over the drawn ones the mean is off by `bias` in its standard errors, in the coordinate where
    that is most; 95 % of samplings stay below `bias_limit` in all rows together. Of all examples
    without replacement there is but one batch, and nothing to draw.
    """
    x, y = split(tables["examples"].to_numpy())
    points = {"start": np.zeros(x.shape[1] + 1), "optimum": objective.optimum(x, y)}
    off = [_off(gradients.per_example(x, y, point)) for point in points.values()]
    off = dict(zip(points, off, strict=True))
    sizes = _sizes(len(y))
    exact = [_exact(off[at], sizes, method).assign(point=at) for at in off for method in WAYS]
    sampled = [_sampled(off, sizes, method) for method in WAYS]
    found = pd.concat(exact).merge(pd.concat(sampled), how="left", on=KEY)
    return _with_intervals(found, x.shape[1] + 1)[COLUMNS]


def _off(single: np.ndarray) -> np.ndarray:
    """How far each example's gradient is from that of all."""
    return single - single.mean(axis=0)


def _sizes(examples: int) -> np.ndarray:
    """1, 2, 5, 10, 20, 50, … and all examples."""
    steps = [digit * 10**power for power in range(len(str(examples))) for digit in (1, 2, 5)]
    return np.array([*(size for size in steps if size < examples), examples])


def _exact(off: np.ndarray, sizes: np.ndarray, method: str) -> pd.DataFrame:
    """What is known of all batches of each size: by the formula, and by going through them."""
    squared = gradients.trace(off)
    share = gradients.variance(sizes, len(off), method)
    means, variances = (found[sizes - 1] for found in gradients.over_all_batches(off, method))
    about = {"sampling": method, "examples": len(off), "batch_size": sizes}
    return pd.DataFrame(
        about
        | {
            "exact": np.sqrt(squared * share),
            "variance_error": np.abs(variances / squared - share),
            "mean_error": np.linalg.norm(means, axis=1) / np.sqrt(squared),
        }
    )


def _sampled(off: dict[str, np.ndarray], sizes: np.ndarray, method: str) -> pd.DataFrame:
    """What drawn batches say, all points with the same batches; `error` is relative."""
    examples = len(next(iter(off.values())))
    sizes = sizes[(sizes < examples) | (method == "replacement")]
    means = gradients.drawn(np.stack([*off.values()], axis=1), sizes, method, BATCHES)
    squares = (means**2).sum(axis=-1)  # independent, since the batches are, and the mean is known
    variance = squares.mean(axis=0)
    error = squares.std(axis=0, ddof=1) / np.sqrt(BATCHES) / variance
    standard = means.std(axis=0, ddof=1) / np.sqrt(BATCHES)
    bias = (np.abs(means.mean(axis=0)) / standard).max(axis=-1)
    columns = {"sampled": np.sqrt(variance), "error": error / 2, "bias": bias}
    index = pd.MultiIndex.from_product([sizes, off], names=["batch_size", "point"])
    found = pd.DataFrame({name: of.ravel() for name, of in columns.items()}, index)
    return found.reset_index().assign(sampling=method, batches=BATCHES)


def _with_intervals(found: pd.DataFrame, coordinates: int) -> pd.DataFrame:
    """The ends of intervals that hold for all rows together (Bonferroni), by normal quantiles.

    Of a standard deviation they are factors, as of what is positive and skewed.
    """
    outside = (1 - CONFIDENCE) / 2 / found.sampled.count()
    factor = np.exp(-special.ndtri(outside) * found.error)
    return found.assign(
        sampled_low=found.sampled / factor,
        sampled_high=found.sampled * factor,
        bias_limit=-special.ndtri(outside / coordinates),
    )


def outside(rows: pd.DataFrame, expected: pd.Series) -> pd.DataFrame:
    """The rows in whose interval of drawn batches the expected standard deviation is not."""
    return rows[(rows.sampled_low > expected) | (rows.sampled_high < expected)]


def sentence(rows: pd.DataFrame) -> str:
    """Whether drawn batches are as noisy as the formula says."""
    differ = outside(rows, rows.exact).batch_size.unique()
    where = f"but for those of {', '.join(map(str, differ))}" if len(differ) else "at every size"
    return f"Gradients of {BATCHES:,} drawn batches vary as computed {where}"


KEY = ["point", "sampling", "batch_size"]
COLUMNS = [
    *("point", "sampling", "examples", "batch_size", "exact", "variance_error", "mean_error"),
    *("batches", "sampled", "sampled_low", "sampled_high", "bias", "bias_limit"),
]
