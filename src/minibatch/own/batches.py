"""Batches of any structure: tensors in tuples, lists, dictionaries, or alone."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor

Batch = Tensor | tuple | list | dict


def mapped(batch: Batch, function: Callable[[Tensor], Tensor]) -> Batch:
    """A batch of the same structure, of what a function makes of each tensor."""
    if isinstance(batch, Tensor):
        return function(batch)
    if isinstance(batch, Mapping):
        return {name: mapped(part, function) for name, part in batch.items()}
    if isinstance(batch, tuple | list):
        parts = [mapped(part, function) for part in batch]
        return type(batch)(*parts) if hasattr(batch, "_fields") else type(batch)(parts)
    return batch


def tensors(batch: Batch) -> Iterator[Tensor]:
    """The tensors of a batch."""
    if isinstance(batch, Tensor):
        yield batch
    elif isinstance(batch, Mapping | tuple | list):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from tensors(part)


def length(batch: Batch) -> int:
    """The number of examples: the first dimension of the first tensor."""
    return len(next(tensors(batch)))


def size(batch: Batch) -> int:
    """Its bytes."""
    return sum(part.element_size() * part.nelement() for part in tensors(batch))


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device; of a kind that knows how to move, by itself."""
    if hasattr(batch, "to"):
        return batch.to(device)
    return mapped(batch, lambda part: part.to(device))
