import math

import numpy as np
import pytest
import torch

from minibatch.errors import UserError
from minibatch.own import reference
from minibatch.own.crossing import points, reached
from minibatch.own.data import DIRECT, LOADER
from minibatch.own.training import Run, cut_short, evaluate, train


def flat(model):
    return torch.cat([part.detach().flatten() for part in model.parameters()])


@pytest.mark.parametrize("loader", [DIRECT, LOADER])
def test_a_run_takes_the_steps_of_sgd(least_squares, loader):
    """By hand: the same batches from the same random state, the gradient in closed form."""
    contract = least_squares()
    run = Run(contract, loader, 7, 0.1, seed=3)
    torch.manual_seed(3)
    weight, bias = (part.detach().clone() for part in contract.model(3).parameters())
    batches = [
        batch for _ in range(2) for (batch,) in contract.data.epoch(loader, 7)
    ]  # the last of each epoch is of 4
    for x, y in batches[:12]:
        errors = x @ weight.T + bias - y
        weight = weight - 0.1 * (errors * x).mean(dim=0)
        bias = bias - 0.1 * errors.mean(dim=0)
    run.advance(5)
    run.advance(12)
    assert torch.allclose(flat(run.model), torch.cat([weight.flatten(), bias]), atol=1e-5)


def test_runs_beside_one_another_do_not_change_each_other(least_squares):
    contract = least_squares()
    alone = Run(contract, DIRECT, 7, 0.1, seed=1)
    alone.advance(20)
    one, other = (Run(contract, DIRECT, 7, 0.1, seed=seed) for seed in (1, 2))
    for steps in range(1, 21):
        other.advance(steps)
        one.advance(steps)
    assert torch.equal(flat(alone.model), flat(one.model))
    assert not torch.equal(flat(one.model), flat(other.model))


def test_the_loss_is_the_mean_over_all_examples(least_squares, monkeypatch):
    contract = least_squares()
    model = contract.model(0)
    x, y = contract.data.batch([*range(60)])
    expected = contract.loss(model, (x, y)).item()
    monkeypatch.setattr("minibatch.own.data.CHUNK", 7)  # parts of different lengths
    assert evaluate(contract, model) == pytest.approx(expected)


def test_training_ends_where_the_target_is_kept_and_goes_beyond_if_asked(least_squares):
    contract, about = least_squares(), (DIRECT, 20, 0.2)
    looked_at = points(1, 500)
    short = train(contract, about, [0, 1], looked_at, target=0.1)
    long = train(contract, about, [0, 1], looked_at, target=0.1, beyond=2)
    steps = reached(short, 0.1)
    assert 0 < steps < short.step.max() < 500
    assert reached(long, 0.1) == steps
    assert long.step.max() >= 2 * steps


def test_a_run_that_diverges_is_a_result(least_squares):
    found = train(least_squares(), (DIRECT, 20, 50.0), [0, 1], points(1, 200), target=0.1)
    assert found.loss.iloc[-1] > 10
    assert reached(found, 0.1) == math.inf


def test_a_run_that_had_no_time_is_told_from_one_that_diverges_or_had_its_steps(least_squares):
    contract, looked_at = least_squares(), points(1, 100)
    in_time = {"target": 1e-9}
    stopped = train(contract, (DIRECT, 20, 0.1), [0], looked_at, until=0.0, **in_time)
    assert cut_short(stopped, 1e-9, looked_at[-1])
    whole = train(contract, (DIRECT, 20, 0.1), [0], looked_at, **in_time)
    assert not cut_short(whole, 1e-9, looked_at[-1])
    lost = train(contract, (DIRECT, 20, 50.0), [0], looked_at, **in_time)
    assert not cut_short(lost, 1e-9, looked_at[-1])


def test_a_named_rate_is_used_and_another_one_is_found(least_squares):
    named = least_squares("\ntarget_loss = 0.08\nlearning_rate, batch_size = 0.1, 10\n")
    found = reference.measure(named, "net.py", 20)
    assert {*found.part} == {"reference"}
    assert {*found.learning_rate} == {0.1}
    tuned = reference.measure(least_squares("\ntarget_loss = 0.08\n"), "net.py", 20)
    run = tuned[tuned.part == "reference"]
    rate, size = run.learning_rate.iloc[0], int(run.batch_size.iloc[0])
    x = np.c_[least_squares().data.batch([*range(60)])[0], np.ones(60)]
    limit = 2 / np.linalg.eigvalsh(x.T @ x / 60).max()
    assert limit / 100 < rate < limit
    slow = train(named, (DIRECT, size, rate / 16), [0], points(5, 4000))
    assert reached(run, 0.08) < reached(slow, 0.08)


def test_a_target_that_is_not_reached_is_one_line(least_squares):
    below_the_floor = least_squares("\ntarget_loss = 0.001\nlearning_rate, batch_size = 0.1, 10\n")
    with pytest.raises(
        Exception, match=r"a loss of 0\.001 is not reached for good .* the least is"
    ):
        reference.measure(below_the_floor, "net.py", 3)


def test_a_target_where_training_begins_is_one_line(least_squares):
    above = least_squares("\ntarget_loss = 1000.0\nlearning_rate, batch_size = 0.1, 10\n")
    with pytest.raises(UserError, match=r"target_loss = 1000 is not below where other seeds begin"):
        reference.measure(above, "net.py", 3)
