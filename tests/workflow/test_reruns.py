"""What a change makes again: what depends on it, and nothing else.

The expected sets are written down here, from the design, and not taken from the rules. Snakemake
plans each change, but for most of those in code: of these it plans one a rule, and says once which
modules count for each output.
"""

import os

import pytest
from project import RUNS, Project, train
from records import Records

VARIANTS = ("gd_tenth", "minibatch_100_replacement", "minibatch_100_twice")
SAYING = ("compiled_100",)  # the run that says its own seeds and loaders
PLAIN = set(RUNS) - {"grid", *VARIANTS}
# The figures that show a run, apart from the comparison with the published results.
DRAWN = {"loss_by_epoch": PLAIN}
# Those of the first framework alone, a figure a device; the others compare all.
OF_THE_FIRST = ("product_size", "exercise_1_surface", "exercise_4_twice")
VARIED = {"gd", "sgd", "minibatch_100", "minibatch_10"}  # in the exercises


def matmul(*parts):
    return {f"results/matmul/pytorch/cpu/{part}.parquet" for part in parts}


def launches(whose, *numbers):
    """The tables of some launches, and that of all."""
    ends = [f"/{number}" for number in numbers]
    return {f"results/steptime/{whose}/cpu{end}.parquet" for end in (*ends, "")}


def real(*numbers):
    """Some launches of real runs, the table of all, and what is made from them."""
    ends = [f"/{number}" for number in numbers]
    tables = {f"results/confirm/pytorch/cpu{end}.parquet" for end in (*ends, "")}
    return tables | OF_REAL_RUNS


def ranks(*numbers):
    """Some launches of ranks, the table of all, and what is made from them."""
    ends = [f"/{number}" for number in numbers]
    tables = {f"results/parallel/cpu{end}.parquet" for end in (*ends, "")}
    return tables | summary("parallel") | figures("parallel") | REPORT


def summary(*names):
    return {f"results/summary/{name}.parquet" for name in names}


def figures(*names):
    named = [f"{name}-cpu" if name in OF_THE_FIRST else name for name in names]
    return {f"results/figures/{name}.{kind}" for name in named for kind in ("svg", "png")}


def shown(*changed):
    """What is made from the tables of some runs."""
    drawn = [figure for figure, runs in DRAWN.items() if runs & set(changed)]
    return summary(*OF_TRACES) | CHAPTERS | figures(*drawn) | RUNS_TIMED


def seeds(*changed):
    """The losses of many seeds of some runs, and what is made from them."""
    found = FINALS_MADE if PLAIN & set(changed) else set()
    return found | (VARIANTS_MADE if VARIED & set(changed) else set())


def trained(*changed):
    """The tables of some runs, and what is made from them."""
    return train(*changed) | shown(*changed)


def anew(*changed):
    """What a changed value of some runs makes again."""
    return trained(*changed) | seeds(*changed)


def timed(*parts):
    """Some tables of matrix products, and what is made from them."""
    return matmul(*parts) | GATHERED | AFTER_GATHERED


