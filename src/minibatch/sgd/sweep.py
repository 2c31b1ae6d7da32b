"""Losses of thousands of runs of SGD by batch size and learning rate, without any clock."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from minibatch.errors import UserError
from minibatch.sgd import sampling, schedules
from minibatch.sgd.cases import Case
from minibatch.sgd.engine import Engine
from minibatch.tables.cores import available

MOST = 8 * 2**30  # bytes of memory for the orders, or for the losses of a case


def run(x: np.ndarray, y: np.ndarray, cases: list[Case], seeds: int) -> Iterator[np.ndarray]:
    """The excess losses of each case in turn, shape (seeds, its points, its learning rates).

    On all cores; the same numbers on any number of them. Raises UserError where a case takes too
    much memory.
    """
    engine, orders = Engine(x, y), _Orders(len(y))
    for case in cases:
        points, epochs = case.points(len(y)), case.epochs(len(y))
        shape = seeds, len(points), len(case.learning_rates)
        if max(seeds * orders.bytes(case), 4 * np.prod(shape, dtype=float)) > MOST:
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
    """The batch orders of seeds, which cases share: most of the memory."""

    def __init__(self, examples: int):
        self._examples, self._kind = examples, np.min_scalar_type(examples)
        self._known: dict[tuple, list[np.ndarray]] = {}

    def bytes(self, case: Case) -> int:
        """What those of a case and a seed take."""
        visits = self._examples * case.copies
        return case.epochs(self._examples) * visits * self._kind.itemsize

    def of(self, seed: int, case: Case) -> np.ndarray:
        """The order of each epoch, an epoch a row."""
        about, epochs = (case.sampling, case.copies), case.epochs(self._examples)
        known = self._known.setdefault((seed, *about), [])
        for epoch in range(len(known), epochs):
            order = sampling.batch_order(self._examples, seed, epoch, *about)
            known.append(order.astype(self._kind))
        return np.stack(known[:epochs])


def in_threads(function: Callable, values: Iterable) -> Iterator:
    """What the function returns for each value, in turn, on all cores."""
    with ThreadPoolExecutor(available()) as pool:
        yield from pool.map(function, values)
