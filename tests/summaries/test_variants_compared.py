"""Runs beside their variants, and what is said of them, on losses whose ratio is known."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.sgd import sampling, surrogate
from minibatch.sgd.curves import GROUPS
from minibatch.sgd.examples import split
from minibatch.sgd.moments import Moments
from minibatch.summaries import surface, variant_statements, variants

EXAMPLES = pd.DataFrame(surrogate.table()[:1500])
MOMENTS = Moments(*split(EXAMPLES.to_numpy()))
SGD = {"run": "sgd", "batch_size": 1, "learning_rate": 0.001, "epochs": 2}
GD = {"run": "gd", "batch_size": 1500, "learning_rate": 1.5, "epochs": 10}


def summarised(runs, factors):
    table = builders.variants(runs, factors, MOMENTS.floor)
    return variants.summarise({"variants": table, "examples": EXAMPLES})


def test_the_ratio_is_after_as_many_updates_and_the_excess_above_the_floor():
    rows = summarised([SGD], {("sgd", "plain"): 0.5, ("sgd", "tenth"): 0.4})
    rows = rows.set_index(["variant", "epoch"])
    assert rows.ratio["tenth"].to_numpy() == pytest.approx(0.8 ** np.arange(11))
    assert rows.excess["plain"].to_numpy() == pytest.approx(0.25 * 0.5 ** np.arange(11))
    assert rows.step["plain"].tolist() == [1500 * epoch for epoch in range(11)]
    assert rows.decline["plain"].to_numpy()[1:4] == pytest.approx([1, 0.5, 0.25])
    # the seeds are the same in both, so that a ratio is surer than each of them
    one = rows.loc[("tenth", 2)]
    assert one.ratio_low == pytest.approx(one.ratio_high)
    assert one.excess_high - one.excess_low > 0.01 * one.excess


def test_the_noise_floor_is_the_fixed_point_of_the_recursion():
    far = GD | {"run": "far", "learning_rate": 1e200}
    rows = summarised([SGD, GD, far], {(run, "plain"): 0.5 for run in ("sgd", "gd", "far")})
    [expected] = MOMENTS.noise_floor(1, [0.001]) - MOMENTS.floor
    found = rows.groupby("run").noise_floor.first()
    assert found.to_dict() == pytest.approx({"sgd": expected, "gd": np.inf, "far": np.inf})


def test_what_diverges_has_no_ratio_and_no_interval():
    rows = summarised([SGD], {("sgd", "plain"): 0.5, ("sgd", "tenth"): 1e300})
    last = rows[(rows.variant == "tenth") & (rows.epoch == 10)].iloc[0]
    assert np.isinf([last.excess, last.ratio]).all()
    assert np.isnan(last.decline)


def test_the_interval_of_a_ratio_holds_the_truth_as_often_as_it_says():
    """Groups of seeds whose losses are drawn: a variant's twice the run's in the mean."""
    random, inside = np.random.default_rng(0), 0
    table = builders.variants([SGD], {("sgd", "plain"): 1, ("sgd", "tenth"): 1}, MOMENTS.floor)
    table = table[table.step <= 1500]
    for _ in range(200):
        shared = random.gamma(4, 0.25, len(GROUPS))
        for variant, mean in (("plain", 0.1), ("tenth", 0.2)):
            own = mean * (shared + random.gamma(4, 0.25, len(GROUPS))) / 2
            table.loc[table.variant == variant, GROUPS] = MOMENTS.floor + own
        rows = variants.summarise({"variants": table, "examples": EXAMPLES})
        [row] = rows[(rows.variant == "tenth") & (rows.epoch == 1)].itertuples()
        inside += row.ratio_low <= 2 <= row.ratio_high
    assert inside >= 0.9 * 200


def test_intervals_are_of_all_runs_and_variants_together():
    names = ["plain", "tenth", "inverse", "replacement", "twice"]
    every = builders.variants([SGD], {("sgd", name): 1 for name in names}, MOMENTS.floor)
    every = every[every.step <= 1500]
    random, shape = np.random.default_rng(0), (len(every), len(GROUPS))
    every.loc[:, GROUPS] = MOMENTS.floor + random.gamma(4, 0.25, shape)
    found = []
    for table in (every[every.variant.isin(["plain", "tenth"])], every):
        rows = variants.summarise({"variants": table, "examples": EXAMPLES})
        found.append(rows[(rows.variant == "tenth") & (rows.epoch == 1)].iloc[0])
    alone, among = found
    assert alone.ratio == among.ratio
    assert among.ratio_low < alone.ratio_low < alone.ratio_high < among.ratio_high


# What is stated


def said(runs, factors, begins):
    tables = {"variants": summarised(runs, factors), "problem": builders.swept()["problem"]}
    found = [*variant_statements.statements(tables)]
    [row] = [row for row in found if row["statement"].startswith(begins)]
    return row


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(0.5, "holds"), (-0.5, "holds"), (1e300, "not measured")],  # -0.5: the loss rises then
)
def test_sgd_slows_down_where_its_second_epoch_lowers_the_loss_less(factor, verdict):
    row = said([SGD], {("sgd", "plain"): factor}, "After its first epoch")
    assert row["verdict"] == verdict


def test_a_second_epoch_that_lowers_the_loss_more_is_no_slowing_down():
    rows = summarised([SGD], {("sgd", "plain"): 0.5})
    second = rows[rows.epoch == 2].assign(decline=1.5, decline_low=1.2, decline_high=1.8)
    assert variant_statements._slower(second)["verdict"] == "does not hold"
    assert variant_statements._slower(second.assign(decline_low=0.9))["verdict"] == "undecided"


@pytest.mark.parametrize(
    ("sgd", "gd", "verdict"),
    [
        (0.4, 0.4, "holds"),
        (0.4, 0.6, "does not hold"),
        (0.6, 0.6, "does not hold"),
        (0.4, 1e300, "not measured"),
    ],
)
def test_a_learning_rate_should_go_down_where_that_helps_every_run(sgd, gd, verdict):
    factors = {("sgd", "plain"): 0.5, ("gd", "plain"): 0.5, ("sgd", "inverse"): sgd}
    row = said([SGD, GD], factors | {("gd", "inverse"): gd}, "The learning rate should go down, as")
    assert row["verdict"] == verdict
    if verdict != "not measured":
        assert "sgd: " in row["evidence"]
        assert "gd: " in row["evidence"]


def test_one_run_whose_interval_is_on_both_sides_leaves_it_undecided():
    rows = summarised([SGD], {("sgd", "plain"): 0.5, ("sgd", "tenth"): 0.4})
    ends = rows[(rows.variant == "tenth") & (rows.epoch == 2)].assign(ratio_high=1.1)
    assert variant_statements._decay("so", ends)["verdict"] == "undecided"


def test_an_order_that_leaves_an_example_out_is_noticed(monkeypatch):
    order = sampling.batch_order

    def leaving_out(examples, seed, epoch, method, copies):
        found = order(examples, seed, epoch, method, copies)
        return np.append(found[:-1], found[0]) if (seed, epoch) == (99, 1) else found

    assert said([], {}, "An epoch visits")["verdict"] == "holds"
    monkeypatch.setattr(sampling, "batch_order", leaving_out)
    assert said([], {}, "An epoch visits")["verdict"] == "does not hold"


# Exercise 1


def test_the_surface_has_every_rate_with_its_loss_after_two_epochs_and_its_steps():
    tables = builders.swept({100: 30, 1500: 2, 750: 1})
    rows = surface.summarise(tables, targets=[*builders.ANSWER["targets"], {"excess": 0.1}])
    assert set(rows.target) == {"0.25"}
    found = rows.set_index(["batch_size", "learning_rate"])
    assert found.steps[100].tolist() == [np.inf, 30, np.inf]
    assert found.excess[100].tolist() == pytest.approx([0.2583, 0, np.inf])  # 30 steps
    assert found.excess[1500, 0.1] == pytest.approx(0)  # 2 steps
    assert np.isnan(found.excess[750, 0.1])  # the sweep ends before its 4 steps
