"""How well the noise scale on the way foretells what a batch size takes: on random least squares.

    PYTHONPATH=src .venv/bin/python -P tests/by_hand/noise_scale_averages.py [airfoil.dat]

What is observed is B = b·(S(b)/S − 1) at b = 20: S(b) is the number of steps to a loss at the best
rate, exactly and with replacement, and S that of all examples at once. Predicted is a mean of B
along that descent or a slower one: by tr Σ/|G|², or with the Hessian, tr(HΣ)/GᵀHG. Prints the
quantiles of predicted over observed, of all problems where S is at least 2; with the data, its own
at losses of 0.25 and 1 %, 0.5 % and 0.2 % above the floor. Batches that share no example in an
epoch take fewer steps: by the pipeline's own sweep at b = 10, with S as here, these four observed B
are 1.1, 1.5, 1.7 and 2.0 times smaller.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from minibatch.sgd import gradients, objective
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.sgd.scaling import scale
from minibatch.summaries.noise_scale import over_steps

PROBLEMS, EXAMPLES, SIZE = 40, 2000, 20
DROPS = [10, 30, 100, 300]  # the loss above the floor at the start, over that at the end
MOST = 1000  # steps of all examples at once


def problem(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Standardised examples: 2 to 8 features, of any condition and share of the target."""
    features, share = random.integers(2, 9), random.uniform(0.2, 0.9)
    deviations = np.geomspace(1, 10 ** random.uniform(-0.85, 0), features)
    rotation = np.linalg.qr(random.normal(size=(features, features)))[0]
    heavy = random.random() < 0.5
    shape = (EXAMPLES, features)
    values = random.standard_t(6, size=shape) if heavy else random.normal(size=shape)
    x = values * deviations @ rotation
    signal = x @ random.normal(size=features)
    noise = random.normal(size=EXAMPLES) * signal.std() * np.sqrt(1 / share - 1)
    table = scale(np.column_stack([x, signal + noise]), "standardize")
    return split(table)


def crossing(steps: np.ndarray, excess: np.ndarray, goal: float) -> float:
    """From which number of steps on the excess is at the goal, between two by its logarithm."""
    above = np.flatnonzero(~(excess <= goal))
    if above[-1] + 1 == len(excess):
        return np.inf
    before, after = np.log(excess[[above[-1], above[-1] + 1]])
    share = (before - np.log(goal)) / (before - after)
    return steps[above[-1]] + share * (steps[above[-1] + 1] - steps[above[-1]])


def observed(moments: Moments, start: np.ndarray, full: float, goal: float) -> float:
    """B by the steps of batches of SIZE at the best of many rates."""
    rates = np.geomspace(0.004, 0.9, 60) * moments.stability_limit(SIZE)
    steps = np.unique(np.geomspace(1, 2000 * full, 300).astype(int) - 1)
    losses = moments.losses(start, np.zeros(len(start)), SIZE, rates, steps)
    found = min(crossing(steps, row - moments.floor, goal) for row in losses)
    return SIZE * (found / full - 1)


def along(x, y, start, rate: float, goal: float, floor: float) -> dict[tuple, float]:
    """Means of B from the start to the goal, by both versions of B."""
    path = objective.descend(x, y, start, rate, 20 * MOST)
    excess = 0.5 * (((path - path[-1]) @ np.linalg.cholesky(objective.hessian(x))) ** 2).sum(axis=1)
    excess = excess + (objective.loss(x, y, path[-1]) - floor)
    end = crossing(np.arange(len(path)), excess, goal)
    count = int(np.ceil(end))
    path, hessian, rows = path[: count + 1], objective.hessian(x), []
    for point in path:
        single = gradients.per_example(x, y, point)
        mean = single.mean(axis=0)
        apart = single - mean
        simple = gradients.trace(single) / (mean @ mean)
        rows.append([simple, ((apart @ hessian) * apart).sum() / len(y) / (mean @ hessian @ mean)])
    steps = np.append(np.arange(count), end)
    fallen = np.append(excess[:count], goal)
    found = {}
    for name, values in zip(("simple", "Hessian"), np.log(np.transpose(rows)), strict=True):
        scales = np.exp(np.interp(steps, np.arange(count + 1), values))
        weights = {"steps": over_steps(steps), "loss": over_steps(fallen[0] - fallen)}
        weights["log loss"] = over_steps(np.log(fallen[0] / fallen))
        for average, shares in weights.items():
            found[name, average] = np.average(scales, weights=shares)
        shares = weights["steps"]
        found[name, "geometric"] = np.exp(np.average(np.log(scales), weights=shares))
        found[name, "harmonic"] = 1 / np.average(1 / scales, weights=shares)
    return found


def ratios(x: np.ndarray, y: np.ndarray, drop: float) -> dict:
    """Predicted over observed B of a problem, of the descent at the best rate and of a slow one."""
    moments, start = Moments(x, y), np.zeros(x.shape[1] + 1)
    limit, floor = objective.stability_limit(x), moments.floor
    goal = (objective.loss(x, y, start) - floor) / drop
    values, vectors = np.linalg.eigh(moments.hessian)
    modes = values * (vectors.T @ (start - moments.optimum)) ** 2 / 2
    steps = np.arange(MOST + 1)
    rates = np.linspace(0.1, 0.999, 100) * limit
    powers = (1 - rates[:, None, None] * values) ** (2 * steps[:, None])
    counts = [crossing(steps, row, goal) for row in powers @ modes]
    full, rate = min(counts), rates[np.argmin(counts)]
    seen = observed(moments, start, full, goal)
    found = {"drop": drop, "steps": full, "observed": seen}
    for way, own in (("best rate", rate), ("rate 1/40 of the limit", limit / 40)):
        means = along(x, y, start, own, goal, floor)
        found |= {(way, *key): value / seen for key, value in means.items()}
    return found


def main(data: str | None = None) -> None:
    """Print a line a mean."""
    if data:
        raw = np.array([line.split() for line in Path(data).read_text().splitlines()], dtype=float)
        x, y = split(scale(raw, "standardize")[:1500])
        floor = objective.loss(x, y, objective.optimum(x, y))
        start = objective.loss(x, y, np.zeros(6)) - floor
        drops = [
            start / excess for excess in (0.25 - floor, *(floor * np.array([1e-2, 5e-3, 2e-3])))
        ]
        found = pd.DataFrame([ratios(x, y, drop) for drop in drops])
    else:
        random = np.random.default_rng(5)
        problems = [problem(random) for _ in range(PROBLEMS)]
        found = pd.DataFrame([ratios(*one, drop) for one in problems for drop in DROPS])
        found = found[(found.steps >= 2) & np.isfinite(found.observed)]
    print(found[["drop", "steps", "observed"]].describe().round(1))
    table = found[[name for name in found if isinstance(name, tuple)]]
    shown = table.quantile([0.1, 0.5, 0.9]).T
    shown["root mean square factor"] = np.exp(np.sqrt((np.log(table) ** 2).mean()))
    if data:
        shown = table.T
    print(shown.round(2).to_string())


if __name__ == "__main__":
    main(*sys.argv[1:2])
