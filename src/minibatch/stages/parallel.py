"""Time a data-parallel step by ranks and batch size in one launch: examples → results/parallel."""

import gc
import platform
import random
import sys
from itertools import chain, pairwise
from pathlib import Path
from time import perf_counter_ns

import numpy as np
import pandas as pd
import torch
import torch.distributed as dist

from minibatch import command, frameworks
from minibatch.errors import UserError
from minibatch.frameworks import pytorch
from minibatch.sgd import data_parallel, reference, sampling
from minibatch.sgd.examples import split
from minibatch.sgd.step_checks import check_parameters
from minibatch.tables import parquet, provenance

SEED = 0
LEARNING_RATE = 0.05  # that of the chapter's minibatch of 10; it costs no time
UNEVEN = (1, 7)  # batch sizes that are verified, too: shares that are empty, or differ
FEW = 100  # examples that these are verified on: an epoch of theirs has the most exchanges
BURSTS = 8  # in which the steps of a case are taken
FEWEST, MOST = 1, 20  # steps in a burst, whatever the time budget

Examples = tuple[torch.Tensor, torch.Tensor]


def measure(
    x: np.ndarray,
    y: np.ndarray,
    *,
    ranks: list[int],
    batch_sizes: list[int],
    device: str,
    budget_seconds: float,
    launch: int,
) -> pd.DataFrame:
    """Verify the steps of this many ranks at each batch size, then time them in random turns.

    Every rank of the process group calls this; those that a case does not need wait. (x, y) are
    float32, shapes (n, d) and (n,). One row a step that this rank took: ranks, batch_size, launch,
    repeat, seconds. Larger batches than n have each example several times, or for lack of a divisor
    some once more than others.
    Raises UserError on rank 0 where a trace is not the reference's or ranks differ.
    """
    groups = data_parallel.groups(ranks, device)
    for size in UNEVEN:
        verify(x[:FEW], y[:FEW], size, groups, device)
    for size in batch_sizes:
        verify(x, y, size, groups, device)

    arrays = torch.tensor(x, device=device), torch.tensor(y, device=device)
    cases = {
        (count, size): Case(arrays, size, count, groups[count])
        for size in batch_sizes
        for count in groups
    }
    steps = _agree([case.steps(budget_seconds) for case in cases.values()])
    samples = {key: [] for key in cases}
    order = random.Random(launch)
    for _ in range(BURSTS):
        # the same order on all ranks
        for index, key in order.sample(list(enumerate(cases)), len(cases)):
            dist.barrier()  # nobody works ahead while another case is timed
            samples[key] += cases[key].burst(steps[index])
    rows = [
        (*key, launch, repeat, seconds)
        for key, found in samples.items()
        for repeat, seconds in enumerate(found)
    ]
    return pd.DataFrame(rows, columns=["ranks", "batch_size", "launch", "repeat", "seconds"])


class Case:
    """Training by this many ranks at one batch size, whole batches only."""

    def __init__(self, arrays: Examples, size: int, count: int, group: dist.ProcessGroup | None):
        """Prepare this rank's shares of the batches of an epoch, if the case needs this rank."""
        x, y = self._arrays = arrays
        self._size, self._takes_part = size, dist.get_rank() < count
        self._model = data_parallel.Model(_start(x.shape[1]), str(x.device), group)
        if self._takes_part:
            batches = torch.from_numpy(sampling.batches(_order(len(y), size), size)[0])
            self._shares = [
                data_parallel.share(batch, dist.get_rank(), count) for batch in batches.to(x.device)
            ]
        self._next = 0

    def burst(self, steps: int) -> list[float]:
        """Seconds of each of this many steps in a row.

        A step more goes before them: it fills the caches, and after it the ranks are in step.
        """
        if not self._takes_part:
            return []
        self._step()
        stamps = [perf_counter_ns()]
        for _ in range(steps):
            self._step()
            stamps.append(perf_counter_ns())
        return [(end - start) * 1e-9 for start, end in pairwise(stamps)]

    def steps(self, budget_seconds: float) -> int:
        """How many steps a burst has, so that all bursts take the budget."""
        dist.barrier()
        seconds = min(self.burst(2), default=budget_seconds)
        return min(MOST, max(FEWEST, round(budget_seconds / BURSTS / seconds)))

    def _step(self) -> None:
        """The next step; returns when it is done."""
        x, y = self._arrays
        share = self._shares[self._next % len(self._shares)]
        self._next += 1
        self._model.step(x[share], y[share], self._size, LEARNING_RATE)
        pytorch.wait(x)


