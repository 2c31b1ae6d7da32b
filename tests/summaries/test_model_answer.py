import numpy as np
import pandas as pd
import pytest

from minibatch.figures import model_answer as figure
from minibatch.summaries import model_answer, model_prediction
from planted_model import RATE, SIZE, SIZES, STEPS, T0, B, C, N, checked, noise, predicted, samples


@pytest.fixture(scope="module")
def table():
    return predicted()


def variance(size):
    return (N - size) / ((N - 1) * size)


def test_steps_and_rates_are_those_of_the_formula(table):
    direct = table[table.loader == "direct"].set_index("batch_size")
    for size in SIZES:
        expected = (1 + B * variance(size)) / (1 + B * variance(SIZE))
        assert direct.steps[size] == pytest.approx(STEPS * expected, rel=0.02)
        assert direct.learning_rate[size] == pytest.approx(RATE / expected, rel=0.02)
        assert direct.steps_low[size] <= STEPS * expected <= direct.steps_high[size]
    assert direct.noise_scale.iloc[0] == pytest.approx(B, rel=0.02)


def test_the_best_size_is_the_planted_one(table):
    direct = table[table.loader == "direct"].set_index("batch_size")
    known = {size: (1 + B * variance(size)) * (T0 + C * size) for size in SIZES}
    best = min(known, key=known.get)
    assert direct.best[best]
    assert direct.tie[best]
    for size, value in known.items():
        ratio = value / known[best]
        assert direct.ratio_low[size] <= ratio * 1.01
        assert direct.ratio_high[size] >= ratio * 0.99
    assert not direct.tie[1]
    assert not direct.tie[1000]


@pytest.mark.parametrize(
    ("sizes", "best", "tried"),
    [
        (SIZES, 50, [20, 50, 100, 1000]),
        (SIZES, 1, [1, 2, 1000]),
        (SIZES, 1000, [500, 1000]),
        ([1, 2, 5, 7], 5, [2, 5, 7]),
    ],
)
def test_half_and_double_of_the_best_and_the_largest_are_tried(sizes, best, tried):
    assert sorted(model_prediction.tried(np.array(sizes), best)) == tried


def test_the_first_way_alone_is_tried(table):
    assert {*table[table.tried].loader} == {"direct"}


def test_training_as_predicted_bears_the_prediction_out(table):
    found = checked(table)
    best = found[found.best].iloc[0]
    assert best.observed_tie
    assert best.ratio == pytest.approx(1, rel=0.05)
    assert best.within == "yes"
    said = model_answer.sentence(table, found)
    assert said.startswith("Predicted: batch size ")
    assert "fails" not in said


def test_training_that_is_slower_refutes_the_time_and_that_comes_first(table):
    found = checked(table, seconds=2)
    assert found[found.best].within.iloc[0] == "no"
    said = model_answer.sentence(table, found)
    assert said.startswith("The predicted time fails: real training at batch size ")
    assert "takes 2×" in said


def test_another_size_that_is_sooner_refutes_the_prediction_and_that_comes_first(table):
    found = checked(table, steps={1000: 0.01})
    assert not found[found.best].observed_tie.iloc[0]
    said = model_answer.sentence(table, found)
    assert said.startswith("The prediction fails: in real training 1000 may be soonest, and not 50")
    assert "is not among those that may be soonest (1000)" in model_answer.check_sentence(found)


def test_a_size_that_one_launch_did_not_reach_is_undecided(table):
    best = int(table[table.tried & table.best].batch_size.iloc[0])
    found = checked(table, unreached=[best]).set_index("batch_size")
    assert found.reached[best] == 4
    assert np.isnan(found.observed_seconds_to_target[best])
    said = model_answer.sentence(table, found.reset_index())
    assert "undecided: at batch size 50 real training was at the loss in 4 of 5 launches" in said


