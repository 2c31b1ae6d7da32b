import copy
import re
import shutil

import pytest

from minibatch.plan import environments, experiment
from minibatch.tables.canonical import canonical, digest

CONFIG = {
    "dataset": {
        "name": "airfoil",
        "rows": 1500,
        "scaling": "standardize",
        "offline": "surrogate",
        "sources": [],
    },
    "frameworks": ["pytorch", "jax"],
    "devices": ["cpu"],
    "threads": 1,
    "seeds": 5,
    "matmul": {
        "strategies": ["element", "block", "full"],
        "sizes": [64, 256],
        "sizes_of_others": [256],
        "block": 64,
        "blocks": {"n": 256, "columns": [128, 16, 64]},
        "ceilings": {"product": 2048, "copy_kib": [4, 1024]},
        "launches": 2,
        "budget_seconds": 1,
        "cuda": {
            "sizes": [256, 8192],
            "sizes_of_others": [256],
            "precisions": ["float32", "tf32", "bfloat16"],
            "ceilings": {"product": 8192, "copy_mib": 1024},
        },
    },
    "steptime": {"batch_size": [1, 10, 1500], "launches": 2, "budget_seconds": 1},
    "sweep": {
        "batch_size": [10, 1, 1500],
        "learning_rates": 8,
        "lowest": "0.5%",
        "seeds": 40,
        "seeds_of_runs": 40,
    },
    "answer": {"targets": [0.25, "1%"], "resamples": 100},
    "confirm": {"launches": 2, "seeds": 3, "budget_seconds": 1},
    "parallel": {"ranks": [1, 2], "batch_size": [10, 100], "launches": 2, "budget_seconds": 1},
    "protocol": {"launches": 5, "repeats": 2},
    "training": {
        "target_loss": 0.25,
        "loaders": ["framework", "direct"],
        "runs": {
            "gd": {
                "implementation": "scratch",
                "batch_size": 1500,
                "learning_rate": 1,
                "epochs": 10,
                "override": {"jax": {"epochs": 7}},
            },
            "grid": {
                "implementation": "scratch",
                "batch_size": [1, 10],
                "learning_rate": [0.1, 1],
                "epochs": 2,
            },
            "gd_tenth": {"base": "gd", "schedule": "tenth"},
            "gd_small": {
                "base": "gd",
                "batch_size": 10,
                "override": {"jax": {"learning_rate": 0.5}},
            },
            "sgd": {
                "frameworks": "first",
                "implementation": "compiled",
                "batch_size": 1,
                "learning_rate": 0.005,
                "epochs": 2,
                "loaders": ["direct"],
                "seeds": 3,
            },
            "sgd_twice": {"base": "sgd", "copies": 2},
        },
    },
}
# The first framework alone has further sizes, and the runs that are for it.
TABLES = {
    "results/data/examples.parquet",
    *(f"results/steptime/baseline/cpu{end}.parquet" for end in ("/1", "/2", "")),
    *(f"results/parallel/cpu{launch}.parquet" for launch in ("", "/1", "/2")),
    *(f"results/sweep/{table}.parquet" for table in ("curves", "finals", "variants")),
    *(f"results/ceilings{launch}.parquet" for launch in ("", "/1", "/2")),
    *(
        f"results/{stage}/{framework}/cpu{rest}.parquet"
        for framework in ("pytorch", "jax")
        for stage, rest in [
            ("verify", ""),
            ("verify", "/compiled"),
            ("matmul", "/1"),
            ("matmul", "/2"),
            ("matmul", ""),
            ("steptime", "/1"),
            ("steptime", "/2"),
            ("steptime", ""),
            ("predicted", ""),
            ("confirm", "/1"),
            ("confirm", "/2"),
            ("confirm", ""),
            ("train", "/gd"),
            ("train", "/grid"),
            ("train", "/gd_tenth"),
            ("train", "/gd_small"),
        ]
    ),
    "results/train/pytorch/cpu/sgd.parquet",
    "results/train/pytorch/cpu/sgd_twice.parquet",
}

