"""Time an epoch in plain compiled code and in scikit-learn: examples → results/baseline.parquet."""

import gc
import platform
import random
import sys
from importlib.metadata import version
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import pandas as pd
from sklearn.linear_model import SGDRegressor

from minibatch import command
from minibatch.errors import UserError
from minibatch.sgd import baseline, objective, reference, sampling
from minibatch.sgd.examples import split
from minibatch.sgd.step_checks import check_loss
from minibatch.tables import parquet, provenance


def numba_epoch(
    x: np.ndarray,
    y: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    batch_size: int,
    learning_rate: float,
) -> tuple[np.ndarray, float]:
    """One epoch of the compiled loop: (w, b) after it, and its seconds."""
    parameters = start.copy()
    rate = np.float32(learning_rate)
    begin = perf_counter_ns()
    baseline.epoch(parameters, x, y, order, batch_size, rate)
    return parameters, (perf_counter_ns() - begin) * 1e-9


def scikit_learn_epoch(
    x: np.ndarray,
    y: np.ndarray,
    start: np.ndarray,
    order: np.ndarray,
    batch_size: int,  # noqa: ARG001 - scikit-learn has no other than 1
    learning_rate: float,
) -> tuple[np.ndarray, float]:
    """One epoch of SGDRegressor.fit on examples already in order: (w, b) after it, its seconds.

    It keeps its weights in float32, as its input is, and its bias in float64.
    """
    features, targets = x[order], y[order]
    regressor = SGDRegressor(
        loss="squared_error",  # with the ½
        penalty=None,
        learning_rate="constant",
        eta0=learning_rate,
        shuffle=False,
        max_iter=1,
        tol=None,  # no criterion that stops it, and no warning that it was not met
    )
    begin = perf_counter_ns()
    regressor.fit(features, targets, coef_init=start[:-1], intercept_init=start[-1:])
    seconds = (perf_counter_ns() - begin) * 1e-9
    return np.append(regressor.coef_, regressor.intercept_), seconds


EPOCHS = {"numba": numba_epoch, "scikit-learn": scikit_learn_epoch}


def measure(
    x: np.ndarray, y: np.ndarray, *, batch_sizes: list[int], learning_rate: float, seeds: int
) -> pd.DataFrame:
    """Verify an epoch of every implementation, batch size and seed, then time them in random order.

    (x, y) are float32, shapes (n, d) and (n,). One row an epoch: implementation, batch_size,
    learning_rate, seed, seconds, and the loss over all examples after it.
    Raises UserError where that is not the reference's.
    """
    kinds = [("numba", size) for size in batch_sizes]
    kinds += [("scikit-learn", 1)] if 1 in batch_sizes else []
    cases = [(*kind, learning_rate, seed) for kind in kinds for seed in range(seeds)]
    for case in cases:
        _verify(x, y, *case)  # warms up, too: the loop is compiled at its first call
    if not getattr(baseline.epoch, "signatures", ()):  # a plain function, where Numba is disabled
        raise UserError(
            "numba: not timed, because nothing was compiled: see NUMBA_DISABLE_JIT in the "
            "environment, and .numba_config.yaml in this folder"
        )
    samples = {case: _sample(x, y, *case) for case in random.Random(0).sample(cases, len(cases))}
    rows = [(*case, *samples[case]) for case in cases]
    names = ["implementation", "batch_size", "learning_rate", "seed", "seconds", "loss"]
    return pd.DataFrame(rows, columns=names)


def _sample(
    x: np.ndarray, y: np.ndarray, name: str, batch_size: int, learning_rate: float, seed: int
) -> tuple[float, float]:
    """Seconds of one epoch and the loss after it."""
    start, order = _begin(x, seed)
    parameters, seconds = EPOCHS[name](x, y, start, order, batch_size, learning_rate)
    return seconds, objective.loss(x, y, parameters)


def _verify(
    x: np.ndarray, y: np.ndarray, name: str, batch_size: int, learning_rate: float, seed: int
) -> None:
    """Compare the loss after an epoch with the reference's; raises UserError."""
    _, loss = _sample(x, y, name, batch_size, learning_rate, seed)
    *_, (parameters, error) = reference.follow(x, y, *_begin(x, seed), batch_size, learning_rate)
    check_loss(loss, x, y, parameters, error, f"{name}, batch size {batch_size}, seed {seed}")


def _begin(x: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Initial (w, b) and the order of the first epoch, as every framework has them."""
    order = sampling.batch_order(len(x), seed, epoch=0, method="permutation", copies=1)
    return sampling.initial_parameters(seed, x.shape[1]), order


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure in this process; both implementations have a single thread."""
    [path] = inputs
    examples = parquet.read(path, parameters["inputs"][str(path)]).to_numpy()
    x, y = map(np.ascontiguousarray, split(examples))
    versions = [f"{name} {version(name)}" for name in EPOCHS]
    about = provenance.collect(frameworks=versions, threads=[1])
    gc.freeze()  # a search through all that the imports left would fall into some timings
    names = ("batch_sizes", "learning_rate", "seeds")
    samples = measure(x, y, **{name: parameters[name] for name in names})
    samples.insert(0, "machine", platform.node())
    parquet.write(samples, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
