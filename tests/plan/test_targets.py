import copy

import pytest
from test_experiment import BOTH, CONFIG

from minibatch.plan import experiment, targets
from minibatch.tables.canonical import digest

SVG = "results/figures/{}.svg"
OF_ALL = ["answer", "steps_to_target", "gradient_noise", "roofline", "loss_by_epoch"]
OF_ALL += [
    "loss_by_time",
    "published",
    "ladder",
    "step_time",
    "step_cost",
    "epoch_time",
    "step_parts",
]
COMPARED = [f"results/steptime/{name}/cpu.parquet" for name in ("pytorch", "jax", "baseline")]


def traces(*runs, framework="pytorch", device="cpu"):
    return [f"results/train/{framework}/{device}/{run}.parquet" for run in runs]


def test_the_frameworks_share_a_figure_and_the_first_alone_has_one_a_device():
    alone = ["product_size-cpu", "exercise_1_surface-cpu", "exercise_4_twice-cpu"]
    exercises = ["exercise_2_schedule", "exercise_3_replacement"]
    assert list(targets.figures(CONFIG)) == [*OF_ALL, "parallel", *exercises, *alone]


def test_with_several_devices_the_products_on_them_are_compared_and_the_firsts_figures_doubled():
    one, two = targets.figures(BOTH | {"devices": ["cpu"]}), targets.figures(BOTH)
    added = {name.replace("cpu", "cuda") for name in one if name.endswith("-cpu")}
    assert two.keys() - one.keys() == {"product_device"} | added
    shown = two["roofline"].parameters["places"]
    assert ("pytorch", "cuda") in shown
    assert ("mxnet", "cuda") not in shown
    assert two["exercise_1_surface-cuda"].parameters["places"] == [("pytorch", "cuda")]
    assert two["exercise_1_surface-cuda"].parameters["alone"]


def test_without_a_run_from_scratch_the_exercises_vary_none():
    config = copy.deepcopy(CONFIG)
    config["training"]["runs"] = {"sgd": config["training"]["runs"]["sgd"]}
    left = targets.figures(CONFIG).keys() - targets.figures(config).keys()
    assert left == {"exercise_2_schedule", "exercise_3_replacement", "exercise_4_twice-cpu"}


def test_a_figure_shows_the_runs_that_each_framework_does():
    found = targets.figures(CONFIG)
    plain = [*traces("gd", "sgd"), *traces("gd", framework="jax")]  # sgd is for the first only
    for name, beside in (("loss_by_epoch", "ends"), ("loss_by_time", "runs_to_target")):
        summaries = [f"results/summary/{table}.parquet" for table in ("problem", beside)]
        assert found[name].inputs == [*plain, *summaries, targets.SOURCE]
    for name, read in (
        ("ladder", ["ladder"]),
        ("step_time", ["steptime", "stepcost"]),
        ("step_cost", ["stepcost"]),
        ("epoch_time", ["steptime"]),
        ("step_parts", ["steptime"]),
        ("exercise_2_schedule", ["variants"]),
        ("exercise_4_twice-cpu", ["variants", "stepcost"]),
        ("answer", ["time_to_target", "confirmed"]),
    ):
        summaries = [f"results/summary/{table}.parquet" for table in read]
        assert found[name].inputs == [*summaries, targets.SOURCE]


def test_a_figure_that_would_show_no_run_is_left_out():
    config = copy.deepcopy(CONFIG)
    config["training"]["runs"] = {"grid": config["training"]["runs"]["gd"] | {"batch_size": [1, 2]}}
    left = targets.figures(CONFIG).keys() - targets.figures(config).keys()
    assert left >= {"loss_by_epoch", "loss_by_time"}


def test_a_framework_that_the_chapter_does_not_have_is_not_missed_among_its_results():
    assert targets.figures(CONFIG)["published"].parameters["places"] == [("pytorch", "cpu")]
    assert "published" not in targets.figures(CONFIG | {"frameworks": ["jax"]})


def test_figures_and_summaries_know_the_parameters_that_their_inputs_must_have():
    tables = experiment.measured(CONFIG)
    gd = "results/train/jax/cpu/gd.parquet"
    known = {gd: digest(tables[gd])}
    for made in (targets.figures(CONFIG)["loss_by_time"], targets.summaries(CONFIG)["training"]):
        assert made.parameters["inputs"].items() >= known.items()


def test_what_shows_the_time_to_the_target_loss_depends_on_it():
    assert targets.figures(CONFIG)["loss_by_time"].parameters["options"] == {"target_loss": 0.25}


def test_a_changed_target_loss_changes_those_and_no_others():
    config = copy.deepcopy(CONFIG)
    config["training"]["target_loss"] = 0.3
    for made, expected in (
        (targets.summaries, {"training", "runs_to_target"}),
        (targets.figures, {"loss_by_time"}),
    ):
        before, after = made(CONFIG), made(config)
        changed = {name for name in before if before[name] != after[name]}
        assert changed == expected


def real(tables):
    """The tables of real runs, and of what is predicted of them."""
    return [path for path in tables if path.split("/")[1] in ("predicted", "confirm")]


