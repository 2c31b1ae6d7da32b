"""The gate before the first timing of a framework on a device: results/verify/….parquet."""

import json
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from time import perf_counter_ns, sleep
from types import ModuleType

import numpy as np
import pandas as pd

from minibatch import command, frameworks
from minibatch.errors import UserError
from minibatch.sgd import factors, reference, sampling
from minibatch.sgd.precisions import PRECISIONS
from minibatch.sgd.product_checks import check_product
from minibatch.sgd.step_checks import check_parameters, check_step
from minibatch.sgd.strategies import STRATEGIES, flop
from minibatch.tables import parquet, provenance
from minibatch.tables.canonical import digest
from minibatch.tables.epochs import WHOLE_EPOCHS
from minibatch.tables.files import write_text
from minibatch.tables.verdicts import mendable

log = logging.getLogger(__name__)

Check = tuple[str, str, Callable[[], str]]  # subject, what is checked, the check

SIZES, BLOCKS = (1, 33, 64), (1, 7, 64)  # n and block widths, with some that do not divide
EXAMPLES, FEATURES = 40, 5
BATCH_SIZES = (1, 7, 40)  # one that does not divide
PRODUCT = 256  # n of the products in further precisions
LARGE = {"cpu": 2048, "cuda": 8192}  # n of a product that takes long
WIDE = {"cpu": (20_000, 500), "cuda": (400_000, 2000)}  # examples and features of a step that does
READINGS = 3
DRAWN = 1000  # examples that differ; drawing all of the most would take longer than all else
NUMBER = re.compile(r"\d[\d.e+-]*")  # in a failed check's words, which times differ each time
# What tells the cause in a compiler's words, the surest first.
TELLING = [re.compile(text) for text in (r"\bfatal error: ", r"\bcannot find -l", r"\berror: ")]


def checks(framework: ModuleType, device: str, precisions: list[str]) -> Iterator[Check]:
    """All checks; each returns what it found, and raises if something is wrong."""
    for strategy in STRATEGIES:
        what = f"{strategy} at n = {', '.join(map(str, SIZES))} against the float64 product"
        yield "products", what, lambda s=strategy: _products(framework, s, device)
    for name in precisions:
        if name != "float32":
            what = f"a product at n = {PRODUCT}: in the bound of {name}, and not in float32"
            yield name, what, lambda name=name: _precision(framework, name, device)
    yield "clock", "the clock waits for a product", lambda: _product_wait(framework, device)
    for name in frameworks.implementations(framework, device):
        if name not in WHOLE_EPOCHS:
            what = "each step against the closed-form gradient"
            yield name, what, lambda name=name: _steps(framework, name, device)
        else:
            what = "the epochs are compiled, as the compiler counts"
            yield name, what, lambda name=name: _compilations(framework, name, device)
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
        except UserError as error:
            passed, detail = False, str(error)
        except Exception as error:  # whatever an adaptor raises is a reason not to time it
            log.exception("%s: %s", subject, what)
            passed, detail = False, reason(error)
        log.info("%s %s: %s: %s", "passed" if passed else "FAILED", subject, what, detail)
        rows.append((framework, device, subject, what, passed, detail))
    return pd.DataFrame(
        rows, columns=["framework", "device", "subject", "check", "passed", "detail"]
    )


def reason(error: Exception) -> str:
    """An error in one line, with the line of a compiler that tells the cause, where one spoke."""
    lines = [line.strip() for line in f"{type(error).__name__}: {error}".splitlines()]
    said = next((line for line in lines if line and not line.endswith(":")), lines[0])
    for telling in TELLING:
        causes = [line[found.start() :] for line in lines if (found := telling.search(line))]
        if causes and causes[0] not in said:
            return f"{said}: {causes[0]}"
    return said


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


def _precision(framework: ModuleType, precision: str, device: str) -> str:
    """Full products in a precision: within its bound, and not in float32 all the same.

    One of them has a diagonal factor, so that its elements are single terms, whose errors are not
    lost among those of others.
    """
    dtype, worst = PRECISIONS[precision].dtype, 0.0
    values, right = np.random.RandomState(0).normal(size=(2, PRODUCT, PRODUCT))
    for left in (values, np.diag(np.diag(values))):
        b, c = framework.array(left, device, dtype), framework.array(right, device, dtype)
        stored = framework.to_numpy(b), framework.to_numpy(c)
        try:
            framework.set_precision(precision)
            product = framework.to_numpy(framework.matmul(b, c))
        finally:
            framework.set_precision("float32")
        worst = max(
            worst, check_product(product, *stored, f"the product in {precision}", precision)
        )
    try:
        check_product(product, *stored, "")
    except UserError:
        return f"errors up to {worst:.0%} of the bound for {precision} rounding"
    raise UserError(f"{precision}: not timed, because this device computes its products in float32")


