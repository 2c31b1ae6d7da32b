"""Steps of SGD one by one, under a clock that tells what of their time goes where."""

from collections.abc import Callable, Iterable

from minibatch.sgd.clock import Clock

START = "start"  # the phase before the first batch of an epoch is there


def take(
    model,
    batches: Iterable,
    steps: int,
    rate: float,
    clock: Clock,
    wait: Callable = lambda *_: None,
) -> None:
    """Take steps from the beginning of an epoch, on a clock that runs.

    Each has loaded the batch of the next, if there is one. `wait` returns when a batch is there:
    the first one of the epoch, and one that is left over.
    """
    following = iter(batches)
    batch = next(following)
    wait(*batch)
    clock.lap(START)
    for _ in range(steps):
        model.compute(*batch)
        clock.lap("compute")
        model.update(rate)
        clock.lap("update")
        batch = next(following, None)
        clock.lap("load")
    if batch is not None:
        wait(*batch)
