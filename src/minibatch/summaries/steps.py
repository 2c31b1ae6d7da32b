"""How many steps each batch size needs to a loss, at the learning rate that suits it."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from minibatch.errors import UserError
from minibatch.sgd.cases import earliest, since
from minibatch.summaries import intervals

HUGE = np.float32(1e15)  # in place of infinite losses, of which no weight makes a mean
PLAIN = "plain"
# Standard errors by which the seeds that choose a rate have to be below a loss. The mean of as many
# others is within 1.96·√2 = 2.8 of theirs with 95 %: less, and these do not keep the loss.
MARGIN = 3
KEPT = 1.1  # times the steps to a loss, at least, for which it is seen to be kept


def losses(targets: list[dict], problem: pd.DataFrame) -> dict[str, float]:
    """The loss of each target, by its name: a {"loss": …}, an {"excess": …} or a {"gain": …}.

    The last two lie above the floor, by a share of it, or of what there is from the loss at zero
    weights to it. Raises UserError where a loss is above it, but by less than the "lowest" excess.
    """
    floor = problem.floor.iloc[0]
    found = {}
    for target in targets:
        if "gain" in target:
            name = f"floor + {100 * target['gain']:g} % of the gain"
            found[name] = floor + target["gain"] * (problem.loss_at_zero.iloc[0] - floor)
            continue
        if "loss" in target:
            loss, lowest = target["loss"], (1 + target["lowest"]) * floor
            if floor < loss < lowest:
                raise UserError(
                    f"answer.targets: {loss:g} is below {lowest:.6f}, which is sweep.lowest above "
                    f"the floor, {floor:.6f}; raise the one or lower the other"
                )
            found[f"{loss:g}"] = loss
        else:
            found[f"floor + {100 * target['excess']:g} %"] = (1 + target["excess"]) * floor
    return found


def summarise(
    tables: dict[str, pd.DataFrame], *, targets: list[dict], resamples: int
) -> pd.DataFrame:
    """One row for each target and batch size.

    `steps`, at least one, is the number from which on the mean loss over seeds stays at or below
    the target, at the learning rate that is best on one half of the seeds, and scored on the other;
    infinite where it is not kept. Best is the rate that is soonest below the target by a margin of
    standard errors: just below it, the other half may not keep it. Its 95 % interval is by
    bootstrap over both halves, the choice of the rate included, and goes down to the number after
    the one before on the grid of the losses.
    """
    found = []
    goals = losses(targets, tables["problem"])
    for size, drawn in bootstrap(tables["curves"], goals, resamples):
        for name, (rates, steps) in drawn.items():
            low, high = intervals.of_resamples(steps)
            found.append(
                {"target": name, "target_loss": goals[name], "batch_size": size}
                | {"learning_rate": rates[0], "steps": steps[0]}
                | {"steps_low": float(earliest(low)), "steps_high": high}
            )
    return pd.DataFrame(found, columns=COLUMNS)


def bootstrap(
    curves: pd.DataFrame, goals: dict[str, float], resamples: int
) -> Iterator[tuple[int, dict[str, tuple[np.ndarray, np.ndarray]]]]:
    """For each batch size and target: the chosen rates and the steps, first of all the seeds.

    Then of each resample of them, shape (resamples + 1,); those of a number are the same seeds for
    every batch size, as the runs share them.
    """
    names = [name for name in curves if name.startswith("group_")]
    half = len(names) // 2
    random = np.random.default_rng(0)
    weights = [np.float32(intervals.resamples(random, half, resamples)) for _ in range(2)]
    for size, rows in curves[curves.variant == PLAIN].groupby("batch_size"):
        points, rates = np.unique(rows.step), np.unique(rows.learning_rate)
        means = rows[names].to_numpy(np.float32).clip(max=HUGE)
        # one rate after the other, whose numbers stay in a cache
        by_rate = means.reshape(len(points), len(rates), -1).transpose(1, 2, 0).copy()
        counts, first = ends(points), {name: [] for name in goals}
        for curve in by_rate:
            sure = _sure(weights[0], curve[:half])
            for name, goal in goals.items():
                first[name].append(counts[since(sure <= goal)])
        found = {}
        for name, goal in goals.items():
            soonest = np.stack(first[name], axis=1)
            least = soonest.min(axis=1, keepdims=True)
            best, steps = _middle(soonest == least), least[:, 0]
            reached = np.isfinite(steps)
            for rate in np.unique(best[reached]):
                own = reached & (best == rate)
                steps[own] = counts[since(weights[1][own] @ by_rate[rate, half:] <= goal)]
            found[name] = np.where(reached, rates[best], np.nan), steps
        yield size, found


def ends(points: np.ndarray) -> np.ndarray:
    """The steps to a loss that is kept from each of these numbers of steps on, or from none.

    At least one; infinite where it is not seen to be kept for long enough.
    """
    return np.append(np.where(points * KEPT <= points[-1], points.clip(min=1), np.inf), np.inf)


def _sure(weights: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Means of resamples of groups, and the margin above them: shape (resamples + 1, points)."""
    least = means.min(axis=0)  # from which on squares are exact enough
    found, margin = weights @ (means - least), weights @ (means - least) ** 2
    margin -= found**2
    np.sqrt(margin.clip(min=0, out=margin), out=margin)
    margin *= np.float32(MARGIN / np.sqrt(len(means) - 1))
    found += margin
    found += least
    return found


def _middle(tied: np.ndarray) -> np.ndarray:
    """The middle one of those that are true in each row."""
    rank = np.cumsum(tied, axis=1)
    return np.argmax(rank > (rank[:, -1:] - 1) // 2, axis=1)


COLUMNS = [
    *("target", "target_loss", "batch_size", "learning_rate"),
    *("steps", "steps_low", "steps_high"),
]
