"""The table of the sweep against the raw losses of the same runs, on 60 examples."""

import numpy as np
import pandas as pd
import pytest

from minibatch.errors import UserError
from minibatch.sgd import cases, sweep, threads
from minibatch.sgd.cases import Case
from minibatch.sgd.curves import COLUMNS, GROUPS, QUANTILES, describe
from minibatch.sgd.moments import Moments
from minibatch.stages.sweep import make, within_budget
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

SEEDS, FEWER = 160, 40
SIZES = [1, 7, 60]
EXCESS = 0.05
BY = ["variant", "batch_size"]


def problem():
    """Few examples with two features, as a table."""
    random = np.random.RandomState(0)
    x = random.normal(size=(60, 2))
    y = x @ [0.6, -0.5] + 0.1 + 0.4 * random.normal(size=60)
    return pd.DataFrame(np.column_stack([x, y]).astype(np.float32), columns=[*"abc"])


def job(folder, name="curves"):
    """Run the stage: its parameters and its output."""
    path, output = folder / "examples.parquet", folder / f"{name}.parquet"
    parquet.write(problem(), path, parameters={"rows": 60}, provenance={})
    parameters = {"batch_sizes": SIZES, "learning_rates": 3, "excess": EXCESS, "seeds": SEEDS}
    parameters |= {"inputs": {str(path): digest({"rows": 60})}}
    make(parameters, [path], output)
    return parameters, output


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The table of the stage."""
    parameters, output = job(tmp_path_factory.mktemp("sweep"))
    return parquet.read(output, digest(parameters))


@pytest.fixture(scope="module")
def raw():
    """The losses by variant and batch size, shape (seeds, points, rates), and the cases."""
    table = problem().to_numpy()
    x, y = np.ascontiguousarray(table[:, :2]), np.ascontiguousarray(table[:, 2])
    moments, found = Moments(x, y), {}
    for case in cases.planned(moments, SIZES, 3, EXCESS):
        for variant, method, seeds in (
            ("plain", "permutation", SEEDS),
            ("replacement", "replacement", FEWER),
        ):
            about = case.batch_size, case.learning_rates, case.horizon, method
            [losses] = sweep.run(x, y, [Case(*about)], seeds)
            found[variant, case.batch_size] = moments.floor + losses, case
    return found


def test_the_columns_and_their_types(made):
    assert [*made] == [*COLUMNS]
    types = {name: str(kind) for name, kind in made.dtypes.items() if name != "variant"}
    assert types == {name: kind for name, kind in COLUMNS.items() if name != "variant"}


def test_a_row_for_each_point_of_each_rate(made, raw):
    assert [*made.groupby(BY, sort=False).groups] == [
        (variant, size) for variant in ("plain", "replacement") for size in SIZES
    ]
    for key, rows in made.groupby(BY):
        case = raw[key][1]
        expected = [(step, rate) for step in case.points(60) for rate in case.learning_rates]
        assert [*zip(rows.step, rows.learning_rate, strict=True)] == expected
        assert set(rows.seeds) == {SEEDS if key[0] == "plain" else FEWER}


def test_means_and_their_errors_are_those_of_the_losses(made, raw):
    for key, rows in made.groupby(BY):
        losses = raw[key][0].astype(float).reshape(rows.seeds.iloc[0], -1)
        assert np.isfinite(losses).all() == np.isfinite(rows.mean_loss).all()
        kept = np.isfinite(losses).all(axis=0)
        np.testing.assert_allclose(rows.mean_loss[kept], losses.mean(axis=0)[kept], rtol=1e-9)
        error = losses[:, kept].std(axis=0, ddof=1) / np.sqrt(len(losses))
        np.testing.assert_allclose(rows.standard_error[kept], error, rtol=1e-6, atol=1e-12)
        assert np.isinf(rows[["mean_loss", "standard_error"]][~kept]).all(axis=None)


def test_groups_are_of_consecutive_seeds_and_their_mean_is_the_mean(made, raw):
    plain = made[made.variant == "plain"]
    np.testing.assert_allclose(plain[GROUPS].astype(float).mean(axis=1), plain.mean_loss, rtol=1e-6)
    for size, rows in plain.groupby("batch_size"):
        losses = raw["plain", size][0].astype(float).reshape(SEEDS, -1)
        for number, group in enumerate(GROUPS):
            own = losses[4 * number : 4 * (number + 1)].mean(axis=0)
            np.testing.assert_allclose(rows[group], own, rtol=1e-6)
    assert made[made.variant == "replacement"][GROUPS].isna().all(axis=None)


def test_quantiles_are_losses_of_runs_where_numpy_has_them(made, raw):
    for key, rows in made.groupby(BY):
        losses = raw[key][0].reshape(rows.seeds.iloc[0], -1)
        for share in (0.05, 0.5, 0.95):
            name = f"quantile_{100 * share:02.0f}"
            low, high = (
                np.quantile(losses, share, axis=0, method=method) for method in ("lower", "higher")
            )
            assert ((rows[name] == low) | (rows[name] == high)).all()


def test_examples_are_counted_with_the_smaller_last_batches(made):
    for (_, size), rows in made.groupby(BY):
        epoch = [min(size, 60 - first) for first in range(0, 60, size)]
        visited = np.cumsum([0, *epoch * (1 + rows.step.max() // len(epoch))])
        assert rows.step.max() > len(epoch)
        assert rows.examples.tolist() == visited[rows.step].tolist()


def test_the_expected_loss_is_where_batches_are_drawn_with_replacement(made):
    drawn = made.variant == "replacement"
    assert made[~drawn].expected_loss.isna().all()
    assert made[drawn].expected_loss.notna().all()
    near = drawn & (made.learning_rate < made.groupby(BY).learning_rate.transform("median") * 0.9)
    distance = (made.mean_loss - made.expected_loss).abs() / made.standard_error
    assert near.sum() > 50
    assert (distance[near] < 5).all()


def test_twice_the_same_bits(made, tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 1)
    parameters, output = job(tmp_path)
    pd.testing.assert_frame_equal(made, parquet.read(output), check_exact=True)
    assert made.attrs["provenance"].keys() == parquet.read(output).attrs["provenance"].keys()
    with pytest.raises(UserError):
        parquet.read(output, digest(parameters | {"seeds": 80}))


def test_one_run_that_diverged_makes_the_mean_infinite_and_no_quantile():
    losses = np.random.default_rng(0).random((80, 3, 1)).astype(np.float32)
    losses[79, 2] = np.inf
    rows = describe(Case(7, (0.1,), 2), "plain", losses, 60)
    for column in ("mean_loss", "standard_error", GROUPS[39]):
        assert np.isinf(rows[column]).tolist() == [False, False, True]
    others = [*QUANTILES, *GROUPS[:39]]
    assert np.isfinite(rows[others]).all(axis=None)


def test_within_a_budget_losses_go_to_shares_of_the_gain_or_a_line_says_what_to_raise():
    random = np.random.default_rng(0)
    x = random.normal(size=(60, 2)).astype(np.float32)
    y = (x.sum(axis=1) + random.normal(size=60)).astype(np.float32)
    parameters = {"batch_sizes": [1, 10, 20, 60], "learning_rates": 8, "seeds": 80}
    parameters |= {"gains": [0.3, 0.1], "budget_gflop": 1.0}
    table = pd.concat(within_budget(x, y, parameters))
    assert set(table.variant) == {"plain"}
    assert set(table.seeds) == {80}
    best = table.groupby("batch_size").mean_loss.min()
    moments = Moments(x, y, exact=False)
    assert (best <= moments.floor + 0.1 * (moments.at_zero - moments.floor)).all()
    with pytest.raises(UserError, match=r"sweep.budget_gflop: 1e-06 is enough for 0 batch sizes"):
        next(within_budget(x, y, parameters | {"budget_gflop": 1e-6}))
