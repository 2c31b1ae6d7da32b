"""How few steps and how few examples are enough, and the batch size that trades them: a fit."""

import numpy as np
import pandas as pd

from minibatch.sgd.gradients import variance
from minibatch.summaries import steps
from minibatch.summaries.intervals import of_resamples
from minibatch.summaries.stepcost import FEWEST, fit


def summarise(
    tables: dict[str, pd.DataFrame], *, targets: list[dict], resamples: int, uneven: float = 0.0
) -> pd.DataFrame:
    """One row for each target, with 95 % intervals; without numbers where it is hardly reached.

    Where S steps are E = b·S examples, (S/S_min − 1)(E/E_min − 1) = 1 (McCandlish et al. 2018,
    equation 2.11) is S = S_min + E_min/b, and `critical_batch_size` E_min/S_min. It supposes a
    gradient whose variance is as 1/b. Batches without replacement have less by the factor
    (N − b)/(N − 1), none at all where b = N, so that E_min/b is multiplied by that. Errors are
    shares of S; batch sizes that leave a smaller last batch follow no such line and are left out,
    but for those where it counts for no more than `uneven` of an epoch's noise.
    `residual` is the farthest that S lies from the fit, as a share of S, at size `residual_at`.
    """
    total = int(tables["problem"].examples.iloc[0])
    goals = steps.losses(targets, tables["problem"])
    sizes, drawn = [], {name: [] for name in goals}
    for size, found in steps.bootstrap(tables["curves"], goals, resamples):
        sizes.append(size)
        for name, (_, counts) in found.items():
            drawn[name].append(counts)
    rows = []
    for name, counts in drawn.items():
        counts = np.transpose(counts)
        used = np.isfinite(counts).all(axis=0) & (_uneven(np.array(sizes), total) <= uneven)
        if used.sum() < FEWEST:
            rows.append({"target": name, "examples": total, "batch_sizes": 0})
            continue
        shown, counts = np.array(sizes)[used], counts[:, used]
        noise = variance(shown, total)
        minimum, examples = fit(noise, counts)
        row = {"target": name, "examples": total, "batch_sizes": len(shown)}
        for column, values in (
            ("minimum_steps", minimum),
            ("minimum_examples", examples),
            ("critical_batch_size", examples / minimum),
        ):
            low, high = of_resamples(values)
            row |= {column: values[0], f"{column}_low": low, f"{column}_high": high}
        residuals = 1 - (minimum[0] + examples[0] * noise) / counts[0]
        farthest = np.argmax(np.abs(residuals))
        rows.append(row | {"residual": residuals[farthest], "residual_at": shown[farthest]})
    found = pd.DataFrame(rows, columns=COLUMNS)
    return found.astype(dict.fromkeys(COLUMNS[3:], float))


def _uneven(sizes: np.ndarray, examples: int) -> np.ndarray:
    """What a smaller last batch adds to the noise of an epoch's other batches; 0 without one."""
    smaller = examples % sizes
    whole = np.maximum(1, examples // sizes)
    return np.where(smaller > 0, sizes / np.maximum(smaller, 1) / whole, 0.0)


COLUMNS = [
    *("target", "examples", "batch_sizes"),
    *(
        f"{name}{end}"
        for name in ("minimum_steps", "minimum_examples", "critical_batch_size")
        for end in ("", "_low", "_high")
    ),
    *("residual", "residual_at"),
]
