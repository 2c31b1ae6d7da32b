"""What every framework module must do, checked in the interpreter that has the framework.

`python tests/frameworks/contract.py NAME [DEVICE]`, with src on PYTHONPATH, prints a line for each
check that holds and stops with a traceback at one that does not. It needs no pytest: the
environments of the frameworks have none. CHECKS has the checks by name, for tests that call them.
"""

import sys
from functools import partial
from itertools import product
from statistics import median
from time import perf_counter, process_time

import numpy as np

from minibatch import frameworks

CHECKS = {}
FACTORS = {"half_mse": 0.5, "mse": 1.0}
IMPLEMENTATIONS = ["scratch", "concise", "compiled", "graph"]
SIZES = [1, 6, 7, 20, 25]  # batches of ORDER: whole ones, or with a smaller last one
RATES = [0.1, 0.01, 0.3]

random = np.random.RandomState(0)
X = random.normal(size=(20, 5)).astype(np.float32)
Y = random.normal(size=20).astype(np.float32)
ORDER = random.randint(20, size=25)
WEIGHTS = random.normal(size=5).astype(np.float32)


def check(**cases):
    """Register a function as one check for each combination of values."""

    def register(function):
        for values in product(*cases.values()):
            name = "-".join([function.__name__, *(str(value) for value in values)])
            CHECKS[name] = partial(_holds, function, dict(zip(cases, values, strict=True)))
        return function

    return register


def _holds(function, values, framework, device):
    """Make a check, unless it is of an implementation that there is not on the device."""
    if values.get("implementation", "scratch") in frameworks.implementations(framework, device):
        function(framework, device, **values)


def loss(parameters, objective):
    """What a model descends, in float64."""
    errors = X.astype(float) @ parameters[:-1] + parameters[-1] - Y.astype(float)
    return np.mean(errors**2) * FACTORS[objective]


def slopes(function, point, width=1e-4):
    steps = width * np.eye(len(point))
    return np.array([(function(point + s) - function(point - s)) / (2 * width) for s in steps])


def descended(parameters, size, rate, objective):
    """Parameters after an epoch of ORDER, in float64."""
    parameters = parameters.astype(float)
    for start in range(0, len(ORDER), size):
        chosen = ORDER[start : start + size]
        x = np.hstack([X[chosen], np.ones((len(chosen), 1))])
        gradient = 2 * FACTORS[objective] * x.T @ (x @ parameters - Y[chosen]) / len(chosen)
        parameters = parameters - rate * gradient
    return parameters


def epoch(framework, device, model, size, rate):
    """One epoch of ORDER with a model of any implementation."""
    x, y = framework.array(X, device), framework.array(Y, device)
    if hasattr(model, "epoch"):
        model.epoch(x, y, ORDER, size, rate)
    else:
        for batch in framework.LOADERS["direct"](x, y, ORDER, size):
            model.compute(*batch)
            model.update(rate)


def timed(function, *arguments):
    start = perf_counter()
    result = function(*arguments)
    return perf_counter() - start, result


def large(framework, device):
    """A matrix whose product with itself takes much longer than fetching an element of it."""
    n = {"cpu": 2048, "cuda": 8192}[device]
    matrix = framework.array(random.normal(size=(n, n)), device)
    fetch(framework, framework.matmul(matrix, matrix))
    return matrix


def fetch(framework, matrix):
    """What waits for a matrix, whatever else does: one of its elements."""
    return framework.to_numpy(matrix[:1, :1])


@check()
def it_has_all_that_the_contract_names(framework, device):
    assert framework.__name__.split(".")[-1] in frameworks.names()
    assert framework.version().split()[0] in ("torch", framework.__name__.split(".")[-1])
    assert not framework.ASYNCHRONOUS - {"cpu", "cuda"}
    assert set(framework.LOADERS) == {"framework", "direct"}
    found = frameworks.implementations(framework, device)
    graphs = device == "cuda" and framework.version().startswith("torch")
    assert found == IMPLEMENTATIONS[: 4 if graphs else 3]