OF_TRACES = ("training", "agreement")
OF_STEPS = ("ladder", "steptime", "stepcost")
# of steps to a loss, and of their times
OF_BOTH = ("time_to_target", "confirmed", "answer", "statements")
OF_SWEEP = ("steps", "critical", "expectation", "surface", *OF_BOTH)
OF_EXAMPLES = ("problem", "gradient_noise", "gradient_law")
OF_STEPS_DRAWN = ("ladder", "step_time", "step_cost", "epoch_time", "step_parts")
DATA = {"results/data/airfoil.dat", "results/data/airfoil.json"}
GATHERED = {"results/matmul/pytorch/cpu.parquet"}
CEILINGS = {f"results/ceilings{launch}.parquet" for launch in ("", "/1", "/2")}
REPORT = {"results/report.html"}
# the chapter's numbers beside ours: of products, seeds, steps and the values of runs
CHAPTERS = summary("published") | figures("published") | REPORT
# which run is soonest at the target, by steps, their times, real runs, and the values of all runs
RUNS_TIMED = summary("runs_to_target") | figures("loss_by_time") | REPORT
OF_REAL_RUNS = summary("confirmed", "answer") | figures("answer", "exercise_1_surface") | RUNS_TIMED
EXERCISES = ("exercise_2_schedule", "exercise_3_replacement", "exercise_4_twice")
OF_FINALS = summary("statements", "ends") | figures("loss_by_epoch") | CHAPTERS
OF_VARIANTS = summary("variants", "statements") | figures(*EXERCISES) | RUNS_TIMED
FINALS_MADE = {"results/sweep/finals.parquet"} | OF_FINALS
VARIANTS_MADE = {"results/sweep/variants.parquet"} | OF_VARIANTS
SEEDS = FINALS_MADE | VARIANTS_MADE
AFTER_GATHERED = summary("matmul", "statements") | figures("roofline", "product_size") | CHAPTERS
ALL_FIGURES = figures("roofline", "product_size", "published", "parallel", "protocol")
ALL_FIGURES |= figures(*OF_STEPS_DRAWN, *DRAWN, "answer", "steps_to_target", *EXERCISES)
ALL_FIGURES |= figures("exercise_1_surface", "gradient_noise", "loss_by_time")
BY_THE_CLOCK = ("protocol", "protocol_parts")
ALL_SUMMARIES = summary(*OF_EXAMPLES, "matmul", "parallel", *BY_THE_CLOCK, *OF_STEPS, *OF_TRACES)
ALL_SUMMARIES |= summary(*OF_SWEEP, "variants", "ends", "runs_to_target", "published")
ALL_TRAINED = trained(*RUNS)
ALL_TIMED = timed("1", "2")
ALL_BOUNDED = CEILINGS | AFTER_GATHERED
CONFIRMED = real(1, 2)
PREDICTED = {"results/predicted/pytorch/cpu.parquet"} | CONFIRMED
AFTER_STEPS = summary(*OF_STEPS, *OF_BOTH) | figures(*OF_STEPS_DRAWN, "answer") | RUNS_TIMED
AFTER_STEPS |= figures("exercise_1_surface", "exercise_4_twice")
OF_CRITICAL = figures("steps_to_target", "gradient_noise")
ANSWERED = summary("steps", "critical", *OF_BOTH) | figures("answer") | OF_CRITICAL | RUNS_TIMED
ANSWERED |= figures("exercise_1_surface")  # which shows times to the loss
OF_GRADIENTS = summary(*OF_EXAMPLES[1:], "statements") | figures("gradient_noise") | REPORT
AFTER_SWEEP = {"results/sweep/curves.parquet"} | summary("expectation", "surface") | ANSWERED
AFTER_SWEEP |= PREDICTED
AFTER_BASELINE = launches("baseline", 1, 2) | AFTER_STEPS
AFTER_STEPTIME = launches("pytorch", 1, 2) | AFTER_STEPS | PREDICTED | CHAPTERS
PARALLEL = ranks(1, 2)
AFTER_PROTOCOL = summary(*BY_THE_CLOCK, "statements") | figures("protocol") | REPORT
PROTOCOL = {f"results/protocol/{launch}.parquet" for launch in (1, 2)} | AFTER_PROTOCOL
AFTER_EXAMPLES = (
    {"results/data/examples.parquet"}
    | summary(*OF_EXAMPLES)
    | ALL_TRAINED
    | AFTER_BASELINE
    | AFTER_STEPTIME
    | AFTER_SWEEP
    | SEEDS
    | PARALLEL
    | PROTOCOL
)
VERIFIED = {
    f"results/verify/pytorch/cpu{end}" for end in (".parquet", "/compiled.parquet", ".json")
}
AFTER_VERIFY = VERIFIED | ALL_TIMED | ALL_TRAINED | AFTER_STEPTIME
EVERYTHING = DATA | AFTER_EXAMPLES | AFTER_VERIFY | CEILINGS


def runs(config):
    return config["training"]["runs"]


def swap(config):
    one, other = runs(config)["sgd"], runs(config)["minibatch_10"]
    one["learning_rate"], other["learning_rate"] = other["learning_rate"], one["learning_rate"]


def turn(config):
    """Reverse the order of all keys."""
    for key in reversed(list(config)):
        value = config[key] = config.pop(key)
        if isinstance(value, dict):
            turn(value)


