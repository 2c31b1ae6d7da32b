"""What figures say where a table of the user's own leaves something open."""

import pandas as pd
import pytest

from minibatch.figures import gradient_noise, steps_to_target


def fits(low, high):
    about = {"target": ["floor + 10 % of the gain"], "batch_sizes": [4], "residual": [0.03]}
    ends = {"critical_batch_size_low": [low], "critical_batch_size_high": [high]}
    return pd.DataFrame(about | ends).set_index("target")


def test_a_critical_size_that_may_be_below_zero_is_undecided():
    said = steps_to_target._message(fits(-8000.0, 25_000.0))
    assert said == (
        "Critical batch size, by a fit within 3%: undecided for a loss of floor + 10 % of the gain"
    )
    assert "40–60 for a loss" in steps_to_target._message(fits(40.0, 60.0))


@pytest.mark.parametrize(
    ("excess", "floor", "said"),
    [
        (0.002, 0.2, "1.0% above the floor"),
        (0.00001, 0.5, "a loss of 0.5"),
        (0.005, 1e-16, "a loss of 0.005"),
    ],
)
def test_how_near_the_floor_a_way_ends_has_digits_that_say_something(excess, floor, said):
    law = pd.DataFrame({"sampled": [float("nan")]})
    way = {"noise_scale": [10.0, 20.0], "excess": [0.1, excess]}
    way["loss"] = [floor + 0.1, floor + excess]
    assert gradient_noise._message(law, pd.DataFrame(way)).endswith(said)