@check()
def one_thread_is_one_thread(framework, device):
    matrix = large(framework, device)
    ratios = []
    for _ in range(3):
        busy = process_time()
        seconds, _ = timed(lambda: framework.wait(framework.matmul(matrix, matrix)))
        ratios.append((process_time() - busy) / seconds)
    assert max(ratios) < 1.5, ratios


@check(kind=[np.float64, np.float32], make=["array", "output"])
def arrays_are_float32_copies_there_and_back(framework, device, kind, make):
    values = np.arange(4096, dtype=kind).reshape(64, 64)  # large and aligned, to tempt sharing
    expected = values.astype(np.float32)
    array = getattr(framework, make)(values, device)
    values[0] = -7
    back = framework.to_numpy(array)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, expected)
    if make == "output":
        array = framework.write(array, 1, framework.array(np.full(64, 9.0), device))
        np.testing.assert_array_equal(back, expected)
    back[2] = -5
    assert (framework.to_numpy(array)[2] == expected[2]).all()


INDICES = {
    "element": (1, 2),
    "row": 1,
    "column": (slice(None), 2),
    "block": (slice(None), slice(1, 3)),
    "all": slice(None),
}


@check(part=INDICES)
def a_write_changes_the_part_that_is_named_and_nothing_else(framework, device, part):
    index = INDICES[part]
    expected = np.zeros((3, 4), dtype=np.float32)
    value = np.float32(1 + np.arange(expected[index].size)).reshape(expected[index].shape)
    expected[index] = value
    source = framework.array(value, device)
    written = framework.write(framework.output(np.zeros((3, 4)), device), index, source)
    np.testing.assert_array_equal(framework.to_numpy(written), expected)
    expected[0, 0] = -1
    written = framework.write(written, (0, 0), framework.array(np.array(-1.0), device))
    np.testing.assert_array_equal(framework.to_numpy(written), expected)
    np.testing.assert_array_equal(framework.to_numpy(source), value)


@check()
def a_vector_can_be_written_as_a_whole(framework, device):
    values = np.arange(1000, dtype=np.float32)
    target = framework.output(np.zeros(1000), device)
    target = framework.write(target, slice(None), framework.array(values, device))
    np.testing.assert_array_equal(framework.to_numpy(target), values)


@check(part=["element", "row", "column", "block"])
def a_write_costs_no_compilation_at_each_index(framework, device, part):
    target = framework.output(np.zeros((64, 64)), device)
    first, again = [], []
    for i in range(1, 62):
        index = {
            "element": (i, i),
            "row": i,
            "column": (slice(None), i),
            "block": (slice(None), slice(i, i + 2)),
        }[part]
        value = framework.array(np.ones((64, 64))[index], device)
        for seconds in (first, again):
            spent, target = timed(framework.write, target, index, value)
            seconds.append(spent)
    assert median(first) < 20 * median(again), (first, again)


@check(
    operation=[
        ("dot", (7,), (7,)),
        ("matvec", (3, 7), (7,)),
        ("vecmat", (3,), (3, 7)),
        ("matmul", (3, 7), (7, 2)),
        ("matmul", (200, 300), (300, 100)),
    ]
)
def products_are_those_of_float64_to_rounding(framework, device, operation):
    name, *shapes = operation
    left, right = (np.random.RandomState(0).normal(size=shape) for shape in shapes)
    left, right = left.astype(np.float32), right.astype(np.float32)
    found = getattr(framework, name)(framework.array(left, device), framework.array(right, device))
    expected = left.astype(float) @ right.astype(float)
    tolerance = 1e-6 if left.shape[-1] < 10 else 1e-4  # with TF32 it would be 1e-2
    np.testing.assert_allclose(framework.to_numpy(found), expected, atol=tolerance)


def rounded_to_bfloat16(values):
    """Float32 values with 8 significant bits, halves to even."""
    bits = values.astype(np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)