VALUES = {
    "the learning rate of a run": (
        lambda config: runs(config)["sgd"].update(learning_rate=0.006),
        anew("sgd"),
    ),
    "the learning rate of a run that is another's base": (
        lambda config: runs(config)["gd"].update(learning_rate=0.9),
        anew("gd", "gd_tenth") | PROTOCOL,
    ),
    "a value that the run based on it says itself": (
        lambda config: runs(config)["gd"].update(schedule="tenth"),
        anew("gd"),  # which is plain no longer
    ),
    "a batch size": (
        lambda config: runs(config)["minibatch_100"].update(batch_size=50),
        anew("minibatch_100", "minibatch_100_replacement", "minibatch_100_twice"),
    ),
    "a framework's value": (
        lambda config: runs(config)["concise_10"]["override"]["pytorch"].update(learning_rate=0.02),
        anew("concise_10"),
    ),
    "a value of a grid": (
        lambda config: runs(config)["grid"].update(learning_rate=[0.1, 0.9]),
        anew("grid"),
    ),
    "values swapped between two runs": (swap, anew("sgd", "minibatch_10")),
    "a run added": (
        lambda config: runs(config).update(new=runs(config)["sgd"] | {"epochs": 2}),
        train("new") | shown("sgd") | seeds("sgd"),
    ),
    "a run removed": (
        lambda config: runs(config).pop("concise_10"),
        shown("concise_10") | seeds("concise_10"),
    ),
    "a run for all frameworks instead of the first, which is alone": (
        lambda config: runs(config)["grid"].pop("frameworks"),
        REPORT,
    ),
    "the loaders": (
        lambda config: config["training"].update(loaders=["direct"]),
        ALL_TRAINED - train(*SAYING) | AFTER_STEPTIME,
    ),
    "the number of seeds": (
        lambda config: config.update(seeds=4),
        ALL_TRAINED - train(*SAYING),
    ),
    "a batch size of the steps": (
        lambda config: config["steptime"]["batch_size"].append(50),
        AFTER_BASELINE | AFTER_STEPTIME,
    ),
    "the time budget of the steps": (
        lambda config: config["steptime"].update(budget_seconds=0.002),
        AFTER_BASELINE | AFTER_STEPTIME,
    ),
    "a launch more": (
        lambda config: config["steptime"].update(launches=3),
        launches("baseline", 3) | launches("pytorch", 3) | AFTER_STEPS | PREDICTED | CHAPTERS,
    ),
    "the target loss": (
        lambda config: config["training"].update(target_loss=0.31),
        summary("training") | CHAPTERS | RUNS_TIMED,
    ),
    "a batch size of the sweep": (
        lambda config: config["sweep"]["batch_size"].append(50),
        AFTER_SWEEP,
    ),
    "how many seeds the sweep has": (
        lambda config: config["sweep"].update(seeds=80),
        AFTER_SWEEP | VARIANTS_MADE,
    ),
    "how many seeds end the chapter's runs": (
        lambda config: config["sweep"].update(seeds_of_runs=50),
        FINALS_MADE,
    ),
    "a target of the answer": (lambda config: config["answer"]["targets"].append(0.35), ANSWERED),
    "the first target of the answer": (
        lambda config: config["answer"]["targets"].insert(0, 0.35),
        ANSWERED | PREDICTED | summary("surface"),
    ),
    "a launch of real runs more": (lambda config: config["confirm"].update(launches=3), real(3)),
    "the seeds of real runs": (lambda config: config["confirm"].update(seeds=3), CONFIRMED),
    "the resamples of the answer": (
        lambda config: config["answer"].update(resamples=150),
        ANSWERED,
    ),
    "the scaling": (lambda config: config["dataset"].update(scaling="whiten"), AFTER_EXAMPLES),
    "what to do offline": (
        lambda config: config["dataset"].update(offline="fail"),
        DATA | AFTER_EXAMPLES | ALL_FIGURES,  # figures say where the data come from
    ),
    "the threads": (lambda config: config.update(threads=2), AFTER_VERIFY | PROTOCOL),
    "a size of matrices added": (
        lambda config: config["matmul"]["sizes"].append(24),
        ALL_TIMED,
    ),
    "a launch of products more": (
        lambda config: config["matmul"].update(launches=3),
        timed("3") | {"results/ceilings.parquet", "results/ceilings/3.parquet"},
    ),
    "the sizes of matrices in the frameworks after the first": (
        lambda config: config["matmul"].update(sizes_of_others=[16]),
        REPORT,  # it shows them
    ),
    "the block widths at one size": (
        lambda config: config["matmul"]["blocks"].update(columns=[2]),
        ALL_TIMED,
    ),
    "what NumPy copies": (
        lambda config: config["matmul"]["ceilings"].update(copy_kib=[8]),
        ALL_BOUNDED,
    ),
    "the largest product": (
        lambda config: config["matmul"]["ceilings"].update(product=31),
        ALL_TIMED | ALL_BOUNDED,
    ),
    "what is measured on a GPU, where none is": (
        lambda config: config["matmul"]["cuda"].update(sizes=[16], precisions=["float32"]),
        REPORT,
    ),
    "the repeats by the chapter's clock": (
        lambda config: config["protocol"].update(repeats=2),
        PROTOCOL,
    ),
    "a launch more by the chapter's clock": (
        lambda config: config["protocol"].update(launches=3),
        {"results/protocol/3.parquet"} | AFTER_PROTOCOL,
    ),
    "a batch size of the ranks": (
        lambda config: config["parallel"]["batch_size"].append(20),
        PARALLEL,
    ),
    "a launch of the ranks more": (lambda config: config["parallel"].update(launches=3), ranks(3)),
    "the time budget of the products": (
        lambda config: config["matmul"].update(budget_seconds=0.002),
        ALL_TIMED | ALL_BOUNDED,
    ),
}
SWEPT = AFTER_SWEEP | SEEDS
CODE = {
    "command.py": EVERYTHING,
    "tables/parquet.py": EVERYTHING - DATA,
    "tables/verdicts.py": AFTER_VERIFY,
    "sgd/strategies.py": AFTER_VERIFY | ALL_BOUNDED,
    "sgd/precisions.py": AFTER_VERIFY | ALL_BOUNDED,
    "sgd/rounds.py": ALL_TIMED | ALL_BOUNDED,
    "sgd/calibration.py": ALL_TIMED | ALL_BOUNDED | AFTER_BASELINE | AFTER_STEPTIME,
    "sgd/stepping.py": AFTER_BASELINE | AFTER_STEPTIME,
    "sgd/real.py": CONFIRMED,
    "stages/confirm.py": CONFIRMED,
    "stages/predict.py": PREDICTED,
    "summaries/confirmed.py": OF_REAL_RUNS,
    "sgd/products.py": ALL_TIMED,
    "sgd/numpy_bounds.py": ALL_BOUNDED,
    "plan/gpu.py": set(),
    "sgd/product_checks.py": AFTER_VERIFY | ALL_BOUNDED,
    "sgd/step_checks.py": AFTER_VERIFY | AFTER_BASELINE | PARALLEL | PROTOCOL,
    "sgd/reference.py": AFTER_VERIFY | AFTER_BASELINE | PARALLEL | ALL_BOUNDED | PROTOCOL,
    "sgd/sampling.py": AFTER_VERIFY
    | AFTER_BASELINE
    | PARALLEL
    | PROTOCOL
    | SWEPT
    | summary(*OF_EXAMPLES[1:]),
    "sgd/gradients.py": OF_GRADIENTS | summary("critical", "answer") | OF_CRITICAL,
    "summaries/gradient_law.py": OF_GRADIENTS - summary("gradient_noise"),
    "summaries/gradient_noise.py": summary("gradient_noise") | figures("gradient_noise") | REPORT,
    "summaries/gradient_statements.py": summary("statements") | REPORT,
    "sgd/schedules.py": ALL_TRAINED | SWEPT,
    "sgd/vectors.py": SWEPT,
    "sgd/engine.py": SWEPT,
    "sgd/moments.py": SWEPT,
    "sgd/cases.py": SWEPT,
    "sgd/sweep.py": SWEPT,
    "sgd/threads.py": SWEPT,
    "sgd/curves.py": AFTER_SWEEP | VARIANTS_MADE,
    "stages/sweep.py": AFTER_SWEEP,
    "stages/finals.py": FINALS_MADE,
    "stages/variants.py": VARIANTS_MADE,
    "summaries/variants.py": OF_VARIANTS - RUNS_TIMED | REPORT,
    "summaries/steps.py": ANSWERED | summary("surface") | PREDICTED,
    "summaries/draws.py": summary(*OF_BOTH) | figures("answer", "exercise_1_surface") | PREDICTED,
    "summaries/runs_to_target.py": RUNS_TIMED,
    "summaries/surface.py": summary("surface") | figures("exercise_1_surface") | REPORT,
    "summaries/critical.py": summary("critical", "answer") | OF_CRITICAL | REPORT,
    "summaries/answer.py": summary("answer") | REPORT,
    "sgd/clock.py": ALL_TRAINED
    | AFTER_BASELINE
    | AFTER_STEPTIME
    | ALL_TIMED
    | ALL_BOUNDED
    | PROTOCOL,
    "sgd/pace.py": AFTER_BASELINE | AFTER_STEPTIME,
    "sgd/baselines.py": AFTER_BASELINE,
    "plan/environments.py": set(),
    "frameworks/__init__.py": AFTER_VERIFY | PARALLEL | PROTOCOL,
    "frameworks/pytorch.py": AFTER_VERIFY | PARALLEL | PROTOCOL,
    "frameworks/mxnet.py": set(),
    "stages/download.py": DATA | AFTER_EXAMPLES | ALL_FIGURES,
    "stages/standardise.py": AFTER_EXAMPLES,
    "stages/environment.py": set(),
    "stages/verify.py": AFTER_VERIFY,
    "stages/baseline.py": AFTER_BASELINE,
    "stages/steptime.py": AFTER_STEPTIME,
    "stages/parallel.py": PARALLEL,
    "sgd/data_parallel.py": PARALLEL,
    "stages/protocol.py": PROTOCOL,
    "sgd/chapter.py": PROTOCOL,
    "sgd/protocols.py": PROTOCOL,
    "summaries/protocol.py": AFTER_PROTOCOL,
    "summaries/protocol_parts.py": summary("protocol_parts") | figures("protocol") | REPORT,
    "stages/matmul.py": ALL_TIMED,
    "stages/gather.py": timed()
    | {"results/ceilings.parquet"}
    | launches("baseline")
    | launches("pytorch")
    | AFTER_STEPS
    | PREDICTED
    | CHAPTERS
    | ranks(),
    "stages/ceilings.py": ALL_BOUNDED,
    "stages/train.py": ALL_TRAINED,
    "stages/summary.py": ALL_SUMMARIES | ALL_FIGURES | REPORT,
    "stages/figure.py": ALL_FIGURES | REPORT,
    "stages/report.py": REPORT,
    "summaries/agreement.py": summary("agreement") | REPORT,
    "summaries/ends.py": summary("ends") | figures("loss_by_epoch") | REPORT,
    "summaries/runs.py": CHAPTERS | figures("loss_by_epoch") | RUNS_TIMED,
    "summaries/published.py": CHAPTERS,
    "summaries/ladder.py": summary("ladder") | figures("ladder") | REPORT,
    "summaries/steptime.py": AFTER_STEPS | summary("critical") | OF_CRITICAL | PREDICTED | CHAPTERS,
    "summaries/stepcost.py": summary("stepcost", "critical", *OF_BOTH)
    | figures("step_time", "step_cost", "answer", "exercise_1_surface", "exercise_4_twice")
    | OF_CRITICAL
    | PREDICTED,
    "figures/style.py": ALL_FIGURES | REPORT,
    "figures/loss_by_epoch.py": figures("loss_by_epoch") | REPORT,
    "figures/roofline.py": figures("roofline") | REPORT,
    "figures/variants.py": figures(*EXERCISES) | REPORT,
    "figures/epoch_time.py": figures("epoch_time") | REPORT,
}