def verify(
    x: np.ndarray,
    y: np.ndarray,
    size: int,
    groups: dict[int, dist.ProcessGroup | None],
    device: str,
) -> None:
    """Compare the parameters after every step of an epoch with the reference's, for each group.

    Raises UserError on rank 0 where one differs by more than float32 rounding may have added up to,
    or where not all ranks have the same bits.
    """
    order = _order(len(y), size)
    arrays = torch.tensor(x, device=device), torch.tensor(y, device=device)
    traces = {count: _traces(arrays, order, size, count, group) for count, group in groups.items()}
    if dist.get_rank() > 0:
        return
    expected = list(reference.follow(x, y, _start(x.shape[1]), order, size, LEARNING_RATE))
    for count, (trace, *others) in traces.items():
        what = f"{count} rank{'s' if count > 1 else ''}, batch size {size}"
        if any(other.tobytes() != trace.tobytes() for other in others):
            raise UserError(f"{what}: not timed, because the parameters differ between ranks")
        for found, (parameters, error) in zip(trace, expected, strict=True):
            check_parameters(found, parameters, error, what)


def _traces(
    arrays: Examples, order: np.ndarray, size: int, count: int, group: dist.ProcessGroup | None
) -> list[np.ndarray]:
    """The parameters after each step of an epoch, shape (steps, d + 1), on each of `count` ranks.

    The last batch may be smaller than the others.
    """
    x, y = arrays
    batches = torch.from_numpy(order).to(x.device).split(size)
    trace = torch.zeros(len(batches), x.shape[1] + 1)
    if dist.get_rank() < count:
        model = data_parallel.Model(_start(x.shape[1]), str(x.device), group)
        for index, batch in enumerate(batches):
            share = data_parallel.share(batch, dist.get_rank(), count)
            model.step(x[share], y[share], len(batch), LEARNING_RATE)
            trace[index] = model.parameters.detach()
    found = [torch.zeros_like(trace) for _ in range(dist.get_world_size())]
    dist.all_gather(found, trace)
    return [trace.numpy() for trace in found[:count]]


def _start(features: int) -> np.ndarray:
    """Initial (w, b), as every framework has them."""
    return sampling.initial_parameters(SEED, features)


def _order(examples: int, size: int) -> np.ndarray:
    """The order of an epoch over as many copies of the examples as the batch size needs."""
    copies = -(-size // examples)
    return sampling.batch_order(examples, SEED, epoch=0, method="permutation", copies=copies)


def _agree(counts: list[int]) -> list[int]:
    """What rank 0 says, on all ranks."""
    said = torch.tensor(counts)
    dist.broadcast(said, src=0)
    return said.tolist()


def _everywhere(about: dict) -> tuple[list[str], dict]:
    """The host of each rank, and a provenance with the machines and GPUs of all of them."""
    mine = platform.node(), about["machines"], about["gpus"]
    every = [mine] * dist.get_world_size()
    dist.all_gather_object(every, mine)
    hosts, *lists = zip(*every, strict=True)
    machines, gpus = (sorted({*chain(*found)}) for found in lists)
    return list(hosts), about | {"machines": machines, "gpus": gpus}


def make(parameters: dict, inputs: list[Path], output: Path) -> None:
    """Measure with one thread in each of the processes that are this launch; rank 0 writes."""
    [path] = inputs
    pytorch.set_threads(1)
    with data_parallel.joined(max(parameters["ranks"]), parameters["device"]) as rank:
        examples = parquet.read(path, parameters["inputs"][str(path)]).to_numpy()
        x, y = map(np.ascontiguousarray, split(examples))
        versions = frameworks.provenance(pytorch, parameters["device"])
        hosts, about = _everywhere(provenance.collect(threads=[1], **versions))
        gc.freeze()  # a search through all that the imports left would fall into some timings
        names = ("ranks", "batch_sizes", "device", "budget_seconds", "launch")
        samples = measure(x, y, **{name: parameters[name] for name in names})
        if rank == 0:
            samples.insert(0, "device", parameters["device"])
            machines = ["+".join(dict.fromkeys(hosts[:count])) for count in samples.ranks]
            samples.insert(0, "machine", machines)
            parquet.write(samples, output, parameters=parameters, provenance=about)


if __name__ == "__main__":
    sys.exit(command.run(make))
