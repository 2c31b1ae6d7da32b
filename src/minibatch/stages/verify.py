"""The gate before the first timing of a framework on a device: results/verify/….parquet."""

import json
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks, provenance, reference, sampling, tables
from minibatch.gate import COMPILED
from minibatch.problem import Problem
from minibatch.strategies import STRATEGIES, flop
from minibatch.verification import check_parameters, check_product, check_step

log = logging.getLogger(__name__)

Check = tuple[str, str, Callable[[], str]]  # subject, what is checked, the check

SIZES, BLOCKS = (1, 33, 64), (1, 7, 64)  # n and block widths, with some that do not divide
EXAMPLES, FEATURES = 40, 5
BATCH_SIZES = (1, 7, 40)  # one that does not divide
FACTORS = {"half_mse": 1, "mse": 2}  # of the gradient of ½MSE
LARGE = 2048  # n of a product that takes so long that a reading without waiting is absurd
WIDE = (20_000, 500)  # examples and features of a step that takes long
READINGS = 3


def checks(framework: ModuleType, device: str) -> Iterator[Check]:
    """All checks; each returns what it found, and raises if something is wrong."""
    for strategy in STRATEGIES:
        what = f"{strategy} at n = {', '.join(map(str, SIZES))} against the float64 product"
        yield "products", what, lambda s=strategy: _products(framework, s, device)
    yield "clock", "the clock waits for a product", lambda: _product_wait(framework, device)
    for name in framework.IMPLEMENTATIONS:
        if name != COMPILED:
            what = "each step against the closed-form gradient"
            yield name, what, lambda name=name: _steps(framework, name, device)
        what = "whole traces against the float64 reference"
        yield name, what, lambda name=name: _traces(framework, name, device)
        what = "the clock waits for a step"
        yield name, what, lambda name=name: _step_wait(framework, name, device)


def run(framework: str, device: str, found: Iterable[Check]) -> pd.DataFrame:
    """Carry checks out: one row each with framework, device, subject, check, passed, detail."""
    rows = []
    for subject, what, check in found:
        try:
            passed, detail = True, check()
        except Problem as problem:
            passed, detail = False, str(problem)
        except Exception as error:  # whatever an adaptor raises is a reason not to time it
            log.exception("%s: %s", subject, what)
            passed, detail = False, f"{type(error).__name__}: {error}".strip().splitlines()[0]
        log.info("%s %s: %s: %s", "passed" if passed else "FAILED", subject, what, detail)
        rows.append((framework, device, subject, what, passed, detail))
    return pd.DataFrame(
        rows, columns=["framework", "device", "subject", "check", "passed", "detail"]
    )


def _products(framework: ModuleType, strategy: str, device: str) -> str:
    """A strategy at every size, and at every block width where it has one."""
    worst = 0.0
    for n in SIZES:
        b, c = np.random.RandomState(n).normal(size=(2, n, n)).astype(np.float32)
        left, right = framework.array(b, device), framework.array(c, device)
        for block in BLOCKS if strategy == "block" else (0,):
            target = framework.output(np.full((n, n), np.nan), device)
            done = STRATEGIES[strategy](framework, target, left, right, block)
            what = f"{strategy} at n = {n}" + (f", blocks of {block}" if block else "")
            worst = max(worst, check_product(framework.to_numpy(done), b, c, what))
    return f"errors up to {worst:.0%} of the bound for float32 rounding"


def _data(framework: ModuleType, examples: int, features: int, device: str) -> tuple:
    """Examples as NumPy and as the framework's arrays, and initial weights."""
    random = np.random.RandomState(0)
    x, y = random.normal(size=(examples, features)), random.normal(size=examples)
    x, y = x.astype(np.float32), y.astype(np.float32)
    arrays = framework.array(x, device), framework.array(y, device)
    return x, y, arrays, sampling.initial_weights(0, features)


def _steps(framework: ModuleType, implementation: str, device: str) -> str:
    """The steps of an epoch, one by one, for every loader, objective and batch size."""
    x, y, arrays, weights = _data(framework, EXAMPLES, FEATURES, device)
    order = sampling.batch_order(EXAMPLES, 0, 0, "permutation", 1)
    worst = 0.0
    for loader, objective, size in product(framework.LOADERS, FACTORS, BATCH_SIZES):
        model = framework.IMPLEMENTATIONS[implementation](weights, objective, device)
        batches = iter(framework.LOADERS[loader](*arrays, order, size))
        for begin in range(0, EXAMPLES, size):
            chosen = order[begin : begin + size]
            before = model.parameters()
            model.compute(*next(batches))
            model.update(0.1)
            what = f"{implementation}, {objective}, {loader} loader, batch size {size}"
            factor = FACTORS[objective]
            after = model.parameters()
            worst = max(worst, check_step(before, after, x[chosen], y[chosen], 0.1, factor, what))
    return f"errors up to {worst:.0%} of the bound for float32 rounding"