# What the pins of the main environment are bumped to, before they are installed.
PINS = {
    "torch==2.13.0": AFTER_VERIFY | PARALLEL | PROTOCOL,
    "numpy==2.4.6": AFTER_VERIFY | PARALLEL | AFTER_BASELINE | SWEPT | ALL_BOUNDED | PROTOCOL,
    "numba==0.68.1": AFTER_BASELINE | SWEPT,
    "scikit-learn==1.9.1": AFTER_BASELINE,
    "threadpoolctl==3.8.0": AFTER_BASELINE | ALL_BOUNDED,
}


# The rules that measure in a framework, and so run its module.
IN_A_FRAMEWORK = {"verify", "matmul", "steptime", "train", "confirm"}


def set_values(change):
    return lambda project: project.configure(change)


def add_code(module):
    def add(project):
        path = project.folder / "src/minibatch" / module
        path.write_text(path.read_text() + "\nEDITED = True\n")

    return add


def bump(pin):
    return lambda project: project.replace("workflow/envs/main.txt", pin, f"{pin}.post9")


def say_the_same(config):
    """Write other values that mean the same."""
    runs(config)["gd"].update(learning_rate=1)  # was 1.0
    runs(config)["sgd"].update(schedule="constant", copies=1)  # the defaults
    runs(config)["concise_10"].update(learning_rate=0.02)  # which its override hides


