"""The expected loss of SGD whose batches are drawn with replacement, exactly and without a run.

With δ = θ − θ*, residuals r = y − x̃ᵀθ* and batches of b independent draws, a step of size η maps
m = E[δ] and M = E[δδᵀ], jointly with each other, to

    m ← (I − ηH) m
    M ← M − η(HM + MH) + η²[(1/b)·E(x̃x̃ᵀM x̃x̃ᵀ) + (1 − 1/b)·HMH + (1/b)·E((r² − 2r·x̃ᵀm) x̃x̃ᵀ)]

since E(r x̃) = 0. The expected loss is the floor and ½ tr(HM). Both maps are linear, so that any
number of steps is a power of one matrix, the noise floor its fixed point, and the limit of
stability the rate at which its spectral radius is 1.

For d features M has d²/2 entries, and the matrix their square, which is too much for many. There is
an estimate besides, which keeps of M the diagonal alone, in the eigenbasis of H: exact where the
examples' products of different coordinates do not matter, as of Gaussian ones; of d² numbers.
"""

from collections.abc import Callable

import numpy as np
from scipy import linalg

from minibatch.sgd import objective

TOGETHER = 2**16  # examples whose products are in memory at a time


class Moments:
    """The moments of the error of SGD on one problem."""

    def __init__(self, x: np.ndarray, y: np.ndarray, *, exact: bool = True):
        """Average over the examples, (n, d) and (n,), what the recursion needs, or the estimate."""
        self.optimum = objective.optimum(x, y)
        self.floor = objective.loss(x, y, self.optimum)
        self.at_zero = objective.loss(x, y, np.zeros_like(self.optimum))
        self.examples = len(y)
        self.hessian = objective.hessian(x)
        self._basis = np.eye(len(self.optimum))
        if not exact:  # without what no step changes, where columns depend on each other
            eigenvalues, vectors = np.linalg.eigh(self.hessian)
            self._basis = vectors[:, eigenvalues > objective.RANK**2 * eigenvalues[-1]]
            self.hessian = self._basis.T @ self.hessian @ self._basis
        size = self._basis.shape[1]
        # M is symmetric: its upper triangle
        self._rows, self._columns = np.triu_indices(size) if exact else [np.arange(size)] * 2
        weights = np.where(self._rows == self._columns, 1, 2)  # of an entry in both triangles
        count = len(self._rows)
        self._fourth, self._noise = np.zeros((count, count)), np.zeros(count)
        self._third = np.zeros((count, size))
        for begin in range(0, self.examples, TOGETHER):
            augmented = objective.with_ones(x[begin : begin + TOGETHER])
            residuals = y[begin : begin + TOGETHER] - augmented @ self.optimum
            if not exact:
                augmented = augmented @ self._basis
            outer = augmented[:, self._rows] * augmented[:, self._columns]
            self._fourth += outer.T @ (outer * weights) / self.examples
            self._third += outer.T @ (residuals[:, None] * augmented) / self.examples
            self._noise += outer.T @ residuals**2 / self.examples
        self._both = self._halved(lambda m: self.hessian @ m + m @ self.hessian)
        self._squared = self._halved(lambda m: self.hessian @ m @ self.hessian)
        self._trace = 0.5 * weights * self.hessian[self._rows, self._columns]  # ½ tr(H·)

    def losses(
        self,
        mean: np.ndarray,
        variance: np.ndarray,
        batch_size: int,
        learning_rates: np.ndarray,
        steps: np.ndarray,
    ) -> np.ndarray:
        """The expected loss after some numbers of steps, ascending; shape (rates, steps).

        θ starts at this mean, shape (d + 1,), its entries independent of each other with this
        variance, shape (d + 1,). The last batch of each epoch may be smaller. Beyond the limit of
        stability the loss grows to infinity.
        """
        rates = np.asarray(learning_rates, dtype=float)
        size = min(batch_size, self.examples)
        per_epoch = -(-self.examples // size)
        smaller = self.examples - (per_epoch - 1) * size
        start = self._basis.T @ (mean - self.optimum)
        second = np.outer(start, start) + self._basis.T @ np.diag(variance) @ self._basis
        state = np.concatenate([second[self._rows, self._columns], start, [1.0]])
        state = np.broadcast_to(state, (len(rates), len(state)))[..., None]
        found, done = [], 0
        with np.errstate(over="ignore", invalid="ignore"):
            step = _Powers(self._transitions(size, rates))
            last = _Powers(self._transitions(smaller, rates))
            for point in steps:
                while done < point:
                    if smaller == size:
                        state, done = step.apply(point - done, state), point
                        continue
                    whole = min(point - done, per_epoch - 1 - done % per_epoch)
                    state = step.apply(whole, state) if whole else last.apply(1, state)
                    done += max(whole, 1)
                found.append(self.floor + state[:, : len(self._trace), 0] @ self._trace)
        return np.nan_to_num(np.transpose(found), nan=np.inf)

    def noise_floor(self, batch_size: int, learning_rates: np.ndarray) -> np.ndarray:
        """The expected loss that remains after any number of steps, for each learning rate.

        Of batches of one size. Infinite where the loss diverges.
        """
        rates, size = np.atleast_1d(learning_rates), len(self._trace)
        limit = self.stability_limit(batch_size)
        stable = rates < limit
        step = self._transitions(batch_size, np.where(stable, rates, limit / 2))
        second = np.linalg.solve(np.eye(size) - step[:, :size, :size], step[:, :size, -1:])
        return np.where(stable, self.floor + second[..., 0] @ self._trace, np.inf)

    def stability_limit(self, batch_size: int) -> float:
        """The learning rate from which on the expected loss grows without end.

        The map of M keeps positive matrices positive, so that its spectral radius is an eigenvalue
        itself: the limit is where one is 1, (HM + MH) = η[…]M, a generalised eigenproblem. It lies
        below 2/λmax(H), the limit of full batches.
        """
        quadratic = self._fourth / batch_size + (1 - 1 / batch_size) * self._squared
        largest = linalg.eigvals(quadratic, self._both).real.max()
        return float(1 / largest)

    def _transitions(self, batch_size: int, rates: np.ndarray) -> np.ndarray:
        """The matrices that map (M, m, 1) to what it is a step later; shape (rates, size, size)."""
        second, first = len(self._trace), len(self.hessian)
        rate = rates[:, None, None]
        step = np.zeros((len(rates), second + first + 1, second + first + 1))
        quadratic = self._fourth / batch_size + (1 - 1 / batch_size) * self._squared
        step[:, :second, :second] = np.eye(second) - rate * self._both + rate**2 * quadratic
        step[:, :second, second:-1] = -2 * rate**2 / batch_size * self._third
        step[:, :second, -1] = rate[:, 0] ** 2 / batch_size * self._noise
        step[:, second:-1, second:-1] = np.eye(first) - rate * self.hessian
        step[:, -1, -1] = 1
        return step

    def _halved(self, linear: Callable) -> np.ndarray:
        """The matrix of a linear map of symmetric matrices, on their upper triangles."""
        units, identity = [], np.eye(len(self.hessian))
        for row, column in zip(self._rows, self._columns, strict=True):
            unit = np.outer(identity[row], identity[column])
            units.append(linear(np.maximum(unit, unit.T))[self._rows, self._columns])
        return np.transpose(units)


class _Powers:
    """The powers of a matrix, or of several, as far as they are needed."""

    def __init__(self, matrices: np.ndarray):
        self._squares = [matrices]  # the exponents are powers of two

    def apply(self, exponent: int, vectors: np.ndarray) -> np.ndarray:
        """The vectors multiplied this often."""
        while 2 ** len(self._squares) <= exponent:
            self._squares.append(self._squares[-1] @ self._squares[-1])
        for bit, square in enumerate(self._squares):
            if exponent >> bit & 1:
                vectors = square @ vectors
        return vectors
