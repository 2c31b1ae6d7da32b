"""The chapter's training loop in PyTorch, and what its notebook does beside the steps (12.5.4).

The clock stands still at each point of the plot, while the loss over all examples is evaluated and
the plot drawn anew. What that leaves, in the caches and for Python's garbage collector, is still
there when the clock goes on. The collector searches whatever was imported, which is here what the
chapter's package d2l imports, as far as the main environment has it: torchvision is missing, and
IPython with its inline backend and a notebook's kernel.
"""

import gc
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType

os.environ["MPLBACKEND"] = "agg"  # no window, and no notebook's

import numpy as np
import pandas  # noqa: F401
import PIL.Image  # noqa: F401
import requests  # noqa: F401
import scipy.spatial  # noqa: F401
import torch
from matplotlib import pyplot as plt
from torch.utils.data import DataLoader, RandomSampler, TensorDataset

from minibatch.sgd import reference, sampling
from minibatch.sgd.clock import Clock
from minibatch.sgd.protocols import Protocol, Run
from minibatch.sgd.step_checks import check_parameters

POINT = 200  # examples from one point of the plot to the next
Examples = tuple[torch.Tensor, torch.Tensor]
Draw = Callable[[float, float], None]


class Chapter:
    """Times runs from scratch on (x, y), float32, shapes (n, d) and (n,), on the CPU.

    The framework's arrays are torch's. `seed` decides on the initial weights, and on the order of
    the examples in all epochs to come.
    """

    def __init__(self, framework: ModuleType, x: np.ndarray, y: np.ndarray, *, seed: int):
        """Copy the examples."""
        self._framework = framework
        self._x, self._y = x, y
        self._examples = framework.array(x, "cpu"), framework.array(y, "cpu")
        self._start = sampling.initial_parameters(seed, x.shape[1])
        torch.manual_seed(seed)

    def time(self, run: Run, protocol: Protocol) -> dict[str, float]:
        """Train once; the seconds of all epochs, the CPU seconds, points and full collections.

        Raises UserError where the parameters at the end are not those of the reference.
        """
        model = self._framework.IMPLEMENTATIONS["scratch"](self._start[:-1], "half_mse", "cpu")
        batches = self._loader(run.batch_size, protocol.loader)
        everything = DataLoader(TensorDataset(*self._examples), run.batch_size, shuffle=True)
        clock, losses = BookClock(model.wait), []
        with collecting(protocol.collector), plot(protocol.drawing, run.epochs) as draw:

            def point(seen: int) -> None:
                losses.append(evaluate(model.parameters(), everything))
                draw(seen / len(self._y), losses[-1])

            train(model, batches, run, clock, point)
        self._verify(model.parameters(), run, batches.orders, protocol)
        return {
            "seconds": clock.read()["seconds"],
            "cpu_seconds": clock.cpu_seconds,
            "full_collections": clock.full_collections,
            "points": len(losses),
        }

    def _loader(self, batch_size: int, name: str) -> Iterable[Examples]:
        """The batches of an epoch each time, and the orders that they have had."""
        if name == "framework":
            return FrameworkLoader(self._examples, batch_size)
        return DirectLoader(self._framework.LOADERS[name], self._examples, batch_size)

    def _verify(self, found: np.ndarray, run: Run, orders: list, protocol: Protocol) -> None:
        """Compare with the reference's parameters after the same epochs, in float64."""
        parameters, error = self._start, 0.0
        size, rate = run.batch_size, run.learning_rate
        for order in map(np.asarray, orders):
            *_, (parameters, error) = reference.follow(
                self._x, self._y, parameters, order, size, rate, error=error
            )
        what = f"the chapter's run at batch size {size}, {protocol.loader} loader"
        check_parameters(found, parameters, error, what)


def train(
    model,
    batches: Iterable[Examples],
    run: Run,
    clock: Clock,
    point: Callable[[int], None],
) -> None:
    """All steps of a run by the clock, which stands still while `point(examples so far)` works.

    What follows the last point counts as well; in the chapter's runs nothing does.
    """
    seen = 0
    clock.start()
    for _ in range(run.epochs):
        for x, y in batches:
            model.compute(x, y)
            model.update(run.learning_rate)
            seen += len(y)
            if seen % POINT == 0:
                clock.stop(BookClock.PHASE)
                point(seen)
                clock.start()
    clock.stop(BookClock.PHASE)


