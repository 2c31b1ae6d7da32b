"""Data-parallel SGD: several processes, the ranks, compute on a share of each batch.

Their gradients are added up over all ranks, so that all take the step of a single process.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import numpy as np
import torch
import torch.distributed as dist

from minibatch.errors import UserError
from minibatch.sgd.factors import FACTORS

BACKENDS = {"cpu": "gloo", "cuda": "nccl"}
TIMEOUT = timedelta(minutes=2)  # for ranks that wait in vain for one that died
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
SRUN = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")


@contextmanager
def joined(ranks: int, device: str, environment: Mapping[str, str] = os.environ) -> Iterator[int]:
    """Meet the other ranks, as torchrun or srun started them; gives the rank of this process.

    Raises UserError unless there are this many. A single one need not be started by either.
    """
    names = next((names for names in (TORCHRUN, SRUN) if environment.keys() >= {*names}), ())
    rank, started, local = (int(environment[name]) for name in names) if names else (0, 1, 0)
    if started != ranks:
        raise UserError(
            f"{ranks} ranks need {ranks} processes, and there are {started}: start them with "
            f"python -m torch.distributed.run --standalone --nproc-per-node={ranks}, or with srun "
            "in a job of SLURM"
        )
    where = {"store": dist.HashStore()}
    if ranks > 1:
        where = {"init_method": "env://" if names == TORCHRUN else _address(environment)}
    # gloo even beside GPUs: this group checks and agrees, and the device's own averages
    dist.init_process_group("gloo", rank=rank, world_size=ranks, timeout=TIMEOUT, **where)
    if device == "cuda" and torch.cuda.is_available():  # all of the node's, or only this task's
        torch.cuda.set_device(local % torch.cuda.device_count())
    yield rank
    dist.destroy_process_group()


def _address(environment: Mapping[str, str]) -> str:
    """Where srun's tasks meet: on the node that called it, at a port that a retry changes.

    A job's script runs on the first of its nodes, and so does rank 0.
    """
    job, step = int(environment["SLURM_JOB_ID"]), int(environment["SLURM_STEP_ID"])
    return f"tcp://{environment['SLURM_LAUNCH_NODE_IPADDR']}:{20_000 + (31 * job + step) % 10_000}"


def groups(counts: list[int], device: str) -> dict[int, dist.ProcessGroup | None]:
    """The groups of the first 2, 3, … ranks by their size; None for 1, which needs no other.

    Without those whose ranks lack a GPU of their own.
    """
    own = str(dist.get_rank()) if device == "cpu" else _gpu()
    every = [own] * dist.get_world_size()
    dist.all_gather_object(every, own)
    return {
        count: dist.new_group(range(count), TIMEOUT, BACKENDS[device]) if count > 1 else None
        for count in counts
        if len({*every[:count]} - {""}) == count
    }


def _gpu() -> str:
    """What tells this process's GPU from others; empty where there is none."""
    return str(torch.cuda.get_device_properties().uuid) if torch.cuda.is_available() else ""


def share(batch: torch.Tensor, rank: int, ranks: int) -> torch.Tensor:
    """A rank's part of a batch; where they do not divide it, some get one example more."""
    return batch[len(batch) * rank // ranks : len(batch) * (rank + 1) // ranks]


class Model:
    """Linear regression whose parameters (w, b) are one flat tensor, and so is their gradient."""

    def __init__(self, start: np.ndarray, device: str, group: dist.ProcessGroup | None):
        """Start from (w, b); without a group, the steps are those of a single process."""
        self.parameters = torch.tensor(start, dtype=torch.float32, device=device)
        self.parameters.requires_grad_()
        self._group = group

    def step(self, x: torch.Tensor, y: torch.Tensor, batch_size: int, learning_rate: float) -> None:
        """One step of SGD on a batch, of which (x, y) is the share of this rank.

        The gradient of the sum over the share, divided by the size of the whole batch, is that of
        the share's mean, weighted by the share: so these add up to the batch's even where the
        shares differ, or one is empty.
        """
        errors = torch.mv(x, self.parameters[:-1]) + self.parameters[-1] - y
        ((FACTORS["half_mse"] * errors**2).sum() / batch_size).backward()
        with torch.no_grad():
            gradient = add_up(self.parameters.grad, self._group)
            self.parameters -= learning_rate * gradient
            self.parameters.grad.zero_()


def add_up(gradient: torch.Tensor, group: dist.ProcessGroup | None) -> torch.Tensor:
    """Replace a gradient by its sum over the ranks of a group."""
    if group is not None:
        dist.all_reduce(gradient, group=group)
    return gradient
