"""Draws docs/noise_estimator.png: estimates of the noise scale beside the exact one.

    PYTHONPATH=src .venv/bin/python -P tests/by_hand/noise_estimator.py airfoil_self_noise.dat \
        docs/noise_estimator.png

On least squares, at points of full-batch descent from θ = 0. The estimates of one study are those
of PyTorch's gradients; bias and coverage are over many studies, whose gradients are exact ones.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from minibatch.figures import style
from minibatch.figures.save import DPI
from minibatch.own import noise
from minibatch.sgd import gradients, objective
from minibatch.sgd.examples import split
from minibatch.sgd.scaling import scale
from minibatch.summaries.noise_scale import noise_scale

PAIRS = [(10, 20), (50, 10), (100, 15)]  # size of a batch, and how many make the large one
STEPS, REPEATS, STUDIES = 6, 10, 1000
ENDS = ["", "_low", "_high"]
ROUNDING = 1e-9  # as a share
TRUE = ("gradient_squared", "trace")


def half_mse(model: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """The loss of the chapter."""
    x, y = batch
    return ((model(x)[:, 0] - y) ** 2).mean() / 2


def in_pytorch(x, y, point, size: int, count: int, random: np.random.Generator) -> np.ndarray:
    """The estimates of a study by PyTorch, shape (2, repeats)."""
    model = torch.nn.Linear(x.shape[1], 1, dtype=torch.float64)
    with torch.no_grad():
        model.weight[0], model.bias[0] = torch.tensor(point[:-1]), point[-1]
    data = torch.tensor(x), torch.tensor(y)
    drawn = [noise.sampled(model, half_mse, data, size, count, random) for _ in range(REPEATS)]
    return np.transpose(drawn)


def studies(single: np.ndarray, size: int, count: int, random: np.random.Generator) -> np.ndarray:
    """The estimates of many studies by the gradients of all examples, (2, studies, repeats)."""
    found, orders = [], np.tile(np.arange(len(single)), (REPEATS, 1))
    for _ in range(STUDIES):
        drawn = random.permuted(orders, axis=1)[:, : size * count]
        means = single[drawn].reshape(REPEATS, count, size, -1).mean(axis=2)
        small = (means**2).sum(axis=2).mean(axis=1)
        large = (means.mean(axis=1) ** 2).sum(axis=1)
        found.append(noise.two_sizes(small, large, size, size * count, len(single)))
    return np.swapaxes(found, 0, 1)


def measure(x: np.ndarray, y: np.ndarray) -> pd.DataFrame:
    """One row a point and pair of sizes: what is exact, one study, bias and coverage of many."""
    rate, rows = objective.stability_limit(x) / 2, []
    floor = objective.loss(x, y, objective.optimum(x, y))
    among = STEPS * len(PAIRS) * len(TRUE)
    random = np.random.default_rng(0)
    limit = stats.norm.ppf(1 - 0.025 / among)  # for all the means together
    for point in objective.descend(x, y, np.zeros(x.shape[1] + 1), rate, STEPS - 1):
        single = gradients.per_example(x, y, point)
        true = noise.Noise((single.mean(axis=0) ** 2).sum(), gradients.trace(single))
        exact = true.trace / true.gradient_squared
        for size, count in PAIRS:
            row = {"excess": objective.loss(x, y, point) - floor, "exact": exact}
            row |= {"size": size, "large": size * count}
            row |= around("scale", *noise_scale(*in_pytorch(x, y, point, size, count, random)))
            drawn = studies(single, size, count, random)
            for name, values, truth in zip(TRUE, drawn, true, strict=True):
                share = values.ravel() / truth
                half = limit * share.std(ddof=1) / np.sqrt(share.size)
                row |= around(name, share.mean(), share.mean() - half, share.mean() + half)
            ends = np.array([noise_scale(*pair) for pair in np.swapaxes(drawn, 0, 1)])
            inside = ((ends[:, 1] <= exact) & (exact <= ends[:, 2])).sum()
            within = stats.binomtest(int(inside), STUDIES).proportion_ci()
            row |= around("coverage", inside / STUDIES, *within)
            factor = 1 + exact * gradients.variance(np.array(size * count), len(x))
            rows.append(row | {"naive": factor})
    return pd.DataFrame(rows)


def around(name: str, *values: float) -> dict[str, float]:
    """A value and its interval as columns."""
    return {name + end: value for end, value in zip(ENDS, values, strict=True)}


def draw(found: pd.DataFrame) -> Figure:
    """The noise scale, the bias of its two parts, and how often its interval has it inside."""
    made, [[scales, slopes], [traces, shares]] = style.figure(message(found), 2, 2, size=(8.5, 7.4))
    one = found[found["size"] == PAIRS[0][0]]
    scales.plot(one.excess, one.exact, color=style.GREY, label="exact")
    panels = {scales: "scale", slopes: "gradient_squared", traces: "trace", shares: "coverage"}
    for index, (size, rows) in enumerate(found.groupby("size")):
        look = style.line(index) | {"linestyle": ""}
        label = f"batches of {size} and {rows.large.iloc[0]}"
        for axes, name in panels.items():
            place = rows.excess * 1.09 ** (index - 1)
            style.ranges(axes, place, style.interval(rows, name), label=label, **look)
    slopes.plot(one.excess, one.naive, color=style.GREY, linestyle="--", marker="x")
    slopes.annotate(
        f"|g|² of a batch of {one.large.iloc[0]}, as it is",
        (one.excess.iloc[3], one.naive.iloc[3]),
        xytext=(-8, 6),
        textcoords="offset points",
        ha="right",
        color=style.GREY,
    )
    slopes.set_ylim(0.8, 2.4)
    scales.set(yscale="log", ylabel="tr Σ/|G|²")
    scales.set_title(f"noise scale, of {REPEATS} estimates each")
    for axes, name in ((slopes, "|G|²"), (traces, "tr Σ")):
        axes.set(ylabel="times the exact one")
        axes.set_title(f"{name}, mean of {STUDIES * REPEATS:,} estimates")
        axes.axhline(1, color=style.GREY, linewidth=1)
    shares.axhline(0.95, color=style.GREY, linewidth=1)
    shares.set_title("exact value inside the interval")
    shares.set(ylabel="share of studies", ylim=(0.85, 1))
    for axes in panels:
        as_a_way(axes)
    style.legend(made, columns=4)
    return made


def as_a_way(axes: Axes) -> None:
    """The way down from left to right."""
    axes.set(xscale="log", xlabel="loss above the floor")
    axes.invert_xaxis()


def message(found: pd.DataFrame) -> str:
    """What bias is seen, and how often intervals have the exact value inside."""
    means = pd.concat([found[[name + end for end in ENDS]].set_axis(ENDS, axis=1) for name in TRUE])
    means = means[means._high - means._low > ROUNDING]  # of all examples |G|² is no estimate
    biased = ((means._low > 1) | (means._high < 1)).sum()
    seen = f"Bias in {biased} of {len(means)} means" if biased else "No bias seen in means"
    low, high = found.coverage.min(), found.coverage.max()
    return (
        f"{seen} of {STUDIES * REPEATS:,} estimates; the exact noise scale, "
        f"{found.exact.min():.0f} to {found.exact.max():.0f}, lies inside the 95 % interval in "
        f"{low:.0%} to {high:.0%} of {STUDIES:,} studies"
    )


def main(data: Path, to: Path) -> None:
    """Measure, print the rows, draw."""
    raw = np.array([line.split() for line in data.read_text().splitlines()], dtype=float)
    found = measure(*split(scale(raw, "standardize")[:1500]))
    print(found.round(3).to_string())
    draw(found).savefig(to, dpi=DPI)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