class BookClock(Clock):
    """Also counts the full collections of garbage that fall into its time."""

    PHASE = "run"

    def __init__(self, wait: Callable[[], None]):
        """Make a clock that stands still at zero."""
        super().__init__(wait, [self.PHASE])
        self.full_collections = 0

    def start(self) -> None:
        """Start counting."""
        self.full_collections -= _full_collections()
        super().start()

    def stop(self, phase: str) -> None:
        """Stop counting."""
        super().stop(phase)
        self.full_collections += _full_collections()


def _full_collections() -> int:
    """How often all objects of this process have been searched so far."""
    return gc.get_stats()[-1]["collections"]


class _Shuffled(RandomSampler):
    """The sampler of DataLoader(shuffle=True); keeps its orders, so as to follow the steps."""

    def __init__(self, examples: TensorDataset):
        super().__init__(examples)
        self.orders = []

    def __iter__(self) -> Iterator[int]:
        self.orders.append([*super().__iter__()])
        return iter(self.orders[-1])


class FrameworkLoader:
    """The chapter's DataLoader, which fetches and stacks examples one by one."""

    def __init__(self, examples: Examples, batch_size: int):
        """Load batches in another order in each epoch."""
        dataset = TensorDataset(*examples)
        shuffled = _Shuffled(dataset)
        self.orders = shuffled.orders
        self._loader = DataLoader(dataset, batch_size, sampler=shuffled)

    def __iter__(self) -> Iterator[Examples]:
        """The batches of an epoch."""
        return iter(self._loader)


class DirectLoader:
    """A loader that takes orders, one operation a batch."""

    def __init__(self, loader: Callable, examples: Examples, batch_size: int):
        """Load batches in another order in each epoch."""
        self._loader, self._examples, self._batch_size = loader, examples, batch_size
        self.orders = []

    def __iter__(self) -> Iterator[Examples]:
        """The batches of an epoch."""
        self.orders.append(torch.randperm(len(self._examples[1])).numpy())
        return iter(self._loader(*self._examples, self.orders[-1], self._batch_size))


def evaluate(parameters: np.ndarray, batches: Iterable[Examples]) -> float:
    """½ · mean squared error of (w, b), batch by batch, as the chapter has it from its loader."""
    theta, total, count = torch.from_numpy(parameters), 0.0, 0
    for x, y in batches:
        errors = x @ theta[:-1] + theta[-1] - y
        total += float((errors**2 / 2).sum())
        count += len(y)
    return total / count


@contextmanager
def collecting(state: str) -> Iterator[None]:
    """Let Python's garbage collector be "on", as Python has it, or "off".

    What was left meanwhile is searched at the end, and nothing else: a full search would put off
    the next one of those that are to be seen.
    """
    if state == "on":
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.collect(0)
        gc.enable()


@contextmanager
def plot(drawing: str, epochs: int) -> Iterator[Draw]:
    """A figure as in the chapter's notebook: `draw(epoch, loss)` draws it anew, with all points.

    It becomes SVG each time, as a notebook shows it. Where `drawing` is "none", there is no figure.
    """
    if drawing == "none":
        yield lambda *_: None
        return
    points = [], []

    def draw(epoch: float, loss: float) -> None:
        points[0].append(epoch)
        points[1].append(loss)
        axes.cla()
        axes.plot(*points)
        axes.set(xlabel="epoch", ylabel="loss", xscale="linear", yscale="linear")
        axes.set(xlim=(0, epochs), ylim=(0.22, 0.35))
        axes.grid()
        figure.savefig(io.BytesIO(), format="svg", bbox_inches="tight")

    with plt.style.context("default", after_reset=True):  # nothing of the user's own settings
        figure, axes = plt.subplots(figsize=(3.5, 2.5))
        yield draw
        plt.close(figure)
