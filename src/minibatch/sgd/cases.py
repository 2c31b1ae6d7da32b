"""What a sweep runs: learning rates and numbers of steps, by what is known of the loss exactly."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd import sampling
from minibatch.sgd.moments import Moments

APART = 0.02  # from one number of steps at which the loss is kept to the next, as a share
MARGIN = 1.5  # times the steps that the best learning rate needs: how long a target has to be kept
RANGE = 2  # times the lowest learning rate is the one that is best for the lowest target
PAST = 1.1  # times the limit of stability
BEYOND = 1.5  # where the limit and the best rate are estimates: how far they may be off
CANDIDATES = 200  # learning rates among which theory looks for the best
LONGEST = 10**6  # steps after which it gives up


@dataclass(frozen=True)
class Most:
    """What a sweep may take, where it cannot take all that it would."""

    updates: float  # examples, each once for every seed and learning rate
    seeds: int  # of a case
    fewest_seeds: int  # of a case, and what their number is a multiple of
    losses: float  # of a case, that are kept at a time


@dataclass(frozen=True)
class Case:
    """Runs that share all but the learning rate and the seed."""

    batch_size: int
    learning_rates: tuple[float, ...]  # ascending
    horizon: int  # steps
    sampling: str = "permutation"
    schedule: str = "constant"
    copies: int = 1

    @classmethod
    def of_epochs(cls, batch_size: int, learning_rate: float, epochs: int, examples: int) -> "Case":
        """A single learning rate for whole epochs."""
        return cls(batch_size, (learning_rate,), epochs * -(-examples // batch_size))

    def steps_per_epoch(self, examples: int) -> int:
        """The steps of an epoch, of which the last may be on fewer examples."""
        return -(-examples * self.copies // self.batch_size)

    def epochs(self, examples: int) -> int:
        """How many epochs the steps are a part of."""
        return -(-self.horizon // self.steps_per_epoch(examples))

    def points(self, examples: int) -> np.ndarray:
        """Where the loss is kept: on a grid, and after epochs, whose last batch is noisier.

        After each up to the hundredth, and then on a grid as well.

        Where an epoch visits examples several times, after as many steps as others have as well.
        """
        found = grid(self.horizon)
        for steps in (self.steps_per_epoch(examples), -(-examples // self.batch_size)):
            found = np.union1d(found, steps * grid(self.horizon // steps))
        return found


def grid(horizon: int) -> np.ndarray:
    """Numbers of steps from 0 to the horizon: all up to 100, and then at most 2 % apart."""
    points = [0]
    while points[-1] < horizon:
        points.append(min(horizon, max(points[-1] + 1, int(points[-1] * (1 + APART)))))
    return np.array(points)


def earliest(steps: np.ndarray) -> np.ndarray:
    """The least number of steps that a grid's may stand for: one more than that before it."""
    apart = np.isfinite(steps) & (steps > 2 / APART)
    return np.where(apart, np.floor(steps / (1 + APART)) + 1, steps)


def planned(moments: Moments, batch_sizes: Iterable[int], count: int, excess: float) -> list[Case]:
    """What is run for each batch size, so that it reaches a loss this share above the floor.

    With replacement the expected loss is known, and with it the best learning rate and its steps;
    without, fewer are needed. So many learning rates go from half the best one to past the limit
    of stability.
    """
    found = []
    for size in batch_sizes:
        best, steps = reach(moments, size, (1 + excess) * moments.floor)
        rates = np.geomspace(best / RANGE, PAST * moments.stability_limit(size), count)
        found.append(Case(size, tuple(rates.tolist()), max(1, int(np.ceil(MARGIN * steps)))))
    return found


def affordable(
    moments: Moments, batch_sizes: Iterable[int], count: int, losses: list[float], most: Most
) -> list[tuple[Case, int]]:
    """What is run for each batch size, and with how many seeds, where not all can be afforded.

    Each size goes to the lowest loss that it reaches with the fewest seeds in its share of all
    work; with more, as far as there is work left. One that reaches none is left out. What is known
    of the loss is an estimate, so that the rates go further than `planned` has them.
    """
    plans = []
    sizes = [*batch_sizes]
    for size in sizes:
        share = most.updates / len(sizes) / most.fewest_seeds / count
        longest = min(LONGEST, int(share / size / MARGIN))
        for loss in sorted(losses):
            if longest and (found := soonest(moments, size, loss, longest)):
                best, steps = found
                limit = moments.stability_limit(size)
                rates = np.geomspace(best / BEYOND / RANGE, BEYOND * PAST * limit, count)
                horizon = max(1, int(np.ceil(MARGIN * steps)))
                plans.append(Case(size, tuple(rates.tolist()), horizon))
                break
    return _seeds(plans, count, most, moments.examples)


def _seeds(plans: list[Case], count: int, most: Most, examples: int) -> list[tuple[Case, int]]:
    """Share work out among cases: what one does not need is left for those that take more."""
    found, left = {}, most.updates
    for number, case in enumerate(sorted(plans, key=lambda case: case.horizon * case.batch_size)):
        each = case.horizon * case.batch_size * count
        affordable = left / (len(plans) - number) / each
        kept = most.losses / len(case.points(examples)) / count
        groups = int(min(affordable, kept, most.seeds) / most.fewest_seeds)
        found[case] = max(1, groups) * most.fewest_seeds
        left -= each * found[case]
    return [(case, found[case]) for case in plans]


def reach(moments: Moments, batch_size: int, target: float) -> tuple[float, int]:
    """The learning rate whose expected loss is soonest at the target for good, and its steps.

    Raises UserError where none is within a million.
    """
    found = soonest(moments, batch_size, target, LONGEST)
    if found is None:
        raise UserError(
            f"sweep.batch_size: {batch_size} takes more than {LONGEST:,} steps to a loss of "
            f"{target:.6g}, as little above the floor as sweep.lowest says; raise that, or "
            "remove the batch size"
        )
    return found


def soonest(
    moments: Moments, batch_size: int, target: float, longest: int
) -> tuple[float, int] | None:
    """The learning rate whose expected loss is soonest at the target for good, and its steps.

    None where that takes more than `longest` steps.
    """
    limit = moments.stability_limit(batch_size)
    rates = np.geomspace(limit / 1e4, limit, CANDIDATES, endpoint=False)
    floors = moments.noise_floor(batch_size, rates)
    rates = rates[(floors < target) | (floors == floors.min())]
    start = initial_moments(len(moments.optimum))
    horizon = 1000
    while True:
        points = Case(batch_size, (), horizon).points(moments.examples)
        first = since(moments.losses(*start, batch_size, rates, points) <= target)
        best = np.flatnonzero(first == first.min())[-1]
        if first.min() < len(points) and MARGIN * points[first[best]] <= horizon:
            steps = int(points[first[best]])
            return (float(rates[best]), steps) if steps <= longest else None
        if horizon >= longest:
            return None
        horizon *= 10


def since(reached: np.ndarray) -> np.ndarray:
    """The index along the last axis from which on all is true; its length where the last is not."""
    last_false = reached.shape[-1] - np.argmin(reached[..., ::-1], axis=-1)
    return np.where(reached.all(axis=-1), 0, last_false)


def initial_moments(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of each of the initial parameters."""
    variance = np.full(size, sampling.INITIAL_DEVIATION**2)
    variance[-1] = 0  # the bias starts at zero
    return np.zeros(size), variance
