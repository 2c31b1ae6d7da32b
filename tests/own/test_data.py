import itertools

import pytest
import torch
from torch.utils.data import DataLoader, Dataset, TensorDataset

from minibatch.own.data import DIRECT, LOADER, Data

CPU = torch.device("cpu")
X, Y = torch.arange(14.0).reshape(7, 2), torch.arange(7)


class Named(Dataset):
    """Examples with names."""

    def __len__(self):
        return len(X)

    def __getitem__(self, index):
        return {"x": X[index], "y": Y[index]}


def collate(examples):
    return torch.stack([x for x, _ in examples]) + 100, torch.stack([y for _, y in examples])


def numbers(batch):
    """The examples of a batch, by their second part."""
    return (batch["y"] if isinstance(batch, dict) else batch[1]).tolist()


GIVEN = {
    "tensors": (X, Y),
    "list": [X, Y],
    "Dataset": Named(),
    "DataLoader": DataLoader(TensorDataset(X, Y), batch_size=3),
}


@pytest.mark.parametrize("given", GIVEN.values(), ids=GIVEN)
def test_an_epoch_has_every_example_once_in_another_order_each_time(given):
    data = Data(given, CPU, "net.py")
    for loader in data.loaders:
        torch.manual_seed(0)
        epochs = [[numbers(batch) for (batch,) in data.epoch(loader, 3)] for _ in range(2)]
        for epoch in epochs:
            assert [*map(len, epoch)] == [3, 3, 1]
            assert sorted(itertools.chain(*epoch)) == [*range(7)]
        assert epochs[0] != epochs[1]


def test_tensors_are_taken_in_both_ways_and_a_loader_in_its_own():
    assert Data((X, Y), CPU, "net.py").loaders == [DIRECT, LOADER]
    assert Data(GIVEN["DataLoader"], CPU, "net.py").loaders == [LOADER]


def test_both_ways_give_the_same_batches():
    data = Data((X, Y), CPU, "net.py")
    for loader in data.loaders:
        [(batch,)] = data.epoch(loader, 7)
        order = batch[1]
        assert torch.equal(batch[0], X[order])


def test_a_single_tensor_is_a_batch_by_itself():
    data = Data(X, CPU, "net.py")
    for loader in data.loaders:
        [(batch,)] = data.epoch(loader, 7)
        assert batch.shape == X.shape
    assert torch.equal(data.batch([2, 0]), X[[2, 0]])


def test_what_a_loader_does_to_examples_stays():
    data = Data(DataLoader(TensorDataset(X, Y), collate_fn=collate), CPU, "net.py")
    assert data.batch([1])[0].min() > 100
    assert all(batch[0].min() > 99 for (batch,) in data.epoch(LOADER, 2))


def test_a_batch_of_named_parts_is_moved_whole():
    assert {*Data(Named(), CPU, "net.py").batch([0, 1])} == {"x", "y"}
