"""What learning rates are multiplied by, and that training and the sweep mean the same by it."""

import pytest

from minibatch.sgd import schedules
from minibatch.stages.train import Run


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [("constant", [1, 1, 1]), ("tenth", [1, 0.1, 0.01])],
)
def test_rates_go_down_from_epoch_to_epoch(schedule, expected):
    assert [schedules.factor(schedule, epoch) for epoch in range(3)] == pytest.approx(expected)


@pytest.mark.parametrize("schedule", ["constant", "tenth"])
def test_training_has_the_same_rates(schedule):
    about = dict.fromkeys(Run.__annotations__) | {"schedule": schedule, "learning_rate": 0.4}
    for epoch in range(4):
        expected = 0.4 * schedules.factor(schedule, epoch)
        assert Run(**about).rate(epoch) == pytest.approx(expected, rel=1e-15)