BLOCKS = [("block", 256, width) for width in (16, 64, 128)]
MORE = {
    f"results/{name}/3.parquet" for name in ("ceilings", "matmul/pytorch/cpu", "matmul/jax/cpu")
}
WHOLE = ("matmul/pytorch/cpu.parquet", "matmul/jax/cpu.parquet")
TIMED = ("pytorch", "jax", "baseline")
STEPTIME = ("steptime/pytorch", "steptime/jax")
REAL = ("predicted", "confirm")  # after the sweep and the times of steps


def changed(*keys, value):
    """The tables whose parameters change when one value of the configuration does."""
    config = copy.deepcopy(CONFIG)
    place = config
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    before, after = experiment.measured(CONFIG), experiment.measured(config)
    return {
        path
        for path in before.keys() | after.keys()
        if canonical(before.get(path)) != canonical(after.get(path))
    }


def those(*parts):
    return {path for path in TABLES if any(part in path for part in parts)}


AFTER_EXAMPLES = those("examples", "steptime", "parallel", "train", "sweep", *REAL)


def test_every_table_of_every_framework_is_named():
    assert set(experiment.measured(CONFIG)) == TABLES


def test_a_run_for_the_first_framework_and_its_variants_are_for_it_alone():
    every = ["gd", "grid", "gd_tenth", "gd_small"]
    assert experiment.runs(CONFIG, "pytorch") == [*every, "sgd", "sgd_twice"]
    assert experiment.runs(CONFIG, "jax") == every
    assert experiment.runs(CONFIG | {"frameworks": ["jax", "pytorch"]}, "pytorch") == every


def test_a_run_has_its_own_values_and_the_common_ones_for_the_others():
    assert experiment.resolve(CONFIG, "gd", "pytorch") == {
        "implementation": "scratch",
        "objective": "half_mse",
        "batch_size": 1500,
        "batch_sizes": [1500],
        "learning_rate": 1,
        "learning_rates": [1.0],
        "epochs": 10,
        "schedule": "constant",
        "sampling": "permutation",
        "copies": 1,
        "loaders": ["framework", "direct"],
        "seeds": 5,
    }


@pytest.mark.parametrize(
    ("run", "framework", "expected"),
    [
        ("gd", "jax", {"epochs": 7}),
        ("gd_tenth", "pytorch", {"schedule": "tenth", "batch_sizes": [1500], "epochs": 10}),
        ("gd_tenth", "jax", {"schedule": "tenth", "epochs": 7}),
        ("gd_small", "pytorch", {"batch_sizes": [10], "learning_rates": [1.0]}),
        ("gd_small", "jax", {"batch_sizes": [10], "learning_rates": [0.5], "epochs": 10}),
        ("grid", "jax", {"batch_sizes": [1, 10], "learning_rates": [0.1, 1.0]}),
        ("sgd", "pytorch", {"loaders": ["direct"], "seeds": 3, "copies": 1}),
        ("sgd_twice", "pytorch", {"loaders": ["direct"], "seeds": 3, "copies": 2}),
    ],
)
def test_a_framework_comes_before_the_run_and_the_run_before_its_base(run, framework, expected):
    values = experiment.resolve(CONFIG, run, framework)
    assert {name: values[name] for name in expected} == expected


def test_a_whole_number_and_the_same_with_a_point_are_the_same_parameters():
    assert changed("training", "runs", "gd", "learning_rate", value=1.0) == set()
    assert changed("matmul", "budget_seconds", value=1.0) == set()
    assert changed("parallel", "budget_seconds", value=1.0) == set()
    assert changed("steptime", "budget_seconds", value=1.0) == set()
    assert changed("confirm", "budget_seconds", value=1.0) == set()