@check(make=["array", "output"])
def bfloat16_is_rounded_once_where_there_are_gpus_and_comes_back_as_float32(
    framework, device, make
):
    if "cuda" not in framework.ASYNCHRONOUS:
        return  # on a CPU it is not measured
    values = np.random.RandomState(0).normal(size=(64, 64)).astype(np.float32)
    array = getattr(framework, make)(values, device, "bfloat16")
    back = framework.to_numpy(array)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, rounded_to_bfloat16(values))
    right = framework.array(values, device, "bfloat16")
    product = framework.to_numpy(framework.matmul(framework.array(back, device, "bfloat16"), right))
    expected = back.astype(float) @ back.astype(float)
    np.testing.assert_allclose(product, expected, rtol=2**-7, atol=1e-4)
    assert (product == rounded_to_bfloat16(product)).all()


@check(precision=["float32", "tf32"])
def the_precision_is_that_which_was_set_last(framework, device, precision):
    values = np.random.RandomState(0).normal(size=(256, 256)).astype(np.float32)
    matrix = framework.array(values, device)
    for name in ("tf32", "float32", precision):
        framework.set_precision(name)
        found = framework.to_numpy(framework.matmul(matrix, matrix))
    framework.set_precision("float32")
    error = np.abs(found - values.astype(float) @ values.astype(float)).max()
    if precision == "tf32" and device == "cuda":
        assert 1e-3 < error < 0.3
    else:
        assert error < 1e-4


@check()
def wait_returns_when_an_array_is_computed_and_not_before(framework, device):
    matrix = large(framework, device)

    def compute():
        result = framework.matmul(matrix, matrix)
        framework.wait(result)
        return result

    computing, result = timed(compute)
    fetching, _ = timed(fetch, framework, result)
    assert fetching < computing / 2, (fetching, computing)


@check()
def it_says_truly_whether_operations_return_early(framework, device):
    matrix = large(framework, device)
    computing, result = timed(framework.matmul, matrix, matrix)
    fetching, _ = timed(fetch, framework, result)
    assert (fetching > computing) == (device in framework.ASYNCHRONOUS), (fetching, computing)


@check(implementation=IMPLEMENTATIONS)
def a_model_waits_until_its_parameters_are_computed(framework, device, implementation):
    count, features = {"cpu": (8192, 1024), "cuda": (400_000, 2000)}[device]
    some = random.normal(size=(1000, features)).astype(np.float32)
    x = framework.array(np.resize(some, (count, features)), device)
    y = framework.array(random.normal(size=count), device)
    model = framework.IMPLEMENTATIONS[implementation](np.zeros(features), "mse", device)

    def steps():
        for _ in range(3):  # longer than fetching the parameters from a GPU takes
            if hasattr(model, "epoch"):
                model.epoch(x, y, np.arange(count), count, 0.001)
            else:
                model.compute(x, y)
                model.update(0.001)
        model.wait()

    steps()
    computing, _ = timed(steps)
    fetching, _ = timed(model.parameters)
    assert fetching < computing / 2, (fetching, computing)


@check(loader=["framework", "direct"], size=SIZES)
def a_loader_gives_the_order_in_batches_and_the_last_what_is_left(framework, device, loader, size):
    x, y = framework.array(X, device), framework.array(Y, device)
    found = [
        [framework.to_numpy(part) for part in batch]
        for batch in framework.LOADERS[loader](x, y, ORDER, size)
    ]
    chosen = [ORDER[start : start + size] for start in range(0, len(ORDER), size)]
    assert len(found) == len(chosen)
    for (features, targets), indices in zip(found, chosen, strict=True):
        np.testing.assert_array_equal(features, X[indices])
        np.testing.assert_array_equal(targets, Y[indices])
        assert features.dtype == targets.dtype == np.float32


