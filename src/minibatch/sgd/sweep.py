"""Losses of thousands of runs of SGD by batch size and learning rate, without any clock."""

from collections.abc import Iterator, Sequence

import numba
import numpy as np

from minibatch.errors import UserError
from minibatch.sgd import sampling, schedules
from minibatch.sgd.cases import Case
from minibatch.sgd.engine import Engine
from minibatch.sgd.threads import in_threads

MOST = 4 * 2**30  # bytes of memory for the orders that are kept, and for the losses of a case


def run(
    x: np.ndarray,
    y: np.ndarray,
    cases: list[Case],
    seeds: int | Sequence[int],
    *,
    most: int = MOST,
) -> Iterator[np.ndarray]:
    """The excess losses of each case in turn, shape (seeds, its points, its learning rates).

    `seeds` is their number in all cases, or in each; `most` bytes of orders are kept. On all cores;
    the same numbers on any number of them. Raises UserError where a case takes too much memory, or
    Numba is told to compile nothing.
    """
    if numba.config.DISABLE_JIT:
        raise UserError(
            "the sweep: not run, because Numba compiles nothing: see NUMBA_DISABLE_JIT in the "
            "environment, and .numba_config.yaml in this folder"
        )
    numbers = [seeds] * len(cases) if isinstance(seeds, int) else seeds
    engine, orders = Engine(x, y), _Orders(len(y), max(numbers, default=1), most)
    for case, seeds in zip(cases, numbers, strict=True):
        points, epochs = case.points(len(y)), case.epochs(len(y))
        shape = seeds, len(points), len(case.learning_rates)
        if 4 * np.prod(shape, dtype=float) > MOST:
            raise UserError(
                f"sweep.batch_size: {case.batch_size} takes {case.horizon:,} steps, and with "
                f"{seeds} seeds more than {MOST // 2**30} GB of memory; raise sweep.lowest, lower "
                "sweep.seeds, or remove the batch size"
            )
        decay = np.array([schedules.factor(case.schedule, epoch) for epoch in range(epochs)])
        about = case.batch_size, np.array(case.learning_rates), points, decay

        def excess(seed: int, case: Case = case, about: tuple = about) -> np.ndarray:
            start = sampling.initial_parameters(seed, x.shape[1])
            return engine.excess(start, orders.of(seed, case), *about).astype(np.float32)

        losses = np.empty(shape, np.float32)
        for seed, found in enumerate(in_threads(excess, range(seeds))):
            losses[seed] = found
        yield losses


class _Orders:
    """The batch orders of seeds: cases share those that there is memory for."""

    def __init__(self, examples: int, seeds: int, most: int):
        self._examples, self._kind = examples, np.min_scalar_type(examples)
        self._most = most // (seeds * examples * self._kind.itemsize)  # passes over the examples
        self._part = most // (seeds * self._kind.itemsize)  # of a pass, where there is none
        self._known: dict[tuple, list[np.ndarray]] = {}

    def of(self, seed: int, case: Case) -> np.ndarray:
        """The order of each epoch, an epoch a row; of a single one, as far as the case goes."""
        if case.horizon * case.batch_size <= min(self._part, self._examples) and not self._most:
            return self._begun(seed, case)
        about, epochs = (case.sampling, case.copies), case.epochs(self._examples)
        known = self._known.setdefault((seed, *about), [])
        found = known[:epochs]
        for epoch in range(len(found), epochs):
            order = sampling.batch_order(self._examples, seed, epoch, *about)
            found.append(order.astype(self._kind))
            if case.copies * len(found) <= self._most:
                known.append(found[-1])
        return np.stack(found)

    def _begun(self, seed: int, case: Case) -> np.ndarray:
        """The beginning of the first epoch, which is kept for all cases that go no further."""
        about = (case.sampling, case.copies)
        if (key := (seed, *about, "part")) not in self._known:
            order = sampling.batch_order(self._examples, seed, 0, *about)
            self._known[key] = [order[: self._part].astype(self._kind)]
        return self._known[key][0][None, : case.horizon * case.batch_size]
