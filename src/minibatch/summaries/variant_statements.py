"""What the chapter states of SGD's decline, its visits and its learning rate, over many seeds."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.sgd import sampling
from minibatch.summaries.variants import PLAIN
from minibatch.summaries.verdict import UNMEASURED, shown, verdict

SCHEDULES = {"tenth": "to a tenth after each epoch", "inverse": "as 1/t, t counting epochs"}
SEEDS = 100  # whose orders are searched for an example that is not visited


def statements(tables: dict[str, pd.DataFrame]) -> Iterator[dict]:
    """Rows of statements that no framework decides: statement, criterion, verdict, evidence."""
    rows = tables["variants"]
    yield _slower(rows[(rows.variant == PLAIN) & (rows.batch_size == 1) & (rows.epoch == 2)])
    yield _visited(int(tables["problem"].examples.iloc[0]))
    for schedule, name in SCHEDULES.items():
        ends = rows[(rows.variant == schedule) & (rows.epoch == rows.epochs)]
        yield _decay(f"The learning rate should go down, {name}.", ends)


def _slower(second: pd.DataFrame) -> dict:
    """Whether the second epoch of SGD lowers the mean loss less than its first."""
    found = {
        "statement": "After its first epoch, the loss of batch size 1 falls more slowly.",
        "criterion": (
            "the 95 % interval over seeds of the decline in the second epoch over that in the "
            "first lies below 1"
        ),
    }
    if second.empty or not np.isfinite(second.decline.iloc[0]):
        evidence = "no run from scratch on single examples keeps its learning rate and converges"
        return found | {"verdict": UNMEASURED, "evidence": evidence}
    ratio = tuple(second[["decline", "decline_low", "decline_high"]].iloc[0])
    evidence = f"{shown(ratio)}, at learning rate {second.learning_rate.iloc[0]:g}"
    return found | {"verdict": verdict(ratio, least=-np.inf, most=1), "evidence": evidence}


def _visited(examples: int) -> dict:
    """Whether an epoch visits each example once, by the orders that the runs have."""
    orders = [
        sampling.batch_order(examples, seed, epoch, "permutation", 1)
        for seed in range(SEEDS)
        for epoch in range(2)
    ]
    once = all((np.bincount(order, minlength=examples) == 1).all() for order in orders)
    drawn = sampling.batch_order(examples, 0, 0, "replacement", 1)
    return {
        "statement": "An epoch visits every example once.",
        "criterion": f"it does so in the first two epochs of each of {SEEDS} seeds",
        "verdict": "holds" if once else "does not hold",
        "evidence": (
            f"{len(orders)} epochs of {examples} examples each; with replacement, the first epoch "
            f"of seed 0 visits {len(np.unique(drawn)) / examples:.1%} of them"
        ),
    }


def _decay(statement: str, ends: pd.DataFrame) -> dict:
    """Whether a learning rate that goes down ends nearer to the floor than a constant one."""
    found = {
        "statement": statement,
        "criterion": (
            "for every run from scratch, the 95 % interval over seeds of the final loss above the "
            "floor over that at a constant learning rate lies below 1"
        ),
    }
    ratios = ends[["ratio", "ratio_low", "ratio_high"]]
    if ends.empty or not np.isfinite(ratios).all(axis=None):
        evidence = "no run from scratch, or one diverges"
        return found | {"verdict": UNMEASURED, "evidence": evidence}
    each = [*ratios.itertuples(index=False, name=None)]
    verdicts = {verdict(ratio, most=1) for ratio in each}
    said = "does not hold" if "does not hold" in verdicts else "undecided"
    said = "holds" if verdicts == {"holds"} else said
    evidence = [f"{run}: {shown(ratio)}" for run, ratio in zip(ends.run, each, strict=True)]
    return found | {"verdict": said, "evidence": "; ".join(evidence)}