def comment(project):
    """Comment every file, and change every kind of docstring and the layout."""
    paths = [project.folder / "Snakefile", project.folder / "config.yaml"]
    kinds = ("*.smk", "*.yaml", "*.txt", "*.lock")
    for pattern in (
        "src/**/*.py",
        *(f"workflow/**/{kind}" for kind in kinds),
        "profiles/**/*.yaml",
    ):
        found = list(project.folder.glob(pattern))
        assert found, pattern
        paths += found
    for path in paths:
        path.write_text(f"# A comment.\n\n{path.read_text()}\n# Another.\n")
    for path in project.folder.glob("src/minibatch/**/*.py"):
        path.write_text(path.read_text().replace('"""', '"""Once more: ', 1))
    training = "src/minibatch/stages/train.py"
    project.replace(training, '"""The learning rate in', '"""The size of a step in')
    project.replace(training, "def rate(self, epoch: int)", "def rate(self, epoch:   int)")


def touch(*patterns):
    def touch_all(project):
        for pattern in patterns:
            paths = list(project.folder.glob(pattern))
            assert paths, pattern
            for path in paths:
                os.utime(path)

    return touch_all


CHANGES = (
    {name: (set_values(change), expected) for name, (change, expected) in VALUES.items()}
    | {
        f"code in {module}": (add_code(module), expected)
        for module, expected in CODE.items()
        if module.startswith(("stages/", "plan/"))
    }
    | {f"the pin {pin}": (bump(pin), expected) for pin, expected in PINS.items()}
    | {
        "the order of keys": (set_values(turn), set()),
        "other words for the same values": (set_values(say_the_same), REPORT),  # it shows them
        "comments and docstrings": (comment, set()),
        "the times of all files": (touch("[!.]*", "[!.]*/**/*"), set()),
        "the time of one table": (touch("results/data/examples.parquet"), set()),
    }
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_makes_again_what_depends_on_it_and_nothing_else(finished, change):
    make, expected = CHANGES[change]
    make(finished)
    assert finished.pending() == expected


@pytest.fixture(scope="module")
def records(tmp_path_factory, undisturbed):
    """What Snakemake says of each output."""
    return Records(Project(tmp_path_factory.mktemp("recorded"), undisturbed))


def dotted(module):
    return f"minibatch.{module.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"


@pytest.mark.parametrize("module", CODE)
def test_code_makes_again_what_it_counts_for_and_what_is_made_from_that(records, module):
    assert records.after(dotted(module)) == CODE[module]


def test_snakemake_plans_a_change_in_the_code_of_every_rule(records):
    for path, rule in records.rules.items():
        assert f"code in stages/{rule}.py" in CHANGES
        assert f"minibatch.stages.{rule}" in records.modules[path], path


def test_the_code_of_a_framework_counts_for_every_measurement_in_it(records):
    measured = {path for path, rule in records.rules.items() if rule in IN_A_FRAMEWORK}
    assert {records.rules[path] for path in measured} == IN_A_FRAMEWORK
    for path in measured:
        assert "minibatch.frameworks.pytorch" in records.modules[path], path


def test_after_a_change_only_what_depends_on_it_is_made_and_then_all_is_done(finished):
    finished.configure(lambda config: runs(config)["concise_10"].update(epochs=2))
    before = finished.files()
    finished.run()
    after = finished.files()
    assert before.keys() == after.keys()
    changed = {path for path in after if after[path] != before[path]}
    assert train("concise_10") < changed <= anew("concise_10")
    assert finished.pending() == set()


def test_a_removed_run_is_in_no_summary_though_its_table_stays(finished):
    finished.configure(lambda config: runs(config).pop("concise_10"))
    path = "results/summary/training.parquet"
    finished.run(path)
    assert train("concise_10") < finished.files().keys()
    assert set(finished.read(path).run) == set(RUNS) - {"concise_10"}