@pytest.mark.parametrize(
    ("keys", "value", "expected"),
    [
        ("dataset.rows", 1000, AFTER_EXAMPLES),
        ("dataset.scaling", "whiten", AFTER_EXAMPLES),
        ("dataset.offline", "fail", set()),
        ("dataset.sources", ["http://a"], set()),
        ("training.target_loss", 0.3, set()),
        ("threads", 2, those("verify", "matmul", *STEPTIME, *REAL, "train")),
        ("seeds", 6, those("/gd", "/grid")),
        ("training.loaders", ["direct"], those("/gd", "/grid", *STEPTIME, *REAL)),
        ("steptime.batch_size", [1, 100, 1500], those("steptime", *REAL)),
        ("steptime.budget_seconds", 2, those("steptime", *REAL)),
        (
            "steptime.launches",
            3,  # those that there are stay
            {
                *(f"results/steptime/{name}/cpu/3.parquet" for name in TIMED),
                *(f"results/steptime/{name}/cpu.parquet" for name in TIMED),
                *those(*REAL),  # what is predicted is another thing
            },
        ),
        ("sweep.batch_size", [1, 2, 10, 1500], those("curves", *REAL)),
        ("sweep.batch_size", [1500, 10, 1], set()),
        ("sweep.learning_rates", 9, those("curves", *REAL)),
        ("sweep.lowest", "1%", those("curves", *REAL)),
        ("sweep.lowest", ".5 %", set()),
        ("sweep.seeds", 80, those("curves", "variants", *REAL)),
        ("sweep.seeds_of_runs", 50, those("finals")),
        ("answer.targets", [0.3], those(*REAL)),
        ("answer.targets", [0.25, 0.3, "2%"], set()),
        ("confirm.seeds", 4, those("confirm")),
        ("confirm.budget_seconds", 2, those("confirm")),
        ("answer.resamples", 200, set()),
        ("parallel.ranks", [1, 4], those("parallel")),
        ("parallel.batch_size", [10], those("parallel")),
        ("parallel.budget_seconds", 2, those("parallel")),
        (
            "parallel.launches",
            3,  # those that there are stay
            {"results/parallel/cpu.parquet", "results/parallel/cpu/3.parquet"},
        ),
        ("matmul.budget_seconds", 2, those("matmul", "ceilings")),
        ("matmul.launches", 3, those("ceilings.", "matmul/pytorch/cpu.", "matmul/jax/cpu.") | MORE),
        ("matmul.ceilings.product", 2, those("ceilings", "matmul")),
        ("matmul.ceilings.copy_kib", [4], those("ceilings")),
        ("matmul.block", 32, those("matmul")),
        ("matmul.blocks.columns", [16], those("matmul/pytorch")),
        ("matmul.blocks.n", 64, those("matmul/pytorch")),
        ("matmul.sizes", [64, 256, 512], those("matmul/pytorch")),
        (
            "matmul.cuda.precisions",
            ["float32"],
            set(),  # on the CPU
        ),
        (
            "matmul.sizes_of_others",
            [256, 512],
            those("matmul/jax"),
        ),
        (
            "training.runs.gd.epochs",
            11,
            those("pytorch/cpu/gd", "jax/cpu/gd_small", "finals", "variants"),
        ),
        ("training.runs.gd.batch_size", 100, those("cpu/gd.", "gd_tenth", "finals", "variants")),
        ("training.runs.gd.loaders", ["direct"], those("/gd")),
        ("training.runs.gd.seeds", 4, those("/gd")),
        ("training.runs.gd.frameworks", "first", those("jax/cpu/gd", "finals")),
        ("training.runs.gd_tenth.frameworks", "first", those("jax/cpu/gd_tenth")),
        (
            "training.runs.gd.override.jax.epochs",
            8,
            those("jax/cpu/gd.", "jax/cpu/gd_tenth", "finals"),
        ),
        (
            "training.runs.gd.override.jax",
            {"epochs": 7, "seeds": 2, "loaders": ["direct"]},
            those("jax/cpu/gd.", "jax/cpu/gd_tenth"),
        ),
        ("training.runs.gd_tenth.schedule", "constant", those("gd_tenth")),
        ("training.runs.sgd.seeds", 4, those("/sgd")),
        ("training.runs.sgd_twice.seeds", 4, those("/sgd_twice")),
    ],
)
def test_a_changed_value_changes_the_tables_that_depend_on_it_and_no_others(keys, value, expected):
    assert changed(*keys.split("."), value=value) == expected