def _data(framework: ModuleType, examples: int, features: int, device: str) -> tuple:
    """Examples as NumPy and as the framework's arrays, and initial weights."""
    random = np.random.default_rng(0)
    some = random.standard_normal((min(examples, DRAWN), features), np.float32)
    x, y = np.resize(some, (examples, features)), random.standard_normal(examples, np.float32)
    arrays = framework.array(x, device), framework.array(y, device)
    return x, y, arrays, sampling.initial_weights(0, features)


def _steps(framework: ModuleType, implementation: str, device: str) -> str:
    """The steps of an epoch, one by one, for every loader, objective and batch size."""
    x, y, arrays, weights = _data(framework, EXAMPLES, FEATURES, device)
    order = sampling.batch_order(EXAMPLES, 0, 0, "permutation", 1)
    worst = 0.0
    for loader, objective, size in product(framework.LOADERS, factors.FACTORS, BATCH_SIZES):
        model = framework.IMPLEMENTATIONS[implementation](weights, objective, device)
        batches = iter(framework.LOADERS[loader](*arrays, order, size))
        for begin in range(0, EXAMPLES, size):
            chosen = order[begin : begin + size]
            before = model.parameters()
            model.compute(*next(batches))
            model.update(0.1)
            what = f"{implementation}, {objective}, {loader} loader, batch size {size}"
            factor = factors.gradient(objective)
            after = model.parameters()
            worst = max(worst, check_step(before, after, x[chosen], y[chosen], 0.1, factor, what))
    return f"errors up to {worst:.0%} of the bound for float32 rounding"


def _traces(framework: ModuleType, implementation: str, device: str) -> str:
    """The parameters at the end of each of three epochs, at two learning rates."""
    x, y, arrays, weights = _data(framework, EXAMPLES, FEATURES, device)
    loaders = ["direct"] if implementation in WHOLE_EPOCHS else list(framework.LOADERS)
    worst = 0.0
    for loader, objective, size in product(loaders, factors.FACTORS, BATCH_SIZES):
        model = framework.IMPLEMENTATIONS[implementation](weights, objective, device)
        parameters, error = sampling.initial_parameters(0, FEATURES), 0.0
        factor = factors.gradient(objective)
        for epoch, rate in enumerate((0.05, 0.05, 0.02)):
            order = sampling.batch_order(EXAMPLES, 0, epoch, "permutation", 1)
            if implementation in WHOLE_EPOCHS:
                model.epoch(*arrays, order, size, rate)
            else:
                for batch in framework.LOADERS[loader](*arrays, order, size):
                    model.compute(*batch)
                    model.update(rate)
            path = reference.follow(x, y, parameters, order, size, rate, factor=factor, error=error)
            *_, (parameters, error) = path
            what = f"{implementation}, {objective}, {loader} loader, batch size {size}"
            worst = max(worst, check_parameters(model.parameters(), parameters, error, what))
    return f"errors up to {worst:.0%} of the bound for float32 rounding"


def _compilations(framework: ModuleType, implementation: str, device: str) -> str:
    """How much the compiler has compiled after an epoch; UserError where that is nothing."""
    *_, arrays, weights = _data(framework, EXAMPLES, FEATURES, device)
    model = framework.IMPLEMENTATIONS[implementation](weights, "half_mse", device)
    model.epoch(*arrays, np.arange(EXAMPLES), 1, 0.05)
    model.wait()
    if not (count := model.compilations()):
        raise UserError(
            f"{implementation}: not timed, because nothing was compiled: it ran eagerly"
        )
    return f"compiled: {count}"


def _product_wait(framework: ModuleType, device: str) -> str:
    """A large product: what is read after waiting, and that nothing is left to wait for."""
    n = LARGE[device]
    left = framework.array(np.random.RandomState(0).normal(size=(n, n)), device)

    def fetch(product):  # an element is enough to wait for, and takes no time to copy
        return framework.to_numpy(product[:1, :1])

    fetch(framework.matmul(left, left))
    returned, waited, left_over = _read(lambda: framework.matmul(left, left), framework.wait, fetch)
    _check_wait(waited, left_over, f"a product at n = {n}")
    rate, absurd = (flop(n) / 1e9 / seconds for seconds in (waited, returned))
    return (
        f"n = {n}: {1e3 * waited:.3g} ms, {rate:.3g} GFLOP/s; without waiting the clock would "
        f"have read {1e3 * returned:.3g} ms, {absurd:.3g} GFLOP/s"
    )


