"""What the chapter states of a minibatch's gradient, and whether it holds: of all, and as drawn."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.sgd.gradients import variance
from minibatch.summaries.gradient_law import BATCHES, WAYS, outside
from minibatch.summaries.text import digits

ROUNDING = 1e-9  # as a share of what an example's gradient has; float64 rounds at 1e-16
DRAWN = f"{BATCHES:,} batches drawn of each size, with 95 % for all sizes together"
FACTOR = "√((N − b)/(N − 1))"


def statements(law: pd.DataFrame) -> Iterator[dict]:
    """Rows of statements, criterion, verdict and evidence, from the summary `gradient_law`."""
    yield _expectation(law)
    for method in WAYS:
        yield _deviation(law[law.sampling == method], method)


def _expectation(law: pd.DataFrame) -> dict:
    error, worst = law.mean_error.max(), law.loc[(law.bias / law.bias_limit).idxmax()]
    return {
        "statement": "The gradient of a minibatch has the full gradient as its expectation.",
        "criterion": (
            "their difference over all batches of a size is rounding alone, and 0 is within the "
            f"interval over {DRAWN}"
        ),
        "verdict": _verdict(error <= ROUNDING and worst.bias <= worst.bias_limit),
        "evidence": (
            f"over all batches it is at most {error:.0e} of an example's standard deviation; over "
            f"those drawn at most {worst.bias:.2f} standard errors, at batch size "
            f"{worst.batch_size}, {WAYS[worst.sampling]}, and {worst.bias_limit:.2f} are within "
            "the interval"
        ),
    }


def _deviation(rows: pd.DataFrame, method: str) -> dict:
    """Whether b^(−1/2) alone is the law; where it is not, whether it is with the factor."""
    holds, evidence = _compared(rows, "replacement")
    if not holds:
        mended, said = _compared(rows, "permutation")
        evidence += f"; with the factor {FACTOR} it {_verdict(mended)}: {said}"
    return {
        "statement": (
            f"The standard deviation of a minibatch's gradient falls as b^(−1/2), {WAYS[method]}."
        ),
        "criterion": (
            "over all batches of a size it is σ·b^(−1/2), where σ is that of an example's, but for "
            f"rounding; and that is within its interval over {DRAWN}"
        ),
        "verdict": _verdict(holds),
        "evidence": evidence,
    }


def _compared(rows: pd.DataFrame, law: str) -> tuple[bool, str]:
    """Whether standard deviations are what the law of a sampling says, and how far they are."""
    single = rows.point.map(rows[rows.batch_size == 1].set_index("point").exact)
    expected = single * np.sqrt(variance(rows.batch_size, rows.examples.iloc[0], law))
    exactly = ((rows.exact - expected).abs() <= ROUNDING * single).all()
    exactly &= (rows.variance_error <= ROUNDING).all()
    known = rows[expected > 0]  # of all examples without replacement there is nothing to compare
    names = ["exact", "sampled_low", "sampled_high"]
    shares = known[names].div(expected[known.index], axis=0)
    some = f"{digits(shares.exact.min())} to {digits(shares.exact.max())} times that"
    differ = outside(rows, expected).batch_size.unique()
    where = f"not inside at batch size {', '.join(map(str, differ))}" if len(differ) else "inside"
    said = (
        f"over all batches it is {'that' if exactly else some}; the intervals over those drawn are "
        f"from {digits(shares.sampled_low.min())} to {digits(shares.sampled_high.max())} times "
        f"that, and 1 is {where}"
    )
    return bool(exactly) and not len(differ), said


def _verdict(holds: bool) -> str:
    return "holds" if holds else "does not hold"
