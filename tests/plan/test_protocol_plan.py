"""Which configurations ask for the chapter's runs by its own clock, and with what."""

import copy

import pytest
import yaml

from minibatch.errors import UserError
from minibatch.plan import experiment, targets
from minibatch.plan.config import Files, check
from minibatch.plan.schemas import ROOT

CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
PATHS = [f"results/protocol/{launch}.parquet" for launch in (1, 2, 3, 4, 5)]


def asked(*changes):
    """The launches of the configuration with other values, by path."""
    config = copy.deepcopy(CONFIG)
    for change in changes:
        change(config)
    tables = experiment.measured(config)
    return {path: made for path, made in tables.items() if path.startswith("results/protocol/")}


def runs(config):
    return config["training"]["runs"]


def test_the_chapters_two_runs_are_timed_in_launches():
    found = asked()
    assert [*found] == PATHS
    assert [made["launch"] for made in found.values()] == [1, 2, 3, 4, 5]
    assert found[PATHS[0]]["runs"] == [
        {"batch_size": 1500, "epochs": 10, "learning_rate": 1.0},
        {"batch_size": 100, "epochs": 2, "learning_rate": 0.4},
    ]
    assert found[PATHS[0]]["packages"].keys() >= {"torch", "numpy"}


def test_they_are_found_by_their_values_and_not_by_their_names():
    def rename(config):
        runs(config)["a"], runs(config)["b"] = (
            runs(config).pop("gd"),
            runs(config).pop("minibatch_100"),
        )
        for name in [name for name, run in runs(config).items() if "base" in run]:
            del runs(config)[name]

    assert asked(rename) == asked()


@pytest.mark.parametrize(
    "change",
    [
        lambda config: runs(config)["minibatch_100"].update(batch_size=64),
        lambda config: runs(config)["gd"].update(implementation="concise"),
        lambda config: runs(config)["gd"].update(override={"pytorch": {"objective": "mse"}}),
        lambda config: runs(config)["gd"].update(batch_size=1499),
        lambda config: config.update(devices=["cuda"]),
    ],
)
def test_without_one_of_them_nothing_is_asked_for(change):
    assert asked(change) == {}
    config = copy.deepcopy(CONFIG)
    change(config)
    assert not {"protocol", "protocol_parts"} & targets.summaries(config).keys()
    assert "protocol" not in targets.figures(config)


def test_where_the_full_batch_is_one_of_100_there_is_no_pair():
    def small(config):
        config["dataset"]["rows"] = 100

    assert asked(small) == {}


def test_a_launch_depends_on_its_runs_repeats_and_threads_and_on_nothing_else():
    for change in (
        lambda config: config["protocol"].update(repeats=7),
        lambda config: runs(config)["gd"].update(epochs=11),
        lambda config: config.update(threads=2),
        lambda config: config["dataset"].update(rows=1500, scaling="whiten"),
    ):
        assert all(asked(change)[path] != asked()[path] for path in PATHS)
    for change in (
        lambda config: config["steptime"].update(launches=7),
        lambda config: config.update(seeds=9, frameworks=["jax"]),
        lambda config: runs(config)["sgd"].update(epochs=3),
    ):
        assert asked(change) == asked()
    more = asked(lambda config: config["protocol"].update(launches=6))
    assert {path: more[path] for path in PATHS} == asked()


def test_summaries_figure_and_report_read_them():
    found = targets.summaries(CONFIG)
    assert found["protocol"].inputs == ["workflow/resources/published.csv", *PATHS]
    assert found["protocol_parts"].inputs == PATHS
    assert found["statements"].inputs[-1] == "results/summary/protocol.parquet"
    tables = [f"results/summary/{name}.parquet" for name in ("protocol", "protocol_parts")]
    assert targets.figures(CONFIG)["protocol"].inputs[:-1] == tables
    assert set(tables) < set(targets.report(CONFIG).inputs)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("launches", 1, "protocol.launches: 1 is too small; at least 2"),
        ("repeats", 0, "protocol.repeats: 0 is too small; at least 1"),
        ("repeat", 2, "protocol.repeat: unknown key; did you mean repeats?"),
    ],
)
def test_a_launch_alone_and_no_repeat_are_refused(key, value, said):
    config = copy.deepcopy(CONFIG)
    config["protocol"][key] = value
    with pytest.raises(UserError, match=said):
        check(config, Files([str(ROOT / "config.yaml")]))