def _step_wait(framework: ModuleType, implementation: str, device: str) -> str:
    """A step on a large batch: nothing is left to do when its model has waited."""
    count, features = WIDE[device]
    *_, arrays, weights = _data(framework, count, features, device)
    model = framework.IMPLEMENTATIONS[implementation](weights, "half_mse", device)
    order = np.arange(count)

    def step():
        if implementation in WHOLE_EPOCHS:
            model.epoch(*arrays, order, count, 1e-6)
        else:
            model.compute(*arrays)
            model.update(1e-6)

    step()
    model.wait()
    returned, waited, left_over = _read(step, lambda _: model.wait(), lambda _: model.parameters())
    _check_wait(waited, left_over, f"{implementation}, a step on {count} examples")
    return f"{1e3 * waited:.3g} ms, {1e3 * returned:.3g} ms without waiting"


def _read(work: Callable, wait: Callable, fetch: Callable) -> tuple[float, float, float]:
    """Seconds until work returned, until the wait did, and for which it still went on then.

    That is what fetching the result takes longer straight after the wait than after a rest, in
    which the work is done whether or not it was waited for: a fetch from a GPU takes a while by
    itself. Where that is longer than all before it, it is taken for work that only a fetch begins.
    The reading that is best for the wait.
    """
    found = [_reading(work, wait, fetch) for _ in range(READINGS)]
    rest = max(waited + fetched for _, waited, fetched in found)
    alone = min(_reading(work, wait, fetch, rest)[2] for _ in range(READINGS))
    found = [(returned, waited, fetched - alone) for returned, waited, fetched in found]
    best = min(found, key=lambda reading: reading[2] / reading[1])
    if alone > best[1]:  # whatever was waited for
        best = *best[:2], alone
    return best


def _reading(
    work: Callable, wait: Callable, fetch: Callable, rest: float = 0
) -> tuple[float, float, float]:
    """Seconds until work returned, until the wait did, and for fetching the result after a rest."""
    marks = [perf_counter_ns()]
    done = work()
    marks.append(perf_counter_ns())
    wait(done)
    marks.append(perf_counter_ns())
    sleep(rest)
    marks.append(perf_counter_ns())
    fetch(done)
    marks.append(perf_counter_ns())
    start, returned, waited, rested, fetched = (mark * 1e-9 for mark in marks)
    return returned - start, waited - start, fetched - rested


def _check_wait(waited: float, left_over: float, what: str) -> None:
    """Raise UserError where work still went on for long after the wait."""
    if left_over > waited / 2:
        raise UserError(
            f"{what}: the clock does not wait: it read {1e3 * waited:.3g} ms, and the result was "
            f"there only {1e3 * left_over:.3g} ms later"
        )


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Check a framework in its environment; where that is missing, the verdict says so.

    A GPU that is missing is a UserError, since the next node may have one.
    """
    name, device, threads = (parameters[key] for key in ("framework", "device", "threads"))
    [record] = [json.loads(path.read_text(encoding="utf-8")) for path in inputs] or [{}]
    about = {}

    def start() -> str:
        if record.get("status", "ready") != "ready":
            raise UserError(f"{record['status']}: {record['detail']}")
        return frameworks.start(name, threads).version()

    verdicts = run(name, device, [("environment", "the framework can be imported", start)])
    if verdicts.passed.all():
        framework = frameworks.load(name)
        about = frameworks.provenance(framework, device)
        found = checks(framework, device, parameters["precisions"])
        verdicts = pd.concat([verdicts, run(name, device, found)], ignore_index=True)
    about = provenance.collect(threads=[threads], **about)
    compiled = verdicts.subject.isin(WHOLE_EPOCHS)
    for path, part in (
        (output, verdicts[~compiled]),
        (output.with_suffix("") / "compiled.parquet", verdicts[compiled]),
    ):
        if not _says(path, part, parameters):
            parquet.write(part, path, parameters=parameters, provenance=about)
    # an environment that could not be made is another matter than a check
    failed = mendable(verdicts) if record.get("status", "ready") == "ready" else []
    write_text(output.with_suffix(".json"), json.dumps({"failed": failed}))


def _says(path: Path, verdicts: pd.DataFrame, parameters: dict) -> bool:
    """Whether a table says the same, times apart: what was made after it is not made again."""
    try:
        before = parquet.read(path, digest(parameters))
    except UserError:  # not there, damaged, or made with other parameters
        return False
    decided, now = (
        [
            (row.subject, row.check, row.passed or NUMBER.sub("", row.detail))
            for row in table.itertuples()
        ]
        for table in (before, verdicts)
    )
    return decided == now


if __name__ == "__main__":
    sys.exit(command.run(make))
