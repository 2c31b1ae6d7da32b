"""The exercises and the limit of stability: messages, from losses that are written down."""

import numpy as np
import pandas as pd
import pytest
from test_runs_drawn import PROBLEM, curve

import builders
from drawing import drawn, texts
from minibatch.figures import (
    exercise_1_surface,
    exercise_2_schedule,
    exercise_3_replacement,
    exercise_4_twice,
    loss_by_epoch,
)
from minibatch.sgd import objective, surrogate
from minibatch.sgd.examples import split
from minibatch.summaries import variants

GD = {"run": "gd", "batch_size": 1500, "learning_rate": 0.5, "epochs": 10}
SGD = {"run": "sgd", "batch_size": 1, "learning_rate": 0.001, "epochs": 2}
EXAMPLES = pd.DataFrame(surrogate.table()[:1500])
EXACTLY = objective.loss(
    *split(EXAMPLES.to_numpy()), objective.optimum(*split(EXAMPLES.to_numpy()))
)
LINE = {"implementation": "scratch", "loader": "framework", "line": "yes"}
LINE |= {"t0_seconds_low": 1e-5, "t0_seconds_high": 2e-5}
LINE |= {"c_seconds_low": 1e-8, "c_seconds_high": 2e-8}


def varied(**factors):
    """The summary of runs of which a variant falls by another factor an epoch: run_variant=…."""
    found = {tuple(name.split("_")): factor for name, factor in factors.items()}
    runs = [run for run in (GD, SGD) if (run["run"], "plain") in found]
    tables = {"variants": builders.variants(runs, found, EXACTLY), "examples": EXAMPLES}
    return variants.summarise(tables)


def title(made):
    return " ".join(drawn(made).get_suptitle().split())


def test_a_schedule_helps_hurts_or_is_undecided():
    rows = varied(
        **{"gd_plain": 0.5, "gd_tenth": 0.6, "gd_inverse": 0.4},
        **{"sgd_plain": 0.5, "sgd_tenth": 0.4, "sgd_inverse": 0.3},
    )
    said = title(exercise_2_schedule.draw({"variants": rows}))
    assert said == "A tenth after each epoch helps sgd and hurts gd; 1/t helps gd, sgd"
    unsure = rows.assign(ratio_low=rows.ratio_low.where(rows.variant != "inverse", 0.5))
    unsure.loc[(unsure.variant == "inverse"), "ratio_high"] = 1.5
    said = title(exercise_2_schedule.draw({"variants": unsure}))
    assert said.endswith("; 1/t is undecided for gd, sgd")


def test_the_noise_floor_is_a_line_beside_what_was_measured_with_replacement():
    rows = varied(sgd_plain=0.5, sgd_tenth=0.5, sgd_inverse=0.5, sgd_replacement=0.6)
    made = exercise_2_schedule.draw({"variants": rows})
    lines = {line.get_label(): line for line in made.axes[0].lines}
    assert lines["noise floor, predicted"].get_ydata() == pytest.approx(rows.noise_floor[:2])
    measured = lines["constant η with replacement"]
    assert measured.get_ydata() == pytest.approx(0.25 * 0.6 ** np.arange(11))


def test_the_change_with_replacement_is_where_the_chapters_runs_end():
    rows = varied(gd_plain=0.5, gd_replacement=0.6, sgd_plain=0.5, sgd_replacement=0.25)
    said = title(exercise_3_replacement.draw({"variants": rows}))
    assert said == (
        "With replacement, the mean loss ends 6.19–6.19× (gd), 0.25–0.25× (sgd) as far above the "
        "floor"
    )
    diverged = varied(gd_plain=0.5, gd_replacement=1e300)
    assert "not comparably (gd)" in title(exercise_3_replacement.draw({"variants": diverged}))