def test_a_framework_more_leaves_the_others_as_they_are():
    found = changed("frameworks", value=["pytorch", "jax", "mxnet"])
    assert found == {path.replace("jax", "mxnet") for path in those("jax")}


def test_another_first_framework_does_what_the_first_one_did_and_nothing_is_made_anew_but_that():
    only_first = those("/sgd")
    assert changed("frameworks", value=["jax", "pytorch"]) == (
        only_first
        | {path.replace("pytorch", "jax") for path in only_first}
        | those("matmul")  # of which the first has further sizes and blocks
        | those("finals", "variants")  # whose runs are called and varied as in the first
    )


def cases(framework, config=CONFIG, device="cpu"):
    """What a framework times in each launch."""
    found = experiment.measured(config)
    first, second = (found[f"results/matmul/{framework}/{device}/{n}.parquet"] for n in (1, 2))
    assert {**first, "launch": 2} == second
    return first["cases"]


def test_a_framework_after_the_first_has_the_blocks_of_its_sizes_and_no_further_ones():
    bounds = ("call", 1, 0), ("product", 2048, 0)
    small = [("element", 64, 0), ("block", 64, 64), ("full", 64, 0)]
    pytorch = [bounds[0], *small, ("element", 256, 0), *BLOCKS, ("full", 256, 0), bounds[1]]
    assert cases("pytorch") == [(*case, "float32") for case in pytorch]
    jax = [bounds[0], ("element", 256, 0), ("block", 256, 64), ("full", 256, 0), bounds[1]]
    assert cases("jax") == [(*case, "float32") for case in jax]


def test_a_real_run_has_seeds_beyond_those_of_the_sweep_and_no_bootstrap():
    found = experiment.measured(CONFIG)
    predicted = found["results/predicted/jax/cpu.parquet"]
    assert predicted["target"] == {"loss": 0.25, "lowest": 0.005}
    read = [experiment.EXAMPLES, experiment.CURVES, "results/steptime/jax/cpu.parquet"]
    assert [*predicted["inputs"]] == read
    one, other = (found[f"results/confirm/jax/cpu/{launch}.parquet"] for launch in (1, 2))
    assert one | {"launch": 2} == other
    assert (one["seeds"], one["beyond"], one["budget_seconds"]) == (3, 40, 1.0)
    gate = ["results/verify/jax/cpu.parquet", "results/verify/jax/cpu/compiled.parquet"]
    assert [*one["inputs"]] == [experiment.EXAMPLES, "results/predicted/jax/cpu.parquet", *gate]


def test_what_bounds_the_machine_is_measured_once_whatever_the_frameworks():
    found = experiment.measured(CONFIG)
    parts = [f"results/ceilings/{launch}.parquet" for launch in (1, 2)]
    assert [found[path]["launch"] for path in parts] == [1, 2]
    asked = {"product": 2048, "copy_kib": [4, 1024], "budget_seconds": 1.0, "launch": 1}
    pins = {"numpy": "==2.4.6", "threadpoolctl": "==3.8.0"}
    assert found[parts[0]] == asked | {"packages": pins}
    assert found[experiment.CEILINGS]["inputs"] == {path: digest(found[path]) for path in parts}


@pytest.mark.parametrize("launch", [1, 2])
def test_the_baseline_takes_the_steps_that_the_frameworks_take_and_a_launch_knows_its_number(
    launch,
):
    found = experiment.measured(CONFIG)
    common = {"batch_sizes": [1, 10, 1500], "budget_seconds": 1.0, "launch": launch}
    own = {"framework": "jax", "device": "cpu", "threads": 1, "loaders": ["framework", "direct"]}
    for name, expected in (("baseline", common), ("jax", common | own)):
        made = found[f"results/steptime/{name}/cpu/{launch}.parquet"]
        known = {key: made[key] for key in made.keys() - {"inputs", "packages"}}
        assert known == expected


