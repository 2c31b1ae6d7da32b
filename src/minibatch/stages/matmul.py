"""Time the strategies of matrix multiplication at one size: results/matmul/…/N.parquet."""

import random
import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks, provenance, tables
from minibatch.strategies import STRATEGIES
from minibatch.verification import check_product

FEWEST, MOST = 3, 100  # repeats of a case, whatever the time budget


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
    calls = {}
    for strategy, block in cases:
        target = framework.array(np.full((n, n), np.nan), device)
        call = _bind(framework, STRATEGIES[strategy], target, left, right, block)
        what = f"{strategy} at n = {n}" + (f", blocks of {block}" if block else "")
        check_product(framework.to_numpy(call()), b, c, what)  # warms up, too
        calls[strategy, n, block] = call
    return _time(calls, lambda: framework.wait(device), budget_seconds, seed)


def ceilings(
    framework: ModuleType, *, product: int, copy_mib: int, device: str, budget_seconds: float
) -> pd.DataFrame:
    """Time what bounds every strategy: one large product, and copying a large array.

    Rows as from `measure`: "product" with n its size, and "copy" with n the array's elements.
    """
    b, c = np.random.RandomState(0).normal(size=(2, product, product)).astype(np.float32)
    left, right = framework.array(b, device), framework.array(c, device)
    check_product(framework.to_numpy(framework.matmul(left, right)), b, c, "the largest product")

    elements = copy_mib * 2**20 // 4
    source = framework.array(np.arange(elements) % 251, device)
    target = framework.array(np.zeros(elements), device)

    def copy():
        nonlocal target
        target = framework.write(target, slice(None), source)

    copy()
    calls = {
        ("product", product, 0): lambda: framework.matmul(left, right),
        ("copy", elements, 0): copy,
    }
    return _time(calls, lambda: framework.wait(device), budget_seconds, seed=0)


def _bind(framework, strategy, target, left, right, block) -> Callable:
    return lambda: strategy(framework, target, left, right, block)


def _time(
    calls: dict[tuple[str, int, int], Callable],
    wait: Callable[[], None],
    budget_seconds: float,
    seed: int,
) -> pd.DataFrame:
    """Time calls in rounds, each in a new random order, until each has spent its budget."""
    order = random.Random(seed)
    spent = {case: [] for case in calls}
    while pending := [
        case
        for case, seconds in spent.items()
        if len(seconds) < FEWEST or (len(seconds) < MOST and sum(seconds) < budget_seconds)
    ]:
        order.shuffle(pending)
        for case in pending:
            wait()
            start = perf_counter_ns()
            calls[case]()
            wait()
            spent[case].append((perf_counter_ns() - start) * 1e-9)
    rows = [
        (*case, repeat, seconds)
        for case, samples in spent.items()
        for repeat, seconds in enumerate(samples)
    ]
    return pd.DataFrame(rows, columns=["strategy", "n", "block", "repeat", "seconds"])


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Measure in a process with the threads that the parameters ask for."""
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
