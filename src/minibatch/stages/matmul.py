"""Time the strategies of matrix multiplication at one size: results/matmul/…/N.parquet."""

import platform
import random
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from time import perf_counter_ns
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.errors import UserError
from minibatch.sgd.precisions import PRECISIONS
from minibatch.sgd.product_checks import check_product
from minibatch.sgd.strategies import STRATEGIES
from minibatch.tables import parquet, provenance, verdicts

COLUMNS = {
    **dict.fromkeys(("machine", "framework", "device"), "string"),
    **{"threads": "int64", "strategy": "string", "n": "int64", "block": "int64"},
    **{"precision": "string", "repeat": "int64", "seconds": "float64"},
}
FEWEST, MOST = 3, 100  # repeats of a case, whatever the time budget
LONG = 10  # budgets: a call that takes more is not repeated

Case = tuple[str, int, int, str]  # strategy, n, block, precision


def measure(
    framework: ModuleType,
    cases: list[tuple[str, int, str]],
    *,
    n: int,
    device: str,
    budget_seconds: float,
    seed: int = 0,
) -> pd.DataFrame:
    """Verify every (strategy, block width, precision) for n×n matrices, then time them in turns.

    One row a sample: strategy, n, block (0 where there are none), precision, repeat, seconds.
    Raises UserError where a product is wrong.
    """
    factors = _factors(framework, n, {precision for *_, precision in cases}, device, seed)
    calls, checks = {}, {}
    for strategy, block, precision in cases:
        left, right = factors[precision]
        target = framework.output(np.full((n, n), np.nan), device, PRECISIONS[precision].dtype)
        what = f"{strategy} at n = {n} in {precision}" + (f", blocks of {block}" if block else "")
        case = strategy, n, block, precision
        calls[case] = _writing(STRATEGIES[strategy], framework, target, left, right, block)
        checks[case] = _product_check(framework, left, right, what, precision)
    return _time(framework, calls, checks, budget_seconds, seed)


def ceilings(
    framework: ModuleType,
    *,
    product: int,
    copy_mib: int,
    precisions: list[str],
    device: str,
    budget_seconds: float,
) -> pd.DataFrame:
    """Time what bounds every strategy: one large product, and copying a large array.

    Rows as from `measure`: "product" with n its size, and "copy" with n the array's elements, which
    are float32.
    """
    factors = _factors(framework, product, precisions, device, seed=0)
    elements = copy_mib * 2**20 // 4
    values = (np.arange(elements) % 251).astype(np.float32)
    source, target = framework.array(values, device), framework.output(np.zeros(elements), device)

    def check_copy(found):
        if not np.array_equal(framework.to_numpy(found), values):
            raise UserError("the copy of an array: not timed, because it differs from its source")

    def copy(framework, array):
        return framework.write(array, slice(None), source)

    copied = "copy", elements, 0, "float32"
    calls, checks = {copied: _writing(copy, framework, target)}, {copied: check_copy}
    for precision, (left, right) in factors.items():
        largest, what = ("product", product, 0, precision), f"the largest product in {precision}"
        calls[largest] = partial(framework.matmul, left, right)
        checks[largest] = _product_check(framework, left, right, what, precision)
    return _time(framework, calls, checks, budget_seconds, seed=0)


def _factors(
    framework: ModuleType, n: int, precisions: Iterable[str], device: str, seed: int
) -> dict[str, list]:
    """Two n×n matrices, standard normal, on the device as each precision stores them."""
    b, c = np.random.default_rng(seed).standard_normal((2, n, n), np.float32)
    dtypes = {precision: PRECISIONS[precision].dtype for precision in precisions}
    stored = {
        dtype: [framework.array(values, device, dtype) for values in (b, c)]
        for dtype in {*dtypes.values()}
    }
    return {precision: stored[dtype] for precision, dtype in dtypes.items()}


def _writing(strategy: Callable, framework, target, *operands) -> Callable:
    """A call that writes into the array that the last one gave: a new one, if it is immutable."""

    def call():
        nonlocal target
        target = strategy(framework, target, *operands)
        return target

    return call


def _product_check(framework: ModuleType, left, right, what: str, precision: str) -> Callable:
    def check(product):
        check_product(*map(framework.to_numpy, (product, left, right)), what, precision)

    return check


def _time(
    framework: ModuleType,
    calls: dict[Case, Callable],
    checks: dict[Case, Callable],
    budget_seconds: float,
    seed: int,
) -> pd.DataFrame:
    """Time calls, and leave the framework in float32; one row a sample."""
    try:
        spent = _spend(framework, calls, checks, budget_seconds, seed)
    finally:
        framework.set_precision("float32")
    rows = [
        (*case, repeat, seconds)
        for case, samples in spent.items()
        for repeat, seconds in enumerate(samples)
    ]
    columns = ["strategy", "n", "block", "precision", "repeat", "seconds"]
    return pd.DataFrame(rows, columns=columns)


def _spend(
    framework: ModuleType,
    calls: dict[Case, Callable],
    checks: dict[Case, Callable],
    budget_seconds: float,
    seed: int,
) -> dict[Case, list[float]]:
    """The seconds of each call, in rounds, each in a new random order, until its budget is spent.

    The first result of each is checked before any is timed. That call warms up, unless it is a
    LONG one: millions of operations have warmed up by themselves, and it stands for the case.
    """
    spent = {}
    for case in calls:
        seconds, result = _seconds(framework, calls, case)
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
            spent[case].append(_seconds(framework, calls, case)[0])
    return spent


def _seconds(
    framework: ModuleType, calls: dict[Case, Callable], case: Case
) -> tuple[float, object]:
    """What the call of a case took until its result was there, and the result."""
    *_, precision = case
    framework.set_precision(precision)
    start = perf_counter_ns()
    result = calls[case]()
    framework.wait(result)
    return (perf_counter_ns() - start) * 1e-9, result


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in a process with the threads that the parameters ask for, if the gate is open."""
    [path] = inputs
    gate = parquet.read(path, parameters["inputs"][str(path)])
    if verdicts.closed(gate):
        parquet.write_gap(output, COLUMNS, parameters=parameters)
        return
    device, budget = parameters["device"], parameters["budget_seconds"]
    framework = frameworks.start(parameters["framework"], parameters["threads"])
    versions = frameworks.provenance(framework, device)
    about = provenance.collect(threads=[parameters["threads"]], **versions)
    if "ceilings" in parameters:
        precisions = _open(gate, parameters["ceilings"]["precisions"])
        asked = parameters["ceilings"] | {"precisions": precisions}
        samples = ceilings(framework, **asked, device=device, budget_seconds=budget)
    else:
        precisions = _open(gate, {precision for *_, precision in parameters["cases"]})
        cases = [tuple(case) for case in parameters["cases"] if case[-1] in precisions]
        samples = measure(framework, cases, n=parameters["n"], device=device, budget_seconds=budget)
    common = {name: parameters[name] for name in ("framework", "device", "threads")}
    samples = samples.assign(machine=platform.node(), **common)
    parquet.write(samples, output, parameters=parameters, provenance=about, columns=COLUMNS)


def _open(gate: pd.DataFrame, precisions: Iterable[str]) -> list[str]:
    """The precisions that passed their checks."""
    return [precision for precision in precisions if not verdicts.closed(gate, precision)]


if __name__ == "__main__":
    sys.exit(command.run(make))