@pytest.mark.parametrize(
    ("key", "value", "anew", "more"),
    [
        ("targets", [0.26], real, {"surface"}),  # which alone are made to the first of them
        ("targets", [0.25, 0.26], lambda _: [], set()),
        ("resamples", 200, lambda _: [], set()),
    ],
)
def test_another_target_or_resampling_times_and_sweeps_nothing_again(key, value, anew, more):
    config = copy.deepcopy(CONFIG)
    config["answer"][key] = value
    tables, others = experiment.measured(CONFIG), experiment.measured(config)
    assert {path for path in tables if tables[path] != others[path]} == {*anew(tables)}
    before, after = targets.summaries(CONFIG), targets.summaries(config)
    changed = {name for name in before if before[name] != after[name]} - {"confirmed"}
    assert changed == {"steps", "critical", "time_to_target", "answer", "statements"} | more
    assert (before["confirmed"] == after["confirmed"]) == (not anew(tables))


def test_a_target_is_a_loss_or_an_excess_over_the_floor():
    [loss, excess] = experiment.answer(CONFIG)["targets"]
    assert (loss, excess) == ({"loss": 0.25, "lowest": 0.005}, {"excess": 0.01})


def test_the_order_of_runs_changes_no_parameter():
    runs = CONFIG["training"]["runs"]
    turned = CONFIG | {"training": CONFIG["training"] | {"runs": dict(reversed(runs.items()))}}
    before, after = targets.summaries(CONFIG), targets.summaries(turned)
    assert {name: before[name].parameters for name in before} == {
        name: after[name].parameters for name in after
    }


def test_a_framework_more_leaves_the_figures_of_the_first_alone_as_they_are():
    before = targets.figures(CONFIG)
    after = targets.figures(CONFIG | {"frameworks": ["pytorch", "jax", "mxnet"]})
    changed = {name for name in before if before[name] != after[name]}
    # nor do the exercises change
    assert changed == {*OF_ALL} - {"steps_to_target", "gradient_noise"}


def test_summaries_read_the_tables_of_their_stage():
    found = targets.summaries(CONFIG)
    matmul = ["results/matmul/pytorch/cpu.parquet", "results/matmul/jax/cpu.parquet"]
    assert found["matmul"].inputs == [*matmul, experiment.CEILINGS]
    assert found["parallel"].inputs == ["results/parallel/cpu.parquet"]
    for name in ("problem", "gradient_noise", "gradient_law"):
        assert found[name].inputs == ["results/data/examples.parquet"]
    every = [path for path in experiment.measured(CONFIG) if path.startswith("results/train/")]
    assert found["training"].inputs == found["agreement"].inputs == every
    for name in ("ladder", "steptime", "stepcost"):
        assert found[name].inputs == COMPARED
    products = [*matmul, experiment.CEILINGS]
    sweep = [experiment.CURVES, targets.PROBLEM]
    seeds = [
        experiment.FINALS,
        *(f"results/summary/{name}.parquet" for name in ("variants", "gradient_law")),
    ]
    read = [experiment.EXAMPLES, *products, *COMPARED, *sweep, *seeds]
    assert found["statements"].inputs == read
    assert found["steps"].inputs == found["critical"].inputs == sweep
    assert found["time_to_target"].inputs == [*sweep, *COMPARED]
    steptime, training = COMPARED[:-1], "results/summary/training.parquet"
    confirmed = "results/summary/confirmed.parquet"
    read = [experiment.VARIANTS, targets.PROBLEM, *steptime, training, confirmed]
    assert found["runs_to_target"].inputs == read
    assert found["runs_to_target"].parameters["options"]["runs"] == ["gd", "sgd"]
    assert found["ends"].inputs == [experiment.FINALS]
    assert found["variants"].inputs == [experiment.VARIANTS, experiment.EXAMPLES]
    confirm = [f"results/confirm/{name}/cpu.parquet" for name in ("pytorch", "jax")]
    planned = [f"results/summary/{name}.parquet" for name in ("time_to_target", "steps")]
    assert found["confirmed"].inputs == [*confirm, *COMPARED, *planned]
    assert found["answer"].inputs[-1] == confirmed
    chapter = ["workflow/resources/published.csv", experiment.FINALS]
    matmul = "results/summary/matmul.parquet"
    assert found["published"].inputs == [*chapter, *steptime, matmul, training]


def test_the_report_reads_every_verdict_summary_and_figure():
    made = targets.report(CONFIG)
    folders = [f"results/verify/{name}/cpu" for name in ("pytorch", "jax")]
    verdicts = [folder + end for folder in folders for end in (".parquet", "/compiled.parquet")]
    summaries = [f"results/summary/{name}.parquet" for name in targets.summaries(CONFIG)]
    figures = [SVG.format(name) for name in targets.figures(CONFIG)]
    assert made.inputs == ["results/data/airfoil.json", *verdicts, *summaries, *figures]
    assert made.parameters["inputs"].keys() == set(verdicts)
    assert made.parameters["config"] == CONFIG
