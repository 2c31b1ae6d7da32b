"""Initial weights and batch orders, the same for every framework.

They come from NumPy's RandomState, whose stream is frozen for good (NEP 19): frameworks that need
different NumPy versions still see the same numbers, which Generator does not promise.
"""

import threading

import numpy as np

METHODS = ("permutation", "replacement")
INITIAL_DEVIATION = 0.01  # of each initial weight, as in the chapter


class _Stream(threading.local):
    """RandomState for each thread: seeding one takes a twentieth of making one."""

    def __init__(self):
        self._random = np.random.RandomState()

    def of(self, *key: int) -> np.random.RandomState:
        """The stream of a key, from its beginning: good until the next call in this thread."""
        self._random.seed(key)
        return self._random


_STREAM = _Stream()


def initial_weights(seed: int, features: int) -> np.ndarray:
    """w ~ N(0, 0.01²) in float32, shape (features,), as in the chapter; the bias starts at 0."""
    return _STREAM.of(seed, 0).normal(0, INITIAL_DEVIATION, features).astype(np.float32)


def initial_parameters(seed: int, features: int) -> np.ndarray:
    """Initial (w, b) in float32, shape (features + 1,)."""
    return np.append(initial_weights(seed, features), np.float32(0))


def batch_order(examples: int, seed: int, epoch: int, method: str, copies: int) -> np.ndarray:
    """Indices of the examples in the order of one epoch, shape (examples · copies,).

    "permutation" visits each example exactly `copies` times; "replacement" draws each visit
    independently. The order does not depend on the batch size: runs share it seed by seed.
    """
    random = _STREAM.of(seed, 1 + epoch)
    visits = examples * copies
    if method == "replacement":
        return random.randint(examples, size=visits)
    order = random.permutation(visits)
    return order % examples if copies > 1 else order


def batches(order: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """The batches of an order as matrices, a batch a row: the whole ones, and the smaller last."""
    whole = len(order) // batch_size * batch_size
    parts = order[:whole].reshape(-1, batch_size), order[whole:].reshape(1, -1)
    return [part for part in parts if part.size]
