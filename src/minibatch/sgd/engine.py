"""Many runs of SGD at once: the learning rates of one seed side by side, as lanes of vectors.

Runs that share seed, batch size and sampling share their batch order, so that each example that is
loaded serves all of them. An example costs each run 4(d + 1) FLOP: d + 1 products and sums for its
error, and as many for the gradient. The loop over the examples is in `vectors`.
"""

from collections.abc import Callable
from functools import cache

import numba
import numpy as np

from minibatch.sgd import objective
from minibatch.sgd.vectors import LANES, steps

DIVERGED = 1e4  # a run is given up where its excess loss is this many times that at its start


class Engine:
    """SGD on one problem: half the mean squared error of (x, y), shapes (n, d) and (n,)."""

    def __init__(self, x: np.ndarray, y: np.ndarray):
        """Find the optimum, and the excess loss as a square, ‖R(θ − θ*)‖²."""
        augmented = objective.with_ones(x)  # the bias is a weight of ones
        size = augmented.shape[1]
        self._x = np.ascontiguousarray(augmented, np.float32)
        self._y = np.ascontiguousarray(y, np.float32)
        self._optimum = objective.optimum(x, y)
        # of the examples themselves, since the Hessian's condition number is the square of theirs
        rows = np.vstack([augmented, np.zeros((size, size))]) / np.sqrt(2 * len(y))
        self._root = np.ascontiguousarray(np.linalg.qr(rows, mode="r"))

    def excess(
        self,
        start: np.ndarray,
        order: np.ndarray,
        batch_size: int,
        learning_rates: np.ndarray,
        points: np.ndarray,
        decay: np.ndarray,
    ) -> np.ndarray:
        """The loss above the floor of a run at each rate, shape (points, rates).

        `order` holds the examples of each epoch, an epoch a row, whose last batch may be smaller;
        learning rates ascend, and count `decay` times in each epoch; `points` are numbers of steps,
        ascending from 0. The runs start at θ = `start`, shape (d + 1,), and step in float32, as
        frameworks do; the loss is computed in float64. It is infinite from where a run diverged.
        """
        if batch_size >= order.shape[1]:  # one batch, whose order only matters to the caches
            order = np.sort(order, axis=1)
        count = len(learning_rates)
        rates = np.full(-(-count // LANES) * LANES, learning_rates[-1], np.float32)
        rates[:count] = learning_rates
        parameters = np.repeat(np.float32(start)[:, None], len(rates), axis=1)
        found = np.full((len(points), len(rates)), np.inf)
        run = _compiled(len(start))
        run(
            *(self._x, self._y, self._optimum, self._root, parameters),
            *(np.ascontiguousarray(order), batch_size, rates, points, np.float32(decay), found),
        )
        return found[:, :count]


@cache
def _compiled(size: int) -> Callable:
    """The loop over epochs and points, for a number of parameters that the compiler knows."""
    one_by_one, by_batches = steps(size, single=True), steps(size, single=False)

    @numba.njit(nogil=True)
    def advance(parameters, x, y, order, begin, end, batch_size, rates, decay, active):
        for lane in range(0, active, LANES):
            if batch_size == 1:
                one_by_one(parameters, x, y, order, begin, end, 1, rates, decay, lane)
            else:
                by_batches(parameters, x, y, order, begin, end, batch_size, rates, decay, lane)

    @numba.njit(nogil=True, fastmath={"contract"})
    def losses(parameters, optimum, root, found, products, active):
        found[:active] = 0
        for row in range(size):
            products[:active] = 0
            for index in range(row, size):
                for lane in range(active):
                    distance = parameters[index, lane] - optimum[index]
                    products[lane] += root[row, index] * distance
            for lane in range(active):
                found[lane] += products[lane] ** 2

    @numba.njit(nogil=True)
    def run(x, y, optimum, root, parameters, order, batch_size, rates, points, decay, found):
        products = np.empty(len(rates))
        losses(parameters, optimum, root, found[0], products, len(rates))
        most = DIVERGED * found[0, 0]
        active, step = len(rates), 0
        epoch, begin = 0, 0
        for point in range(1, len(points)):
            while step < points[point]:
                if begin >= order.shape[1]:
                    epoch, begin = epoch + 1, 0
                end = min(begin + (points[point] - step) * batch_size, order.shape[1])
                advance(
                    parameters, x, y, order[epoch], begin, end, batch_size, rates, decay[epoch],
                    active,
                )  # fmt: skip
                step += (end - begin + batch_size - 1) // batch_size
                begin = end
            losses(parameters, optimum, root, found[point], products, active)
            for lane in range(active):
                if found[point - 1, lane] == np.inf or not found[point, lane] <= most:
                    found[point, lane] = np.inf
            while active > 0 and (found[point, active - LANES : active] == np.inf).all():
                active -= LANES

    return run
