"""The tables of the report on the noise of gradients, laid out as text."""

import pandas as pd

from minibatch.report.sheets import sheet
from minibatch.summaries.gradient_law import WAYS
from minibatch.summaries.text import digits


def law(rows: pd.DataFrame) -> dict:
    """The standard deviation of a batch's gradient, exactly and as drawn."""
    ends = zip(rows.sampled, rows.sampled_low, rows.sampled_high, strict=True)
    drawn = pd.Series("{} ({} to {})".format(*map(digits, values)) for values in ends)
    shown = pd.DataFrame(
        {
            "at": rows.point,
            "drawn": rows.sampling.map(WAYS),
            "batch size": rows.batch_size,
            "standard deviation": rows.exact.map(digits),
            "of drawn batches": drawn.where(rows.sampled.notna(), None),
            "standard errors from their mean to G": rows.bias.map("{:.2f}".format).where(
                rows.bias.notna(), None
            ),
        }
    )
    return sheet("A batch's gradient, with 95 % intervals for all rows together", shown)


def noise(rows: pd.DataFrame) -> dict:
    """The noise of an example's gradient on the way to the optimum."""
    shown = pd.DataFrame(
        {
            "step": rows.step,
            "loss": rows.loss.map("{:.4f}".format),
            "|G|²": rows.gradient_squared.map(digits),
            "tr Σ": rows.trace.map(digits),
            "tr Σ/|G|²": rows.noise_scale.map(digits),
        }
    )
    return sheet("The simple noise scale on the way of full-batch descent", shown)