def test_ranks_are_measured_whatever_the_frameworks_are_on_each_device():
    found = experiment.measured(CONFIG | {"frameworks": ["jax"], "devices": ["cpu", "cuda"]})
    for device in ("cpu", "cuda"):
        folder = f"results/parallel/{device}/"
        parts = {path: made for path, made in found.items() if path.startswith(folder)}
        assert [*parts.values()] == [
            {
                "device": device,
                "ranks": [1, 2],
                "batch_sizes": [10, 100],
                "budget_seconds": 1.0,
                "launch": launch,
                "inputs": found["results/steptime/baseline/cpu/1.parquet"]["inputs"],
                "packages": {"torch": "==2.13.0", "numpy": "==2.4.6"},
            }
            for launch in (1, 2)
        ]
        whole = found[f"results/parallel/{device}.parquet"]
        assert whole == {"inputs": {path: digest(part) for path, part in parts.items()}}


def test_a_table_knows_the_parameters_that_its_inputs_must_have():
    found = experiment.measured(CONFIG)
    examples = "results/data/examples.parquet"
    assert found[examples] == {"rows": 1500, "scaling": "standardize"}
    known = {examples: digest({"rows": 1500, "scaling": "standardize"})}
    assert found["results/steptime/baseline/cpu/1.parquet"]["inputs"] == known
    gate = "results/verify/jax/cpu.parquet"
    asked = {"framework": "jax", "device": "cpu", "threads": 1, "precisions": ["float32"]}
    assert found[gate] == asked
    verified = {gate: digest(found[gate])}
    assert found["results/train/jax/cpu/gd.parquet"]["inputs"] == known | verified
    assert found["results/matmul/jax/cpu/1.parquet"]["inputs"] == verified
    parts = [f"results/matmul/jax/cpu/{launch}.parquet" for launch in (1, 2)]
    whole = found["results/matmul/jax/cpu.parquet"]
    assert whole["inputs"] == {path: digest(found[path]) for path in parts}
    compiled = "results/verify/jax/cpu/compiled.parquet"
    verified |= {compiled: digest(found[compiled])}  # a launch times what is compiled, too
    for name, expected in (("jax", known | verified), ("baseline", known)):
        launches = [f"results/steptime/{name}/cpu/{launch}.parquet" for launch in (1, 2)]
        assert all(found[path]["inputs"] == expected for path in launches)
        gathered = {path: digest(found[path]) for path in launches}
        assert found[f"results/steptime/{name}/cpu.parquet"] == {"inputs": gathered}


def test_inputs_that_nobody_measured_have_no_digest():
    assert experiment.expected(["results/data/airfoil.dat"], {}) == {"inputs": {}}


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (64, [("element", 64, 0), ("block", 64, 64), ("full", 64, 0)]),
        (256, [("element", 256, 0), *BLOCKS, ("full", 256, 0)]),
    ],
)
def test_a_size_has_each_strategy_and_its_blocks_once(n, expected):
    matmul = experiment.products(CONFIG, "cpu")
    assert experiment.cases(matmul, n) == [(*case, "float32") for case in expected]


def test_runs_with_a_base_or_several_values_are_not_plain():
    assert experiment.plain_runs(CONFIG) == ["gd", "sgd"]


GD = {"run": "gd", "batch_size": 1500, "learning_rate": 1.0, "epochs": 10}
SGD = {"run": "sgd", "batch_size": 1, "learning_rate": 0.005, "epochs": 2}


def test_a_problem_is_there_once_and_in_each_framework_that_has_another_one():
    assert experiment.problems(CONFIG) == [GD | {"run": "gd_jax", "epochs": 7}, GD, SGD]
    config = copy.deepcopy(CONFIG)
    runs = config["training"]["runs"]
    runs["gd"]["override"] = {"jax": {"objective": "mse", "learning_rate": 0.5}}
    assert experiment.problems(config) == [GD, SGD]  # twice the gradient, half the rate
    runs["gd"]["schedule"] = "tenth"
    assert experiment.problems(config) == [SGD]


