"""A framework of NumPy that watches what is done with it, for tests of what is on the clock."""

import numpy as np

EXAMPLES = 50


def loader(x, y, order, size):
    for begin in range(0, len(order), size):
        chosen = order[begin : begin + size]
        yield x[chosen], y[chosen]


class Model:
    """Linear regression that keeps a diary, and may leave steps out."""

    def __init__(self, weights, objective, device):  # noqa: ARG002
        self.w = np.append(weights, np.float32(0))
        self.diary, self.updates, self.leaves_out = [], 0, False

    def compute(self, x, y):
        self.diary.append(("compute", len(y)))
        self.gradient = np.column_stack([x, np.ones_like(y)]).T @ (x @ self.w[:-1] + self.w[-1] - y)
        self.gradient /= np.float32(len(y))

    def update(self, rate):
        self.diary.append(("update", rate))
        self.updates += 1
        if self.leaves_out and self.updates % 3 == 0:
            return
        self.w = self.w - np.float32(rate) * self.gradient

    def parameters(self):
        self.diary.append(("read",))
        return self.w.copy()

    def wait(self):
        self.diary.append(("wait",))


class Compiled:
    """Takes whole epochs by such a model."""

    def __init__(self, *about):
        self.model = Model(*about)
        self.diary, self.wait, self.parameters = (
            getattr(self.model, name) for name in ("diary", "wait", "parameters")
        )

    def epoch(self, x, y, order, size, rate):
        self.diary.append(("epoch", len(order), size))
        for batch in loader(x, y, order, size):
            self.model.compute(*batch)
            self.model.update(rate)
