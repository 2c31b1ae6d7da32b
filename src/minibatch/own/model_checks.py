"""Whether a model file can be asked about batch sizes at all: one line where it cannot."""

import math

import torch

from minibatch.errors import UserError
from minibatch.own.batches import tensors
from minibatch.own.contract import Contract
from minibatch.own.training import evaluate, evaluating

ALIKE = 1e-3  # how far losses of the same examples may be apart, as a share
FEW = 8  # examples of the batch that is doubled
TRIED = 1e-8  # a learning rate at which a step moves no parameter far


def check(contract: Contract, path: str) -> None:
    """Raise UserError unless a first step is possible and the loss is a mean over the batch."""
    model = contract.model(0)
    indices = [*range(min(FEW, contract.data.examples))]
    with contract.theirs():
        once, twice = (contract.data.batch(part) for part in (indices, 2 * indices))
    if next(tensors(once), None) is None:
        raise UserError(
            f"{path}: a batch is a {type(once).__name__} without tensors in tuples, lists or "
            "dictionaries; let data() or its collate_fn return such"
        )
    with evaluating(model), torch.no_grad():
        alone, doubled = (contract.loss(model, batch).item() for batch in (once, twice))
    if not math.isfinite(alone):
        raise UserError(f"{path}: the loss of the first {len(indices)} examples is {alone}")
    if math.isclose(doubled, 2 * alone, rel_tol=ALIKE) and alone:
        raise UserError(
            f"{path}: loss(model, batch) is summed over the batch: every example twice makes "
            f"{doubled:.4g} of {alone:.4g}; take the mean"
        )
    if not math.isclose(doubled, alone, rel_tol=ALIKE, abs_tol=1e-12):
        raise UserError(
            f"{path}: loss(model, batch) is no mean over the examples: every example twice makes "
            f"{doubled:.4g} of {alone:.4g}"
        )
    if contract.target_loss is not None and contract.target_loss >= alone:
        _check_target(contract, model, path)
    optimizer = contract.optimizer(model, TRIED)
    size = min(32, contract.data.examples)
    with contract.theirs():
        (batch,) = next(iter(contract.data.epoch(contract.data.loaders[0], size)))
    contract.backward(contract.loss(model, batch))
    gradients = [part.grad for part in model.parameters() if part.grad is not None]
    if not all(torch.isfinite(part).all() for part in gradients):
        raise UserError(f"{path}: the gradient at the first step is not finite")
    if not any(part.any() for part in gradients):
        raise UserError(f"{path}: the gradient at the first step is 0, so nothing is trained")
    with contract.theirs():
        optimizer.step()


def _check_target(contract: Contract, model: torch.nn.Module, path: str) -> None:
    start = evaluate(contract, model)
    if contract.target_loss >= start:
        raise UserError(
            f"{path}: target_loss = {contract.target_loss:g} is not below {start:.4g}, the loss of "
            "the untrained model"
        )
