"""Shares of a batch, the steps on them, and the ranks that take them."""

import pytest
import torch
import torch.distributed as dist

from minibatch.errors import UserError
from minibatch.sgd import data_parallel

START = [0.1, -0.2, 0.3, 0.4, -0.5, 0.6]


@pytest.mark.parametrize("ranks", [1, 2, 3, 7])
@pytest.mark.parametrize("size", [1, 2, 7, 10, 100])
def test_the_shares_are_the_whole_batch_and_differ_by_one_example_at_most(size, ranks):
    shares = [data_parallel.share(torch.arange(size), rank, ranks) for rank in range(ranks)]
    assert torch.cat(shares).tolist() == list(range(size))
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("ranks", "size"), [(2, 100), (2, 7), (3, 10), (4, 3)])
def test_the_gradients_of_the_shares_add_up_to_that_of_the_batch(
    examples, monkeypatch, ranks, size
):
    """By hand in float64; what the ranks would exchange is caught here."""
    x, y = (torch.from_numpy(part[:size]) for part in examples)
    found = []

    def catch(gradient, _):
        found.append(gradient.double().clone())
        return gradient

    monkeypatch.setattr(data_parallel, "add_up", catch)
    for rank in range(ranks):
        share = data_parallel.share(torch.arange(size), rank, ranks)
        data_parallel.Model(START, "cpu", None).step(x[share], y[share], size, 0.05)
    ones = torch.column_stack([x, torch.ones(size)]).double()
    start = torch.tensor(START, dtype=torch.float64)
    expected = ones.T @ (ones @ start - y.double()) / size
    torch.testing.assert_close(torch.stack(found).sum(0), expected, rtol=0, atol=1e-6)


def test_a_step_goes_down_the_gradient_and_clears_it(examples):
    x, y = (torch.from_numpy(part[:30]) for part in examples)
    model = data_parallel.Model(START, "cpu", None)
    ones, w = torch.column_stack([x, torch.ones(30)]).double(), torch.tensor(START).double()
    for _ in range(3):
        model.step(x, y, 30, 0.1)
        w = w - 0.1 * ones.T @ (ones @ w - y.double()) / 30
    torch.testing.assert_close(model.parameters.detach().double(), w, rtol=0, atol=1e-6)


TORCHRUN = {"RANK": "0", "WORLD_SIZE": "4", "LOCAL_RANK": "0"}
SRUN = {"SLURM_PROCID": "0", "SLURM_STEP_NUM_TASKS": "3", "SLURM_LOCALID": "0"}


@pytest.mark.parametrize(
    ("environment", "started"),
    [({}, 1), (TORCHRUN, 4), (SRUN, 3), (SRUN | TORCHRUN, 4), ({"SLURM_PROCID": "0"}, 1)],
)
def test_another_number_of_processes_than_asked_for_is_one_line_with_the_remedy(
    environment, started
):
    ranks = data_parallel.joined(2, "cpu", environment)
    with pytest.raises(
        UserError, match=rf"^2 ranks need 2 processes, and there are {started}: "
    ) as e:
        ranks.__enter__()
    assert "--nproc-per-node=2" in str(e.value)
    assert "\n" not in str(e.value)
    assert not dist.is_initialized()


def test_a_single_rank_needs_no_launcher_and_leaves_nothing_behind():
    with data_parallel.joined(1, "cpu", {}) as rank:
        assert rank == 0
        assert data_parallel.groups([1], "cpu") == {1: None}
    assert not dist.is_initialized()


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_gpu_is_touched_only_where_it_is_measured(monkeypatch, device):
    """A driver may be too old for PyTorch, which counts its GPUs all the same."""
    chosen = []
    monkeypatch.setattr(data_parallel.torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(data_parallel.torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(data_parallel.torch.cuda, "set_device", chosen.append)
    with data_parallel.joined(1, device, {}):
        assert chosen == ([0] if device == "cuda" else [])


def test_ranks_without_a_gpu_of_their_own_are_not_measured_on_gpus(monkeypatch):
    with data_parallel.joined(1, "cpu", {}):
        monkeypatch.setattr(data_parallel, "_gpu", lambda: "GPU-0")
        assert data_parallel.groups([1], "cuda") == {1: None}
        monkeypatch.setattr(data_parallel, "_gpu", lambda: "")
        assert data_parallel.groups([1], "cuda") == {}
