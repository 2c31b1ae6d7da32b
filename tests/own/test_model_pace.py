import math
import time
import warnings

import numpy as np
import pytest
import torch

from minibatch.own import pace
from minibatch.own.contract import Contract, OutOfMemory
from minibatch.own.data import DIRECT, LOADER
from minibatch.own.grid import sizes
from minibatch.summaries.steptime import per_launch

pytestmark = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"  # PyTorch's own
)


def test_sizes_go_by_1_2_5_to_all_examples():
    assert sizes(2) == [1, 2]
    assert sizes(60) == [1, 2, 5, 10, 20, 50, 60]
    assert sizes(1000) == [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000]
    assert max(sizes(1503)) == 1503


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """A model whose loss sleeps 3 ms, and 0.2 ms for each example."""
    path = tmp_path_factory.mktemp("model") / "sleeps.py"
    path.write_text(
        "import time, torch\n"
        "def model():\n    return torch.nn.Linear(1, 1)\n"
        "def data():\n    return torch.ones(20, 1), torch.ones(20, 1)\n"
        "def loss(model, batch):\n"
        "    time.sleep(0.003 + 0.0002 * len(batch[0]))\n"
        "    return ((model(batch[0]) - batch[1]) ** 2).mean()\n"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return pace.measure(Contract(path), launch=1, budget_seconds=6)


@pytest.mark.timing
def test_a_planted_cost_is_what_is_measured(measured):
    samples, _ = measured
    samples = samples.assign(framework="pytorch", device="cpu", machine="here")
    found = per_launch({"samples": samples, "baseline": samples[:0]})
    eager = found[(found.implementation == "eager") & (found.loader == DIRECT)]
    expected = 0.003 + 0.0002 * eager.examples
    assert [*eager.sort_values("batch_size").batch_size] == sizes(20)
    assert (eager.seconds > expected).all()
    assert np.median(eager.seconds / expected) < 2


def test_all_ways_are_there_and_every_repeat_says_what_it_did(measured):
    samples, left_out = measured
    ways = {*zip(samples.implementation, samples.loader, strict=True)}
    assert {("eager", DIRECT), ("eager", LOADER)} <= ways
    assert ("compiled", DIRECT) in ways or "compiled" in left_out
    whole = samples[samples.steps == samples.epochs * samples.epoch_steps]
    assert (whole.examples == 20 * whole.epochs).all()
    assert (samples.seconds > 0).all()


def test_timing_leaves_the_parameters_where_they_are(least_squares):
    contract = least_squares()
    found = pace.Pace(contract, compiled=False)
    before = [part.clone() for part in found.steppers["eager"].model.parameters()]
    found.time(found.warm_up("eager", DIRECT, 5, 0.01))
    after = found.steppers["eager"].model.parameters()
    assert all(torch.equal(one, two) for one, two in zip(before, after, strict=True))


def test_a_compiled_model_that_computes_something_else_is_not_timed(least_squares):
    found = pace.Pace(least_squares(), compiled=True)
    found.check_compiled()
    with torch.no_grad():
        found.steppers["compiled"].model.weight.add_(0.1)
    with pytest.raises(Exception, match=r"differs from the eager one by \d"):
        found.check_compiled()


def test_sizes_end_where_memory_does(least_squares, monkeypatch):
    contract, left_out = least_squares(), {}
    found = pace.Pace(contract, compiled=False)
    loss = contract.loss

    def hungry(model, batch):
        if len(batch[0]) > 10:
            raise OutOfMemory
        return loss(model, batch)

    monkeypatch.setattr(contract, "loss", hungry)
    works = pace._affordable(found, "eager", DIRECT, sizes(60), 0.001, math.inf, left_out)
    assert [work.batch_size for work in works] == [1, 2, 5, 10]
    assert left_out == {"eager, direct": "batch size 20 does not fit into memory"}


def test_a_size_whose_step_takes_a_large_part_of_the_time_is_the_last(least_squares, monkeypatch):
    contract, left_out = least_squares(), {}
    found = pace.Pace(contract, compiled=False)
    loss = contract.loss

    def slow(model, batch):
        time.sleep(0.05 * (len(batch[0]) > 4))
        return loss(model, batch)

    monkeypatch.setattr(contract, "loss", slow)
    works = pace._affordable(found, "eager", DIRECT, sizes(60), 0.001, 0.04, left_out)
    assert [work.batch_size for work in works] == [1, 2, 5]
    assert "a step of batch size 5 takes 0." in left_out["eager, direct"]
