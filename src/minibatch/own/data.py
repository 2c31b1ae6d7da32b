"""The examples of a model file: tensors, a Dataset or a DataLoader; and the batches of an epoch."""

from collections.abc import Iterator

import torch
from torch.utils.data import (
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    TensorDataset,
)

from minibatch.errors import UserError
from minibatch.own.batches import Batch, moved, size
from minibatch.own.methods import DIRECT, LOADER

EVALUATED, BYTES = 10_000, 2**28  # of the examples whose loss is looked at, at most
CHUNK = 500  # of them at once
FEW = 8  # by which their size is estimated


class Data:
    """What data() returns, with the ways to take batches of it."""

    def __init__(self, given, device: torch.device, path: str):
        """Keep tensors on the device. Raises UserError where there are no examples to draw."""
        self._device, self._tensors, self._options = device, None, {}
        self._for_the_loss: list | None = None
        self.evaluated = EVALUATED
        self._loaders: dict[int, DataLoader] = {}
        if isinstance(given, DataLoader):
            _require_plain(given, path)
            names = [name for name in KEPT if given.num_workers or name not in OF_WORKERS]
            self._options = {name: getattr(given, name) for name in names}
            given = given.dataset
        tensors = [given] if isinstance(given, torch.Tensor) else given
        if isinstance(tensors, tuple | list) and tensors and all(map(_is_tensor, tensors)):
            lengths = {len(part) if part.dim() else 0 for part in tensors}
            if len(lengths) > 1:
                raise UserError(
                    f"{path}: data() returns tensors of different lengths, "
                    f"{', '.join(str(tuple(part.shape)) for part in tensors)}; the first dimension "
                    "counts the examples"
                )
            alone = isinstance(given, torch.Tensor)
            self._dataset = given if alone else TensorDataset(*tensors)
            self._tensors = [part.to(device) for part in tensors], alone
        elif isinstance(given, Dataset) and not isinstance(given, IterableDataset):
            self._dataset = given
        else:
            raise UserError(
                f"{path}: data() returns {type(given).__name__}; it has to be a tensor, a tuple of "
                "tensors, a Dataset that knows its length, or a DataLoader of one"
            )
        self._collate = DataLoader(self._dataset, **self._options).collate_fn
        try:
            self.examples = len(self._dataset)
        except TypeError:
            raise UserError(f"{path}: the Dataset of data() has no length (__len__)") from None
        if self.examples < 2:
            raise UserError(
                f"{path}: data() has {self.examples} example{'s' * (self.examples != 1)}; batch "
                "sizes need at least 2"
            )

    @property
    def loaders(self) -> list[str]:
        """The ways to take batches, the file's own first."""
        return [DIRECT, LOADER] if self._tensors and not self._options else [LOADER]

    def steps(self, batch_size: int) -> int:
        """The batches of an epoch; the last may be smaller, if it is not dropped."""
        if self._options.get("drop_last"):
            return self.examples // batch_size
        return -(-self.examples // batch_size)

    @property
    def ahead(self) -> int:
        """How many batches workers may have loaded before the first one is asked for."""
        return self._options.get("num_workers", 0) * (self._options.get("prefetch_factor") or 0)

    def batch(self, indices: list[int]):
        """The batch of some examples, on the device."""
        if self._tensors:
            return self._indexed(torch.tensor(indices, device=self._device))
        return moved(self._collate([self._dataset[index] for index in indices]), self._device)

    def of_the_loss(self) -> list[tuple[int, Batch]]:
        """Examples that are always the same, in batches with their lengths, for the loss.

        All of them, or as many as are allowed in number and in bytes; they are loaded once.
        """
        if self._for_the_loss is None:
            few = self.batch([*range(min(FEW, self.examples))])
            allowed = int(BYTES / max(1, size(few) / min(FEW, self.examples)))
            count = max(1, min(self.examples, self.evaluated, allowed))
            chosen = [
                round(index * (self.examples - 1) / max(1, count - 1)) for index in range(count)
            ]
            parts = [chosen[begin : begin + CHUNK] for begin in range(0, count, CHUNK)]
            self._for_the_loss = [(len(part), self.batch(part)) for part in parts]
        return self._for_the_loss

    def epoch(self, loader: str, batch_size: int) -> Iterator[tuple]:
        """The batches of an epoch in a random order, each alone in a tuple."""
        if loader == DIRECT:
            order = torch.randperm(self.examples, device=self._device)
            for indices in order.split(batch_size):
                yield (self._indexed(indices),)
        else:
            if batch_size not in self._loaders:  # one each, whose workers may be kept
                about = self._options | {"batch_size": batch_size, "shuffle": True}
                self._loaders[batch_size] = DataLoader(self._dataset, **about)
            for batch in self._loaders[batch_size]:
                yield (moved(batch, self._device),)

    def _indexed(self, indices: torch.Tensor):
        tensors, alone = self._tensors
        found = tuple(part[indices] for part in tensors)
        return found[0] if alone else found


def _require_plain(loader: DataLoader, path: str) -> None:
    """Raise UserError where a DataLoader draws otherwise than all examples in any order."""
    plain = isinstance(loader.sampler, SequentialSampler | RandomSampler)
    if not plain or getattr(loader.sampler, "replacement", False) or loader.batch_size is None:
        raise UserError(
            f"{path}: the DataLoader of data() has a sampler of its own; batch sizes are compared "
            "over all examples in random order: return the examples that count, as a Subset"
        )


def _is_tensor(value) -> bool:
    return isinstance(value, torch.Tensor)


OF_WORKERS = ("prefetch_factor", "persistent_workers", "multiprocessing_context")
KEPT = ("num_workers", "collate_fn", "pin_memory", "drop_last", "worker_init_fn", *OF_WORKERS)