def _traces(framework: ModuleType, implementation: str, device: str) -> str:
    """The parameters at the end of each of three epochs, at two learning rates."""
    x, y, arrays, weights = _data(framework, EXAMPLES, FEATURES, device)
    loaders = ["direct"] if implementation == COMPILED else list(framework.LOADERS)
    worst = 0.0
    for loader, objective, size in product(loaders, FACTORS, BATCH_SIZES):
        model = framework.IMPLEMENTATIONS[implementation](weights, objective, device)
        parameters, error = np.append(weights, 0), 0.0
        for epoch, rate in enumerate((0.05, 0.05, 0.02)):
            order = sampling.batch_order(EXAMPLES, 0, epoch, "permutation", 1)
            if implementation == COMPILED:
                model.epoch(*arrays, order, size, rate)
            else:
                for batch in framework.LOADERS[loader](*arrays, order, size):
                    model.compute(*batch)
                    model.update(rate)
            path = reference.follow(
                x, y, parameters, order, size, rate, factor=FACTORS[objective], error=error
            )
            *_, (parameters, error) = path
            what = f"{implementation}, {objective}, {loader} loader, batch size {size}"
            worst = max(worst, check_parameters(model.parameters(), parameters, error, what))
    return f"errors up to {worst:.0%} of the bound for float32 rounding"


def _product_wait(framework: ModuleType, device: str) -> str:
    """A large product: what is read after waiting, and that nothing is left to wait for."""
    values = np.random.RandomState(0).normal(size=(LARGE, LARGE))
    left = framework.array(values, device)
    framework.wait(left, framework.matmul(left, left))
    readings = [
        _reading(lambda: framework.matmul(left, left), framework.wait, framework.to_numpy)
        for _ in range(READINGS)
    ]
    returned, waited, left_over = min(readings, key=lambda reading: reading[2] / reading[1])
    _check_wait(waited, left_over, f"a product at n = {LARGE}")
    rate, absurd = (flop(LARGE) / 1e9 / seconds for seconds in (waited, returned))
    return (
        f"n = {LARGE}: {1e3 * waited:.3g} ms, {rate:.3g} GFLOP/s; without waiting the clock would "
        f"have read {1e3 * returned:.3g} ms, {absurd:.3g} GFLOP/s"
    )


def _step_wait(framework: ModuleType, implementation: str, device: str) -> str:
    """A step on a large batch: nothing is left to do when its model has waited."""
    *_, arrays, weights = _data(framework, *WIDE, device)
    model = framework.IMPLEMENTATIONS[implementation](weights, "half_mse", device)
    order = np.arange(WIDE[0])

    def step():
        if implementation == COMPILED:
            model.epoch(*arrays, order, WIDE[0], 1e-6)
        else:
            model.compute(*arrays)
            model.update(1e-6)

    step()
    model.wait()
    readings = [
        _reading(step, lambda _: model.wait(), lambda _: model.parameters())
        for _ in range(READINGS)
    ]
    returned, waited, left_over = min(readings, key=lambda reading: reading[2] / reading[1])
    _check_wait(waited, left_over, f"{implementation}, a step on {WIDE[0]} examples")
    return f"{1e3 * waited:.3g} ms, {1e3 * returned:.3g} ms without waiting"


def _reading(work: Callable, wait: Callable, fetch: Callable) -> tuple[float, float, float]:
    """Seconds until work returned, until the wait did, and for fetching the result after it."""
    marks = [perf_counter_ns()]
    done = work()
    marks.append(perf_counter_ns())
    wait(done)
    marks.append(perf_counter_ns())
    fetch(done)
    marks.append(perf_counter_ns())
    start, returned, waited, fetched = (mark * 1e-9 for mark in marks)
    return returned - start, waited - start, fetched - waited


def _check_wait(waited: float, left_over: float, what: str) -> None:
    """Raise Problem where fetching the result took as long as the work: it was still going on."""
    if left_over > waited / 2:
        raise Problem(
            f"{what}: the clock does not wait: it read {1e3 * waited:.3g} ms, and the result was "
            f"there only {1e3 * left_over:.3g} ms later"
        )


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Check a framework in its environment; where that is missing, the verdict says so."""
    name, device, threads = (parameters[key] for key in ("framework", "device", "threads"))
    [record] = [json.loads(path.read_text(encoding="utf-8")) for path in inputs] or [{}]
    versions = []

    def start() -> str:
        if record.get("status", "ready") != "ready":
            raise Problem(f"{record['status']}: {record['detail']}")
        versions.append(frameworks.start(name, threads).version())
        return versions[0]

    verdicts = run(name, device, [("environment", "the framework can be imported", start)])
    if verdicts.passed.all():
        found = checks(frameworks.load(name), device)
        verdicts = pd.concat([verdicts, run(name, device, found)], ignore_index=True)
    about = provenance.collect(frameworks=versions, threads=[threads])
    tables.write(verdicts, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
