"""How noisy an example's gradient is in a PyTorch model: estimated from batches, or exactly.

`loss(model, batch)` is the mean over the examples of a batch, of whose tensors the first dimension
is that of the examples. Over all N of them, at the parameters as they are, their
gradients g have the mean G and the covariance Σ, divisor N. Two numbers of these are looked for,
|G|² and tr Σ; the noise scale B is tr Σ/|G|² (McCandlish et al. 2018, equation 2.9,
arXiv:1812.06162). Gradients are of the parameters that are trained, squares and sums in float64.

A loss that couples the examples of a batch, as batch normalisation does while it trains, has no
gradient of one example: what batches estimate then depends on their size, and `exact` refuses.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from minibatch.own.batches import Batch, length, mapped
from minibatch.sgd.gradients import variance

Loss = Callable[[nn.Module, Batch], Tensor]

MEMORY = 2**28  # bytes that gradients of single examples may take at a time
MOST = 1024  # of them at a time, since their activations take memory as well
CHECKED = 8  # examples: of more, what dropout does to each would average out
# Between the mean of single gradients and that of their batch, as a share of the root mean square
# of the single ones: rounding in TensorFloat-32 stays below, what couples examples far above.
TOLERANCE = 5e-3


class Noise(NamedTuple):
    """|G|² and tr Σ at one set of parameters, in squared units of the loss over the parameter."""

    gradient_squared: float
    trace: float


class NotExact(Exception):
    """Why a model with its loss has no gradients of single examples."""


def two_sizes(
    small_squared: np.ndarray,
    large_squared: np.ndarray,
    small: int,
    large: int,
    examples: int | None = None,
) -> Noise:
    """|G|² and tr Σ without bias, from the squared norms of gradients of batches of two sizes.

    The gradient of a batch of b is G in the mean, so that its squared norm is |G|² + v(b)·tr Σ in
    the mean: v(b) is 1/b for independent draws, where `examples` is None. Of N examples without
    replacement it is (N − b)/(b(N − 1)) (Cochran, Sampling Techniques, 1977, theorem 2.2), where Σ
    has the divisor N. Two sizes s < l are two equations in two unknowns:

        tr Σ = (|g_s|² − |g_l|²)/(v(s) − v(l)),  |G|² = (v(s)|g_l|² − v(l)|g_s|²)/(v(s) − v(l))

    With v(b) = 1/b this is McCandlish et al. 2018, appendix A.1. Both are linear in the squared
    norms, so that they have no bias even where the two batches share examples; both may be
    negative. Where l = N, v(l) is 0, and |G|² is exact. Squared norms have any one shape.
    """
    if not 0 < small < large <= (examples or large):
        raise ValueError(f"sizes {small} < {large} ≤ {examples} do not hold")
    method = "permutation" if examples else "replacement"
    of_small, of_large = variance(np.array([small, large]), examples or 0, method)
    apart = of_small - of_large
    squared = (of_small * large_squared - of_large * small_squared) / apart
    return Noise(squared, (small_squared - large_squared) / apart)


def of_batches(
    model: nn.Module, loss: Loss, batches: Iterable[Batch], examples: int | None = None
) -> Noise:
    """|G|² and tr Σ without bias, from several disjoint batches of one size out of N examples.

    Of no number of examples they are independent draws. The mean of their gradients is that of a
    batch as large as all of them, drawn without replacement as well, so that a pass through k
    batches of b gives both squared norms. With independent Gaussian gradients, nearly where kb is
    far below N, the variance of tr Σ is 2tr(Σ²)/(k − 1), and that of |G|²
    4GᵀΣG/(kb) + 2tr(Σ²)/(b²k(k − 1)); their covariance is −2tr(Σ²)/(bk(k − 1)).
    """
    total, squares, sizes = 0, [], set()
    with _unchanged(model):
        for batch in batches:
            gradient = _gradient(model, loss, batch)
            squares.append(gradient.square().sum())
            sizes.add(length(batch))
            total = total + gradient
    if len(squares) < 2 or len(sizes) > 1:
        raise ValueError(f"{len(squares)} batches of {sorted(sizes)}: several of one size needed")
    count, [size] = len(squares), sizes
    large = float((total / count).square().sum())
    small = float(torch.stack(squares).mean())
    return two_sizes(small, large, size, count * size, examples)


def sampled(
    model: nn.Module,
    loss: Loss,
    data: Batch,
    batch_size: int,
    batches: int,
    random: np.random.Generator,
) -> Noise:
    """|G|² and tr Σ without bias, from this many batches that share no example.

    `data` is one batch of all N examples, with batches · batch_size ≤ N. Each call draws
    anew, so that calls are independent, as the repeats of `noise_scale` are to be.
    """
    order = random.permutation(length(data))[: batches * batch_size]
    if len(order) < batches * batch_size:
        raise ValueError(f"{batches} batches of {batch_size} are more than {len(order)} examples")
    drawn = (_part(data, order[at : at + batch_size]) for at in range(0, len(order), batch_size))
    return of_batches(model, loss, drawn, length(data))


def exact(model: nn.Module, loss: Loss, data: Batch, memory: int = MEMORY) -> Noise:
    """|G|² and tr Σ of all examples, from the gradient of each one, this many bytes at a time.

    Raises NotExact where single examples have no gradient, or one that differs from call to call:
    batch normalisation, dropout, or a loss that is no mean over examples. Means and squares are
    merged part by part, which rounds less than a difference of sums (Chan, Golub and LeVeque 1983).
    """
    total, size = length(data), sum(one.numel() for one in _trained(model))
    with _unchanged(model):
        singles = _singles(model, loss, _part(data, slice(CHECKED)))
        step = int(np.clip(memory // (8 * size), 1, MOST))
        mean, squares = 0, 0
        for done in range(0, total, step):
            found = singles(_part(data, slice(done, done + step)))
            count, own = len(found), found.mean(dim=0)
            apart = own - mean
            squares = squares + (found - own).square().sum()
            squares = squares + apart.square().sum() * done * count / (done + count)
            mean = mean + apart * count / (done + count)
    return Noise(float(mean.square().sum()), float(squares) / total)


def _singles(model: nn.Module, loss: Loss, few: Batch) -> Callable[[Batch], Tensor]:
    """What gives the gradients of examples, shape (examples, parameters): all at once if it can.

    It is tried on a few examples, whose mean must be the gradient of their batch.
    """
    expected, why = _gradient(model, loss, few), "their mean is not the gradient of their batch"
    precision = max(torch.finfo(one.dtype).eps for one in _trained(model))
    for singles in (_at_once(model, loss), _one_by_one(model, loss)):
        try:
            found = singles(few)
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, TypeError, ValueError) as error:  # what vmap and layers raise
            why = str(error)
            continue
        apart = (found.mean(dim=0) - expected).square().sum()
        if apart <= max(TOLERANCE, 8 * precision) ** 2 * found.square().sum(dim=1).mean():
            return singles
        why = "their mean is not the gradient of their batch"
    raise NotExact(f"the model has no gradients of single examples: {why}")


def _at_once(model: nn.Module, loss: Loss) -> Callable[[Batch], Tensor]:
    """By one pass for all examples; loops and branches that depend on values raise."""
    whole = _Loss(model, loss)
    trained = {name: one.detach() for name, one in whole.named_parameters() if one.requires_grad}

    def of_one(parameters, example):
        return torch.func.functional_call(whole, parameters, (mapped(example, _alone),))

    found = torch.func.vmap(torch.func.grad(of_one), in_dims=(None, 0))

    def singles(batch):
        parts = found(trained, batch).values()
        return torch.cat([part.flatten(start_dim=1).double() for part in parts], dim=1)

    return singles


def _one_by_one(model: nn.Module, loss: Loss) -> Callable[[Batch], Tensor]:
    """By a pass for each example, whatever the model does."""

    def singles(batch):
        each = (_part(batch, slice(index, index + 1)) for index in range(length(batch)))
        return torch.stack([_gradient(model, loss, one) for one in each])

    return singles


class _Loss(nn.Module):
    """A loss as a module, so that the parameters of its model can be given to it."""

    def __init__(self, model: nn.Module, loss: Loss):
        super().__init__()
        self.model, self._loss = model, loss

    def forward(self, batch: Batch) -> Tensor:
        """Call it."""
        return self._loss(self.model, batch)


def _gradient(model: nn.Module, loss: Loss, batch: Batch) -> Tensor:
    """That of a batch's loss, shape (parameters,), in float64."""
    with torch.enable_grad():
        parts = torch.autograd.grad(
            loss(model, batch), _trained(model), allow_unused=True, materialize_grads=True
        )
    return torch.cat([part.flatten().double() for part in parts])


def _trained(model: nn.Module) -> list[Tensor]:
    """The parameters that are trained."""
    return [one for one in model.parameters() if one.requires_grad]


@contextmanager
def _unchanged(model: nn.Module) -> Iterator[None]:
    """Puts buffers back, such as the averages of batch normalisation: looking changes no training.

    The gradients that an optimiser will use are not touched at all.
    """
    before = [(one, one.clone()) for one in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for one, value in before:
                one.copy_(value)


def _alone(example: Tensor) -> Tensor:
    """A batch of one."""
    return example[None]


def _part(batch: Batch, which: slice | np.ndarray) -> Batch:
    """Some of the examples of a batch."""
    return mapped(batch, lambda one: one[which])