def test_a_tie_that_real_training_bears_out_is_no_failed_prediction(table):
    tied = table.assign(tie=table.tie | (table.batch_size == 1000))
    said = model_answer.sentence(tied, checked(tied, steps={1000: 0.01}))
    assert said.startswith("In real training 1000 may be soonest, and not 50, the predicted best")


def test_a_size_for_which_the_time_was_over_is_neither_reached_nor_refuted(table):
    best = int(table[table.tried & table.best].batch_size.iloc[0])
    found = checked(table, late=[best])
    assert np.isnan(found[found.best].observed_steps.iloc[0])
    assert found[found.best].within.iloc[0] == "undecided"
    assert found.observed_tie.any()
    said = model_answer.sentence(table, found)
    assert said.startswith("Whether the prediction holds is undecided: at batch size 50")
    other = checked(table, late=[1000])
    assert other[other.best].observed_tie.iloc[0]
    assert "undecided" not in model_answer.sentence(table, other)


def test_nothing_that_is_reached_is_said_first(table):
    sizes = [int(size) for size in table[table.tried].batch_size]
    said = model_answer.sentence(table, checked(table, unreached=sizes, everywhere=True))
    assert said.startswith("The prediction fails: no real training reached the loss")


def test_the_largest_size_is_said_by_its_interval(table):
    assert "The largest size that fits, 1000, takes " in model_answer.sentence(
        table, checked(table)
    )
    unsure = predicted(samples=samples(spread=1.5))
    assert "1000, takes longer is undecided" in model_answer.sentence(unsure, checked(unsure))


def test_noise_that_is_not_told_from_the_gradient_crashes_nothing():
    """|G|² estimated below 0 at a point, a run that diverged, and a way that one launch timed."""
    unknown = noise()
    unknown.loc[unknown.point == 3, "gradient_squared"] = -1.0
    unknown.loc[(unknown.seed == 1) & (unknown.point > 4), "gradient_squared"] = np.nan
    ways = samples()
    once = ways[(ways.launch == 0) & (ways.loader == "DataLoader")]
    once = once.assign(implementation="compiled")
    part = pd.concat([ways.assign(epoch_steps=2 * ways.epoch_steps), once])  # no whole epochs
    table = predicted(noise=unknown, samples=part)
    assert table.steps.gt(0).all()
    assert set(table.implementation) == {"eager"}
    # as noisy as can be: full batches alone take no more steps than the reference
    assert table[table.loader == "direct"].best.iloc[-1]


def test_noise_that_is_not_separated_from_none_makes_no_sure_answer():
    table = predicted(noise=noise(spread=3.0))
    assert table.steps_high.max() > 1.5 * table.steps.max()


@pytest.mark.parametrize("unreached", [(), (1000,)])
def test_the_figure_shows_every_way_and_what_was_tried(table, unreached):
    made = figure.draw({"predicted": table, "checked": checked(table, unreached=unreached)})
    steps, cost, time = made.axes
    labels = {line.get_label() for line in time.get_lines()}
    assert {"eager, direct", "eager, DataLoader"} <= labels
    assert [axes.get_yscale() for axes in (time, steps, cost)] == ["log"] * 3
    # in ms, at the largest size
    own = table[(table.loader == "direct") & (table.batch_size == 1000)].step_seconds.iloc[0]
    assert cost.get_lines()[0].get_ydata()[-1] == pytest.approx(1e3 * own)


def test_a_best_size_that_may_not_get_there_is_undecided(table):
    unsure = table.assign(best_low=0, best_high=0)
    found = checked(table)
    assert model_answer.sentence(unsure, found).startswith("Undecided which batch size is soonest")
    assert (
        model_answer.headline(unsure, found)
        == "Undecided which batch size is soonest at a loss of 0.5"
    )


@pytest.mark.parametrize(("last", "said"), [(3, True), (400, False)])
def test_a_small_last_batch_is_named_where_the_prediction_fails(table, last, said):
    found = checked(table.assign(last_batch=last), seconds=2)
    assert (
        "each epoch ends with a batch of 3 examples" in model_answer.headline(table, found)
    ) == said