def test_the_exercises_change_what_the_first_framework_does_from_scratch_in_any_order():
    assert experiment.problems(CONFIG, scratch=True) == [GD]
    assert experiment.problems(CONFIG | {"frameworks": ["jax"]}, scratch=True) == [
        GD | {"epochs": 7}
    ]
    config = copy.deepcopy(CONFIG)
    runs = config["training"]["runs"]
    runs["sgd"]["implementation"] = "scratch"
    expected = [GD, SGD]
    assert experiment.problems(config, scratch=True) == expected
    config["training"]["runs"] = {name: runs[name] for name in reversed(runs)}
    assert experiment.problems(config, scratch=True) == expected


# Versions.


@pytest.fixture
def pins(tmp_path, monkeypatch):
    """The file of the main environment's pins, in a copy that a test may change."""
    shutil.copytree(environments.PINS, tmp_path / "envs")
    monkeypatch.setattr(environments, "PINS", tmp_path / "envs")
    return tmp_path / "envs/main.txt"


BY_PYTORCH = those(
    *("verify/pytorch", "matmul/pytorch", "steptime/pytorch", "train/pytorch", "parallel"),
    *(f"{stage}/pytorch" for stage in REAL),
)
GATHERED = those("parallel/cpu.")
GATHERED |= those(*(f"{stage}/pytorch/cpu." for stage in ("matmul", "steptime", *REAL)))


@pytest.mark.parametrize(
    ("pin", "expected"),
    [
        ("torch==2.13.0", BY_PYTORCH),
        ("numpy==2.4.6", BY_PYTORCH | those("baseline", "ceilings", "sweep", *REAL)),
        ("numba==0.68.1", those("baseline", "sweep", *REAL)),
        ("scikit-learn==1.9.1", those("baseline")),
        ("threadpoolctl==3.8.0", those("baseline", "ceilings")),
    ],
)
def test_a_bumped_pin_measures_anew_what_that_package_computes_and_nothing_else(
    pins, pin, expected
):
    before = experiment.measured(CONFIG)
    text = pins.read_text()
    assert pin in text
    pins.write_text(text.replace(pin, f"{pin}.post9"))
    after = experiment.measured(CONFIG)
    assert {path for path in TABLES if before[path] != after[path]} == expected


def test_every_pin_of_the_main_environment_is_of_something_that_measures(pins):
    names = {re.match(r"[\w-]+", line)[0] for line in pins.read_text().splitlines()[1:]}
    found = experiment.measured(CONFIG).values()
    assert {name for made in found for name in made.get("packages", ())} == names


def test_comments_order_and_spaces_among_the_pins_measure_nothing(pins):
    before = experiment.measured(CONFIG)
    lines = [line.partition("#")[0].replace("==", " == ") for line in pins.read_text().splitlines()]
    pins.write_text("# Other words.\n\n" + "  # that\n".join(reversed(lines)))
    assert canonical(experiment.measured(CONFIG)) == canonical(before)


def test_a_package_that_nothing_measured_imports_may_be_pinned_beside_the_others(pins):
    before = experiment.measured(CONFIG)
    pins.write_text(pins.read_text() + "requests==2.34.2\n")
    assert experiment.measured(CONFIG) == before


def test_a_framework_in_an_environment_of_its_own_has_its_record_instead_of_pins():
    found = experiment.measured(CONFIG)
    assert not any("packages" in found[path] for path in those("jax"))
    assert all("packages" in found[path] for path in BY_PYTORCH - GATHERED)


# GPUs.

BOTH = CONFIG | {
    "frameworks": ["pytorch", "tensorflow", "mxnet", "jax"],
    "devices": ["cpu", "cuda"],
}


def on_gpus(config):
    return {path: made for path, made in experiment.measured(config).items() if "cuda" in path}


