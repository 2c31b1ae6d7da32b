"""Time the strategies of matrix multiplication at one size: results/matmul/…/N.parquet."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks, gate, provenance, tables
from minibatch.problem import Problem
from minibatch.strategies import STRATEGIES
from minibatch.verification import check_product

FEWEST, MOST = 3, 100  # repeats of a case, whatever the time budget
LONG = 10  # budgets: a call that takes more is not repeated

Case = tuple[str, int, int]  # strategy, n, block


def measure(
    framework: ModuleType,
    cases: list[tuple[str, int]],
    *,
    n: int,
    device: str,
    budget_seconds: float,
    seed: int = 0,
) -> pd.DataFrame:
    """Verify every (strategy, block width) for n×n float32 matrices, then time them in turns.

    One row a sample: strategy, n, block (0 where there are none), repeat, seconds.
    Raises Problem where a product is wrong.
    """
    b, c = np.random.RandomState(seed).normal(size=(2, n, n)).astype(np.float32)
    left, right = framework.array(b, device), framework.array(c, device)
    calls, checks = {}, {}
    for strategy, block in cases:
        target = framework.output(np.full((n, n), np.nan), device)
        what = f"{strategy} at n = {n}" + (f", blocks of {block}" if block else "")
        case = strategy, n, block
        calls[case] = _writing(STRATEGIES[strategy], framework, target, left, right, block)
        checks[case] = _product_check(framework, b, c, what)
    return _time(calls, checks, framework.wait, budget_seconds, seed)


def ceilings(
    framework: ModuleType, *, product: int, copy_mib: int, device: str, budget_seconds: float
) -> pd.DataFrame:
    """Time what bounds every strategy: one large product, and copying a large array.

    Rows as from `measure`: "product" with n its size, and "copy" with n the array's elements.
    """
    b, c = np.random.RandomState(0).normal(size=(2, product, product)).astype(np.float32)
    left, right = framework.array(b, device), framework.array(c, device)

    elements = copy_mib * 2**20 // 4
    values = (np.arange(elements) % 251).astype(np.float32)
    source, target = framework.array(values, device), framework.output(np.zeros(elements), device)

    def check_copy(found):
        if not np.array_equal(framework.to_numpy(found), values):
            raise Problem("the copy of an array: not timed, because it differs from its source")

    def copy(framework, array):
        return framework.write(array, slice(None), source)

    largest, copied = ("product", product, 0), ("copy", elements, 0)
    calls = {
        largest: lambda: framework.matmul(left, right),
        copied: _writing(copy, framework, target),
    }
    checks = {
        largest: _product_check(framework, b, c, "the largest product"),
        copied: check_copy,
    }
    return _time(calls, checks, framework.wait, budget_seconds, seed=0)


def _writing(strategy: Callable, framework, target, *operands) -> Callable:
    """A call that writes into the array that the last one gave: a new one, if it is immutable."""

    def call():
        nonlocal target
        target = strategy(framework, target, *operands)
        return target

    return call


def _product_check(framework: ModuleType, b: np.ndarray, c: np.ndarray, what: str) -> Callable:
    return lambda product: check_product(framework.to_numpy(product), b, c, what)


def _time(
    calls: dict[Case, Callable],
    checks: dict[Case, Callable],
    wait: Callable,
    budget_seconds: float,
    seed: int,
) -> pd.DataFrame:
    """Time calls in rounds, each in a new random order, until each has spent its budget.

    The first result of each is checked before any is timed. That call warms up, unless it is a
    LONG one: millions of operations have warmed up by themselves, and it stands for the case.
    """
    spent = {}
    for case, call in calls.items():
        seconds, result = _seconds(call, wait)
        checks[case](result)
        spent[case] = [seconds] if seconds > LONG * budget_seconds else []
    repeated = [case for case, samples in spent.items() if not samples]
    order = random.Random(seed)
    while pending := [
        case
        for case in repeated
        if len(spent[case]) < FEWEST
        or (len(spent[case]) < MOST and sum(spent[case]) < budget_seconds)
    ]:
        order.shuffle(pending)
        for case in pending:
            spent[case].append(_seconds(calls[case], wait)[0])
    rows = [
        (*case, repeat, seconds)
        for case, samples in spent.items()
        for repeat, seconds in enumerate(samples)
    ]
    return pd.DataFrame(rows, columns=["strategy", "n", "block", "repeat", "seconds"])


def _seconds(call: Callable, wait: Callable) -> tuple[float, object]:
    """What a call took until its result was there, and the result."""
    start = perf_counter_ns()
    result = call()
    wait(result)
    return (perf_counter_ns() - start) * 1e-9, result


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in a process with the threads that the parameters ask for, if the gate is open."""
    [path] = inputs
    verdicts = tables.read(path, parameters["inputs"][str(path)])
    if gate.closed(verdicts):
        tables.write_gap(output, parameters=parameters)
        return
    framework = frameworks.start(parameters["framework"], parameters["threads"])
    about = provenance.collect(frameworks=[framework.version()], threads=[parameters["threads"]])
    device, budget = parameters["device"], parameters["budget_seconds"]
    if "ceilings" in parameters:
        samples = ceilings(
            framework, **parameters["ceilings"], device=device, budget_seconds=budget
        )
    else:
        cases = [tuple(case) for case in parameters["cases"]]
        samples = measure(framework, cases, n=parameters["n"], device=device, budget_seconds=budget)
    for position, column in enumerate(("framework", "device", "threads")):
        samples.insert(position, column, parameters[column])
    tables.write(samples, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
