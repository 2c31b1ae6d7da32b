"""What is asked for where the dataset is a table of the user's own."""

import copy

import pytest
import yaml

from minibatch.errors import UserError
from minibatch.own.table import written
from minibatch.plan import config as configuration
from minibatch.plan import experiment, sense, targets

DATASET = {"file": "/data/my.csv", "target": "y", "drop": ["name"], "rows": 442, "features": 10}
TEXT = written(DATASET | {"sha256": "abc"})
CONFIG = yaml.safe_load(TEXT)


def changed(section, **values):
    config = copy.deepcopy(CONFIG)
    config[section] |= values
    return config


def moved(config):
    """The tables whose parameters a change has changed."""
    before, after = experiment.measured(CONFIG), experiment.measured(config)
    return {path for path in before if before[path] != after.get(path)}


def test_only_what_the_answer_is_made_of_is_measured():
    stages = {path.split("/")[1] for path in experiment.measured(CONFIG)}
    assert stages == {"data", "sweep", "steptime", "verify", "predicted", "confirm"}
    assert "results/sweep/finals.parquet" not in experiment.measured(CONFIG)
    assert set(targets.summaries(CONFIG)) == {*targets.ANSWER_TABLES}
    assert set(targets.figures(CONFIG)) == {*targets.ANSWER_FIGURES}


def test_all_that_is_read_is_measured_or_made():
    made = {*experiment.measured(CONFIG), targets.OF_OWN}
    made |= {f"results/summary/{name}.parquet" for name in targets.summaries(CONFIG)}
    made |= {f"results/figures/{name}.svg" for name in targets.figures(CONFIG)}
    jobs = [*targets.summaries(CONFIG).values(), *targets.figures(CONFIG).values()]
    for job in [*jobs, targets.report(CONFIG)]:
        assert {*job.inputs} <= made


@pytest.mark.parametrize(
    "change", [{"sha256": "d"}, {"file": "/my.csv"}, {"target": "z"}, {"drop": []}]
)
def test_another_content_target_or_choice_of_columns_measures_all_again_but_the_gate(change):
    every = {path for path in experiment.measured(CONFIG) if not path.startswith("results/verify")}
    assert moved(changed("dataset", **change)) == every


def test_further_targets_sweep_again_and_time_nothing():
    found = moved(changed("answer", targets=["10% of the gain"]))
    assert found == {
        path for path in experiment.measured(CONFIG) if path.split("/")[1] in MADE_FROM_CURVES
    }


MADE_FROM_CURVES = ("sweep", "predicted", "confirm")


def refused(tmp_path, old, new):
    """The lines with which a configuration is refused in which a text is another."""
    assert old in TEXT
    path = tmp_path / "config.yaml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(UserError) as raised:
        configuration.check(yaml.safe_load(path.read_text()), configuration.Files([str(path)]))
    return str(raised.value).replace(f"{path}:", "").splitlines()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[10% of the gain", "[10%", "answer.targets.0: '10%' is not a share such as 10% of the"),
        ("[10% of the gain", "[0% of the gain", "answer.targets.0: not from 0.01% to below 100%"),
        ("3% of the gain", "10% of the gain", "answer.targets: "),
        ("\nthreads: 1", "\nmatmul: {}\nthreads: 1", "matmul: unknown key"),
        ("  rows: 442", "  scaling: whiten\n  rows: 442", "dataset.scaling: unknown key"),
        ("budget_gflop: 2000", "budget_gflop: .inf", "sweep.budget_gflop: not a finite number"),
        ("200, 442]\n  loaders", "200, 443]\n  loaders", "steptime.batch_size.8: 443 is above"),
        ("loaders: [framework", "loaders: [mine", "steptime.loaders.0: 'mine' is unknown"),
        ("[pytorch]", "[torch]", "frameworks.0: unknown framework 'torch'; did you mean pytorch?"),
    ],
)
def test_what_makes_no_sense_is_a_line(tmp_path, old, new, line):
    [said, *more] = refused(tmp_path, old, new)
    assert line in said
    assert not [other for other in more if "devices" not in other]


def test_there_is_nothing_to_warn_of():
    assert sense.warnings(CONFIG) == []


def test_the_report_lies_beside_the_configuration():
    assert targets.page(CONFIG) == "report.html"
    folder = "/the/project/workflow/resources"
    names = ("table.html.j2", "page.html.j2", "base.html.j2")
    assert targets.templates(CONFIG, "/the/project") == [f"{folder}/{name}" for name in names]