def test_what_runs_on_gpus_is_measured_there_too_and_what_does_not_is_missing():
    assert experiment.places(BOTH) == [
        *(("pytorch", "cpu"), ("pytorch", "cuda")),
        *(("tensorflow", "cpu"), ("tensorflow", "cuda")),
        ("mxnet", "cpu"),
        *(("jax", "cpu"), ("jax", "cuda")),
    ]
    assert experiment.missing(BOTH) == [("mxnet", "cuda")]
    assert experiment.missing(BOTH | {"devices": ["cpu"]}) == []
    found = on_gpus(BOTH)
    assert not any("mxnet" in path for path in found)
    assert set(found) == {
        *(f"results/parallel/cuda{launch}.parquet" for launch in ("", "/1", "/2")),
        "results/train/pytorch/cuda/sgd.parquet",
        "results/train/pytorch/cuda/sgd_twice.parquet",
        *(
            f"results/{stage}/{framework}/cuda{rest}.parquet"
            for framework in ("pytorch", "tensorflow", "jax")
            for stage, rest in [
                *(
                    ("verify", ""),
                    ("verify", "/compiled"),
                    ("matmul", "/1"),
                    ("matmul", "/2"),
                    ("matmul", ""),
                ),
                *(("steptime", "/1"), ("steptime", "/2"), ("steptime", "")),
                *(("confirm", "/1"), ("confirm", "/2"), ("confirm", ""), ("predicted", "")),
                *(("train", "/gd"), ("train", "/grid"), ("train", "/gd_tenth")),
                ("train", "/gd_small"),
            ]
        ),
    }


def test_a_gpu_more_leaves_the_tables_of_the_cpu_as_they_are():
    before = experiment.measured(BOTH | {"devices": ["cpu"]})
    after = experiment.measured(BOTH)
    assert {path: after[path] for path in before} == before
    assert after.keys() - before.keys() == on_gpus(BOTH).keys()


def test_every_table_on_a_gpu_says_so_and_its_gate_knows_the_precisions():
    for made in on_gpus(BOTH).values():
        of_others = made.keys() <= {"inputs", "target"}  # which say so
        assert of_others or made["device"] == "cuda"
    found = experiment.measured(BOTH)
    precisions = ["float32", "tf32", "bfloat16"]
    assert found["results/verify/jax/cuda.parquet"]["precisions"] == precisions
    assert found["results/verify/jax/cpu.parquet"]["precisions"] == ["float32"]


def test_on_a_gpu_what_multiplies_matrices_does_so_in_every_precision():
    every = ("float32", "tf32", "bfloat16")
    found = cases("jax", BOTH, "cuda")
    assert found == [
        ("call", 1, 0, "float32"),
        ("element", 256, 0, "float32"),
        *(("block", 256, 64, precision) for precision in every),
        *(("full", 256, 0, precision) for precision in every),
        *(("product", 8192, 0, precision) for precision in every),
        ("copy", 2**28, 0, "float32"),  # NumPy has none on a GPU
    ]
    first = cases("pytorch", BOTH, "cuda")
    assert {("block", 256, width, name) for width in (16, 64, 128) for name in every} < {*first}
    assert {("full", 8192, 0, name) for name in every} < {*first}
    vectors = experiment.products(BOTH, "cuda") | {"strategies": ["column", "element", "row"]}
    assert experiment.cases(vectors, 64) == [
        (strategy, 64, 0, "float32") for strategy in ("column", "element", "row")
    ]


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("sizes", [256], ["pytorch"]),
        ("sizes_of_others", [256, 512], ["jax"]),
        ("ceilings", {"product": 4, "copy_mib": 1}, ["pytorch", "jax"]),
    ],
)
def test_what_is_said_of_gpus_changes_their_tables_alone(key, value, expected):
    config = CONFIG | {"devices": ["cpu", "cuda"]}
    other = copy.deepcopy(config)
    other["matmul"]["cuda"][key] = value
    before, after = experiment.measured(config), experiment.measured(other)
    found = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
    assert found == {
        f"results/matmul/{framework}/cuda{launch}.parquet"
        for framework in expected
        for launch in ("", "/1", "/2")
    }