@check(implementation=IMPLEMENTATIONS)
def a_model_starts_at_the_given_weights_and_bias_0(framework, device, implementation):
    weights = np.float32([1, 2, 3, 4, 5])
    model = framework.IMPLEMENTATIONS[implementation](weights, "half_mse", device)
    parameters = model.parameters()
    assert parameters.dtype == np.float32
    assert parameters.tolist() == [1, 2, 3, 4, 5, 0]
    weights[0] = 9
    parameters[1] = 9
    assert model.parameters().tolist() == [1, 2, 3, 4, 5, 0]


@check(implementation=["scratch", "concise"], objective=FACTORS)
def each_step_goes_down_the_slope_times_the_learning_rate(
    framework, device, implementation, objective
):
    x, y = framework.array(X, device), framework.array(Y, device)
    model = framework.IMPLEMENTATIONS[implementation](WEIGHTS, objective, device)
    for rate in RATES:
        before = model.parameters()
        model.compute(x, y)
        np.testing.assert_array_equal(model.parameters(), before)
        model.update(rate)
        slope = slopes(lambda p: loss(p, objective), before.astype(float))
        np.testing.assert_allclose(model.parameters(), before - rate * slope, atol=1e-6)


@check(implementation=IMPLEMENTATIONS, objective=FACTORS, size=SIZES)
def epochs_are_those_of_float64_to_rounding(framework, device, implementation, objective, size):
    model = framework.IMPLEMENTATIONS[implementation](WEIGHTS, objective, device)
    for rate in RATES[:2]:
        before = model.parameters()
        epoch(framework, device, model, size, rate)
        expected = descended(before, size, rate, objective)
        np.testing.assert_allclose(model.parameters(), expected, atol=5e-6)


@check()
def the_compiler_counts_what_it_compiles(framework, device):
    model = framework.IMPLEMENTATIONS["compiled"](WEIGHTS, "mse", device)
    epoch(framework, device, model, 6, 0.1)
    assert model.compilations() > 0


@check()
def the_implementations_take_the_same_steps(framework, device):
    names = frameworks.implementations(framework, device)
    models = [framework.IMPLEMENTATIONS[name](np.ones(5), "mse", device) for name in names]
    for model in models:
        for _ in range(10):
            epoch(framework, device, model, 25, 0.1)
    for model in models[1:]:
        np.testing.assert_allclose(model.parameters(), models[0].parameters(), atol=1e-6)


@check(implementation=IMPLEMENTATIONS)
def models_know_nothing_of_each_other_and_repeat_to_the_last_bit(framework, device, implementation):
    def trained(*models):
        for rate in RATES:
            for model, size in models:
                epoch(framework, device, model, size, rate)
        return [model.parameters() for model, _ in models]

    kind = framework.IMPLEMENTATIONS[implementation]
    alone = [
        *trained((kind(WEIGHTS, "half_mse", device), 6)),
        *trained((kind(2 * WEIGHTS, "mse", device), 7)),
    ]
    together = trained(
        (kind(WEIGHTS, "half_mse", device), 6), (kind(2 * WEIGHTS, "mse", device), 7)
    )
    np.testing.assert_array_equal(alone, together)
    assert not np.array_equal(*alone)


@check(implementation=IMPLEMENTATIONS)
def a_new_model_or_learning_rate_is_not_compiled_anew(framework, device, implementation):
    kind = framework.IMPLEMENTATIONS[implementation]
    first, again = [], []
    for number in range(5):
        model, rate = kind(WEIGHTS + number, "mse", device), 0.01 + number / 100
        first.append(timed(epoch, framework, device, model, 6, rate)[0])
        again.append(timed(epoch, framework, device, model, 6, rate)[0])
    # compiling takes 100 times as long as what it compiles, and building an optimiser a few times
    assert min(first) < 20 * min(again), (first, again)


def main(name, device="cpu"):
    framework = frameworks.start(name, 1)
    print(frameworks.provenance(framework, device))
    for label, holds in CHECKS.items():
        holds(framework, device)
        print(label)


if __name__ == "__main__":
    main(*sys.argv[1:])
