"""NumPy itself as a framework, for tests: what a new framework has to bring, and no more."""

import numpy

FACTORS = {"half_mse": 1, "mse": 2}  # of the gradient of half the mean squared error
ASYNCHRONOUS = set()


def version():
    return f"toy {numpy.__version__}"


def set_threads(threads):
    pass


def set_precision(precision):
    pass


def gpu():
    return None


def array(values, device, dtype="float32"):  # noqa: ARG001
    return numpy.array(values, dtype=dtype)


def to_numpy(array):
    return array.copy()


def write(target, index, value):
    target[index] = value
    return target


def wait(*arrays):
    pass


output = array
dot = matvec = vecmat = matmul = numpy.dot


def loader(x, y, order, batch_size):
    for begin in range(0, len(order), batch_size):
        chosen = order[begin : begin + batch_size]
        yield x[chosen], y[chosen]


class Scratch:
    def __init__(self, weights, objective, device):  # noqa: ARG002
        self._parameters = numpy.append(weights, numpy.float32(0))
        self._factor = FACTORS[objective]

    def compute(self, x, y):
        errors = x @ self._parameters[:-1] + self._parameters[-1] - y
        gradient = numpy.append(errors @ x, errors.sum()) / numpy.float32(len(y))
        self._gradient = self._factor * gradient

    def update(self, learning_rate):
        self._parameters = self._parameters - numpy.float32(learning_rate) * self._gradient

    def parameters(self):
        return self._parameters.copy()

    def wait(self):
        pass


class Compiled(Scratch):
    def epoch(self, x, y, order, batch_size, learning_rate):
        for batch in loader(x, y, order, batch_size):
            self.compute(*batch)
            self.update(learning_rate)

    def compilations(self):
        return 1  # there is nothing to compile, and nothing that a switch turns off


LOADERS = {"framework": loader, "direct": loader}
IMPLEMENTATIONS = {"scratch": Scratch, "concise": Scratch, "compiled": Compiled}