def test_the_same_path_is_told_from_another_and_what_all_examples_cost_is_by_the_line():
    rows = varied(gd_plain=0.5, gd_twice=0.5, sgd_plain=0.5, sgd_twice=0.75)
    tables = {"variants": rows, "stepcost": pd.DataFrame([LINE])}
    # 1500c / (t₀ + 1500c): 15 of 35 µs to 30 of 40 µs
    assert title(exercise_4_twice.draw(tables)) == (
        "Every example twice: gd takes the same path, each update 43 to 75 % longer; after as many "
        "updates others are 2.25–2.25× (sgd) as far above the floor"
    )
    for fits in ("no", "undecided"):
        tables["stepcost"] = tables["stepcost"].assign(line=fits)
        said = title(exercise_4_twice.draw(tables))
        assert "gd takes the same path; after" in said
    tables["stepcost"] = tables["stepcost"].assign(implementation="compiled")
    assert "gd takes the same path; after" in title(exercise_4_twice.draw(tables))


SIZES = [1, 10, 100]


def surface(best=10):
    """Losses and steps at three sizes, each with its own rates, and the times of the sizes."""
    rows = [
        {"batch_size": size, "learning_rate": rate * size, "target": "0.25", "epochs": 2}
        | {"excess": excess, "steps": steps}
        for size in SIZES
        for rate, excess, steps in ((0.001, 0.1, 90), (0.01, 0.01, 40), (0.1, np.inf, np.inf))
    ]
    times = {
        **{"target": "0.25", "framework": "pytorch", "device": "cpu"},
        **{"implementation": "scratch", "loader": ["framework"] * 3 + ["direct"]},
    }
    times |= {"batch_size": [*SIZES, 1], "learning_rate": 0.1, "step_seconds": 0.001}
    times |= {"best": [size == best for size in SIZES] + [True], "best_low": 10, "best_high": 100}
    tables = {"surface": pd.DataFrame(rows), "time_to_target": pd.DataFrame(times)}
    return tables | {"confirmed": builders.unconfirmed()}


def test_the_surface_names_the_best_size_by_its_interval_and_leaves_white_what_diverges():
    made = exercise_1_surface.draw(surface())
    assert title(made) == "Soonest at a loss of 0.25: batch size 10–100; at 10, η = 0.1 suits it"
    left, right = ([*axes.collections] for axes in made.axes[:2])
    assert [mesh.get_array().mask.ravel().tolist() for mesh in left] == [[False, False, True]] * 3
    assert right[0].get_array().compressed().tolist() == [90, 40]  # ms


def test_without_a_best_size_the_surface_says_that_it_is_undecided():
    said = title(exercise_1_surface.draw(surface(best=None)))
    assert said == "Undecided which batch size is soonest at a loss of 0.25"


@pytest.mark.parametrize(
    ("within", "loader", "best", "undecided"),
    [
        ("no", "framework", True, True),
        ("undecided", "framework", True, False),
        ("no", "direct", True, False),  # another way of training
        ("no", "framework", False, False),  # another batch size
    ],
)
def test_a_best_size_whose_time_real_runs_refute_is_undecided(within, loader, best, undecided):
    tables = surface()
    row = tables["time_to_target"].iloc[[1]].assign(loader=loader, within=within, best=best)
    said = title(exercise_1_surface.draw(tables | {"confirmed": row}))
    assert said.startswith("Undecided") == undecided
    assert ("since real runs take another time" in said) == undecided


def test_one_loader_is_shown_whichever_it_is():
    tables = surface()
    tables["time_to_target"] = tables["time_to_target"].iloc[:3].assign(loader="direct")
    assert "scratch, direct loader" in texts(drawn(exercise_1_surface.draw(tables)))


@pytest.mark.parametrize(
    ("rate", "objective", "said"),
    [
        (1.0, "half_mse", "η > 2/λmax = 0.9531: diverges"),
        (0.9, "half_mse", "η ≤ 2/λmax = 0.9531: converges"),
        (0.5, "mse", "η > 1/λmax = 0.4765: diverges"),
        (0.4, "mse", "η ≤ 1/λmax = 0.4765: converges"),
    ],
)
def test_a_full_batch_run_is_on_its_side_of_the_stability_limit(rate, objective, said):
    run = curve("gd", [0.5, 0.3], batch_size=1500, learning_rate=rate, objective=objective)
    tables = {"traces": run, "problem": PROBLEM, "ends": builders.ended({"gd": "yes"})}
    made = loss_by_epoch.draw(tables)
    assert said in " ".join(texts(made).split())
    assert ("gd diverges" in made.get_suptitle()) == ("diverges" in said)
