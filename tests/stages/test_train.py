import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from minibatch.errors import UserError
from minibatch.sgd import reference
from minibatch.stages.train import COLUMNS, Run, train, verify
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

RUN = Run(
    device="cpu",
    implementation="scratch",
    loader="direct",
    objective="half_mse",
    batch_size=10,
    learning_rate=0.05,
    epochs=2,
    schedule="constant",
    sampling="permutation",
    copies=1,
    seed=0,
)
GD = replace(RUN, batch_size=1500, learning_rate=1.0, epochs=10)


def by_hand(x, y, run):
    """The loss before each step and after the last, by a plain loop in float64."""
    x, y = np.column_stack([x, np.ones(len(x))]).astype(float), y.astype(float)
    start = np.random.RandomState([run.seed, 0]).normal(0, 0.01, x.shape[1] - 1)
    w = np.append(start.astype(np.float32), 0).astype(float)
    losses = [np.mean((x @ w - y) ** 2) / 2]
    for epoch in range(run.epochs):
        random = np.random.RandomState([run.seed, 1 + epoch])
        visits = run.copies * len(y)
        if run.sampling == "permutation":
            order = random.permutation(visits) % len(y)
        else:
            order = random.randint(len(y), size=visits)
        rate = run.learning_rate / (10**epoch if run.schedule == "tenth" else 1)
        for begin in range(0, visits, run.batch_size):
            batch = order[begin : begin + run.batch_size]
            slope = np.mean((x[batch] @ w - y[batch])[:, None] * x[batch], axis=0)
            w = w - rate * (2 if run.objective == "mse" else 1) * slope
            losses.append(np.mean((x @ w - y) ** 2) / 2)
    return np.array(losses)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("loader", ["framework", "direct"])
def test_full_batch_descent_at_learning_rate_1_follows_its_closed_form(
    pytorch, examples, loader, seed
):
    x, y = (part.astype(float) for part in examples)
    x = np.column_stack([x, np.ones(1500)])
    h, b = x.T @ x / 1500, x.T @ y / 1500
    w = np.append(np.random.RandomState([seed, 0]).normal(0, 0.01, 5), 0)
    losses = []
    for _ in range(11):
        losses.append(np.mean((x @ w - y) ** 2) / 2)
        w = w - 1.0 * (h @ w - b)
    trace = train(pytorch, *examples, replace(GD, loader=loader, seed=seed))
    assert trace["step"].tolist() == list(range(11))
    np.testing.assert_allclose(trace["loss"], losses, rtol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 1, "learning_rate": 0.005},
        {"batch_size": 10},
        {"batch_size": 100, "learning_rate": 0.4},
        {"batch_size": 7},
        {"batch_size": 1499, "epochs": 3},
        {"sampling": "replacement"},
        {"copies": 2},
        {"copies": 2, "sampling": "replacement"},
        {"batch_size": 3000, "copies": 2, "learning_rate": 0.5},
        {"schedule": "tenth", "epochs": 3},
        {"implementation": "concise"},
        {"implementation": "concise", "objective": "mse", "learning_rate": 0.01, "epochs": 4},
        {"implementation": "concise", "objective": "mse", "schedule": "tenth"},
        {"objective": "mse", "learning_rate": 0.01},
        {"seed": 3},
    ],
    ids=str,
)
@pytest.mark.parametrize("loader", ["framework", "direct"])
def test_a_trace_is_that_of_a_plain_loop_to_rounding(pytorch, examples, loader, changes):
    run = replace(RUN, loader=loader, **changes)
    trace = train(pytorch, *examples, run)
    losses = by_hand(*examples, run)
    assert trace["step"].iloc[-1] == len(losses) - 1
    np.testing.assert_allclose(trace["loss"], losses[trace["step"]], rtol=2e-6)


@pytest.mark.parametrize("implementation", ["scratch", "concise"])
@pytest.mark.parametrize("loader", ["framework", "direct"])
def test_the_losses_are_the_same_to_the_last_bit_each_time(
    pytorch, examples, implementation, loader
):
    run = replace(RUN, implementation=implementation, loader=loader)
    one, other = (train(pytorch, *examples, run)["loss"] for _ in range(2))
    assert one.to_numpy().tobytes() == other.to_numpy().tobytes()


def test_other_seeds_give_other_traces(pytorch, examples):
    traces = [train(pytorch, *examples, replace(RUN, seed=seed))["loss"] for seed in range(3)]
    assert len({trace.to_numpy().tobytes() for trace in traces}) == 3


@pytest.mark.parametrize("implementation", ["scratch", "concise"])
def test_a_run_that_diverges_has_a_trace_without_a_gap_up_to_a_loss_that_is_not_finite(
    pytorch, examples, implementation
):
    run = replace(RUN, implementation=implementation)
    good, bad = (train(pytorch, *examples, replace(run, learning_rate=r)) for r in (0.05, 10.0))
    pd.testing.assert_frame_equal(
        bad[["step", "examples", "epoch"]], good[["step", "examples", "epoch"]]
    )
    finite = np.isfinite(bad["loss"])
    assert finite[:2].all()
    assert bad["loss"][1] > bad["loss"][0]
    assert not finite.iloc[-1]


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (1, [0, 1, 2, 5, 10, 20, 50, *range(100, 3001, 100)]),
        (10, [0, 10, 20, 50, *range(100, 3001, 100)]),
        (30, [0, 30, 60, 120, 210, 300, 420, 510, 600, 720, 810, 900, 1020, 1110, 1200, 1320]),
        (100, [*range(0, 3001, 100)]),
        (1500, [0, 1500, 3000]),
    ],
)
def test_the_trace_has_the_start_is_dense_early_and_then_has_every_hundred_examples(
    pytorch, examples, size, expected
):
    trace = train(pytorch, *examples, replace(RUN, batch_size=size))
    assert trace["examples"].tolist()[: len(expected)] == expected
    assert trace["examples"].iloc[-1] == 3000
    np.testing.assert_array_equal(trace["step"] * size, trace["examples"])
    np.testing.assert_array_equal(trace["epoch"], trace["examples"] / 1500)


@pytest.mark.parametrize(("rows", "size", "copies"), [(203, 10, 1), (250, 7, 1), (101, 25, 2)])
def test_the_end_of_each_epoch_is_there_whatever_the_number_of_examples(
    pytorch, examples, rows, size, copies
):
    x, y = examples[0][:rows], examples[1][:rows]
    trace = train(pytorch, x, y, replace(RUN, batch_size=size, copies=copies, epochs=3))
    ends = trace[trace["examples"].isin([rows * copies * epoch for epoch in (1, 2, 3)])]
    assert ends["epoch"].tolist() == [1, 2, 3]
    steps = -(-rows * copies // size)
    assert ends["step"].tolist() == [steps, 2 * steps, 3 * steps]


def test_the_columns_are_those_of_the_table(pytorch, examples):
    phases = ["load_seconds", "compute_seconds", "update_seconds"]
    trace = train(pytorch, *examples, RUN)
    assert list(trace) == ["step", "examples", "epoch", "seconds", *phases, "loss"]
    assert trace["seconds"][0] == 0
    assert (trace["seconds"].diff()[1:] > 0).all()
    np.testing.assert_allclose(trace[phases].sum(axis=1), trace["seconds"], rtol=1e-12)


def with_model(framework, **methods):
    """The framework, with methods of its model from scratch replaced."""
    model = type("Model", (framework.Scratch,), methods)
    return SimpleNamespace(**vars(framework) | {"IMPLEMENTATIONS": {"scratch": model}})


def slept(seconds, durations):
    start = time.perf_counter()
    time.sleep(seconds)
    durations.append(time.perf_counter() - start)


@pytest.mark.timing
def test_the_evaluation_of_the_loss_is_off_the_clock(pytorch, examples):
    durations = []

    def parameters(self):
        slept(0.02, durations)
        return pytorch.Scratch.parameters(self)

    framework = with_model(pytorch, parameters=parameters)
    trace = train(framework, *examples, replace(RUN, batch_size=100, epochs=1))
    assert len(durations) == len(trace) == 16
    assert trace["seconds"].iloc[-1] / sum(durations) < 0.5


@pytest.mark.timing
@pytest.mark.parametrize("phase", ["load", "compute", "update"])
def test_each_part_of_a_step_counts_in_its_phase(pytorch, examples, phase):
    durations = []

    def slow(method):
        def slowed(*arguments):
            slept(0.005, durations)
            return method(*arguments)

        return slowed

    def loader(*arguments):
        for batch in pytorch.direct_loader(*arguments):
            slept(0.005, durations)
            yield batch

    if phase == "load":
        framework = SimpleNamespace(**vars(pytorch) | {"LOADERS": {"direct": loader}})
    else:
        framework = with_model(pytorch, **{phase: slow(getattr(pytorch.Scratch, phase))})
    last = train(framework, *examples, replace(RUN, batch_size=50, epochs=1)).iloc[-1]
    assert len(durations) == 30
    assert last[f"{phase}_seconds"] / sum(durations) > 0.99
    assert last[f"{phase}_seconds"] / last["seconds"] > 0.5


def test_what_the_device_still_does_when_a_step_returns_counts(pytorch, examples, device):
    def compute(self, x, y):
        device.submit(0.005)
        pytorch.Scratch.compute(self, x, y)

    framework = with_model(pytorch, compute=compute, wait=lambda _: device.wait())
    trace = train(framework, *examples, replace(RUN, batch_size=50, epochs=1))
    assert len(device.durations) == 30
    assert trace["seconds"].iloc[-1] / device.busy > 0.95


def test_the_device_is_not_waited_for_at_every_step(pytorch, examples):
    waits = []
    framework = with_model(pytorch, wait=lambda _: waits.append(None))
    trace = train(framework, *examples, replace(RUN, batch_size=1, learning_rate=0.005, epochs=1))
    # at the start and the stop before each point, and at the end of the epoch
    assert len(waits) <= 2 * len(trace) + 2


@pytest.mark.parametrize("loader", ["framework", "direct"])
@pytest.mark.parametrize("implementation", ["scratch", "concise"])
@pytest.mark.parametrize("objective", ["half_mse", "mse"])
@pytest.mark.parametrize(
    ("size", "rate"), [(1, 0.005), (1, 1.0), (7, 0.05), (100, 0.4), (1500, 1.0), (1500, 10.0)]
)
def test_the_trace_of_a_correct_run_passes(
    pytorch, examples, loader, implementation, objective, size, rate
):
    changes = {"loader": loader, "implementation": implementation, "objective": objective}
    run = replace(RUN, batch_size=size, learning_rate=rate, epochs=1, **changes)
    verify(*examples, run, train(pytorch, *examples, run))


@pytest.mark.parametrize(
    "changes",
    [
        {"sampling": "replacement"},
        {"copies": 2},
        {"schedule": "tenth"},
        {"batch_size": 1499},
        {"batch_size": 1500, "learning_rate": 1.0, "epochs": 50},
        {"seed": 4},
    ],
    ids=str,
)
def test_the_trace_of_every_kind_of_run_passes(pytorch, examples, changes):
    run = replace(RUN, **changes)
    verify(*examples, run, train(pytorch, *examples, run))


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 0.05 * 1.001},
        {"objective": "mse"},
        {"seed": 1},
        {"schedule": "tenth"},
        {"sampling": "replacement"},
        {"batch_size": 11},
    ],
    ids=str,
)
def test_the_trace_of_another_run_does_not_pass(pytorch, examples, changes):
    trace = train(pytorch, *examples, replace(RUN, **changes))
    trace = trace[trace["step"].isin(train(pytorch, *examples, RUN)["step"])]
    with pytest.raises(
        UserError, match=r"^scratch, direct loader, batch size 10, seed 0: its loss"
    ):
        verify(*examples, RUN, trace)


def test_one_wrong_loss_of_a_trace_does_not_pass(pytorch, examples):
    trace = train(pytorch, *examples, RUN)
    trace.loc[trace.index[-1], "loss"] *= 1 + 1e-4
    with pytest.raises(UserError, match=r"which rounding .* does not explain"):
        verify(*examples, RUN, trace)


@pytest.mark.parametrize(
    ("asynchronous", "unknown"), [({"cpu", "cuda"}, True), ({"cuda"}, False), (set(), False)]
)
def test_the_phases_are_unknown_where_the_device_works_on_by_itself(
    pytorch, examples, asynchronous, unknown
):
    framework = SimpleNamespace(**vars(pytorch) | {"ASYNCHRONOUS": asynchronous})
    trace = train(framework, *examples, replace(RUN, epochs=1))
    phases = trace[["load_seconds", "compute_seconds", "update_seconds"]]
    assert set(phases.isna().to_numpy().ravel()) == {unknown}
    assert (trace["seconds"].diff()[1:] > 0).all()


class Epochs:
    """A compiled model of NumPy, in float64."""

    def __init__(self, weights, objective, device):  # noqa: ARG002
        self._parameters = np.append(weights, 0.0)

    def epoch(self, x, y, order, batch_size, rate):
        path = reference.follow(x.numpy(), y.numpy(), self._parameters, order, batch_size, rate)
        *_, (self._parameters, _) = path

    def parameters(self):
        return self._parameters

    def wait(self):
        pass


@pytest.mark.parametrize(("size", "steps"), [(1, 1500), (7, 215), (1500, 1)])
def test_a_compiled_run_is_recorded_at_the_end_of_each_epoch(pytorch, examples, size, steps):
    framework = SimpleNamespace(**vars(pytorch) | {"IMPLEMENTATIONS": {"compiled": Epochs}})
    run = replace(RUN, implementation="compiled", batch_size=size, schedule="tenth")
    trace = train(framework, *examples, run)
    assert trace["step"].tolist() == [0, steps, 2 * steps]
    assert trace["epoch"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(trace["loss"], by_hand(*examples, run)[trace["step"]], rtol=1e-12)
    assert trace["compute_seconds"].isna().all()


def verdicts(passed, subject="scratch"):
    row = ("pytorch", "cpu", subject, "a check", passed, "its reason")
    return pd.DataFrame(
        [row], columns=["framework", "device", "subject", "check", "passed", "detail"]
    )


@pytest.fixture
def job(tmp_path, examples):
    """A small table of examples, and the parameters of a job that trains on it."""
    path = tmp_path / "examples.parquet"
    frame = pd.DataFrame(np.column_stack([*examples])[:60], columns=[*"abcdef"])
    parquet.write(frame, path, parameters={"rows": 60}, provenance={})
    gate = tmp_path / "verdicts.parquet"
    parquet.write(verdicts(True), gate, parameters={}, provenance={})
    several = {"batch_sizes": [10, 60], "learning_rates": [0.1, 2.0]}
    parameters = {
        name: value
        for name, value in asdict(RUN).items()
        if name not in ("seed", "loader", "batch_size", "learning_rate")
    }
    parameters |= {"framework": "pytorch", "run": "grid", "threads": 2, "seeds": 2} | several
    parameters |= {"loaders": ["framework", "direct"], "inputs": {}}
    parameters["inputs"] = {str(path): digest({"rows": 60}), str(gate): digest({})}
    return parameters


def stage(job, output, code="from minibatch.stages import train"):
    """Run the stage in a process of its own."""
    arguments = ["--parameters", json.dumps(job), "--inputs", *job["inputs"], "--output", output]
    code += "\nimport sys\nfrom minibatch import command\nsys.exit(command.run(train.make))"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_writes_the_trace_of_every_combination_and_seed(tmp_path, job, examples):
    output = tmp_path / "grid.parquet"
    done = stage(job, output)
    assert (done.returncode, done.stderr) == (0, "")
    table = parquet.read(output, digest(job))
    assert {"framework", "run", *Run.__annotations__} < set(table)
    assert set(table["framework"]) == {"pytorch"}
    assert set(table["run"]) == {"grid"}
    names = ["loader", "batch_size", "learning_rate", "seed"]
    traces = dict(list(table.groupby(names)))
    assert len(traces) == 16
    x, y = examples[0][:60], examples[1][:60]
    for values, trace in traces.items():
        losses = by_hand(x, y, replace(RUN, **dict(zip(names, values, strict=True))))
        np.testing.assert_allclose(trace["loss"], losses[trace["step"]], rtol=1e-4)
    about = table.attrs["provenance"]
    assert (about["frameworks"], about["threads"]) == ([f"torch {torch.__version__}"], [2])


# Says which run it trains.
WATCHED = """
from minibatch.stages import train
trained = train.train
def watched(framework, x, y, run):
    print(run.loader, run.batch_size, run.learning_rate, run.seed)
    return trained(framework, x, y, run)
train.train = watched
"""


@pytest.mark.usefixtures("package_on_path")
def test_runs_are_trained_in_random_order_and_written_in_that_of_the_combinations(tmp_path, job):
    output = tmp_path / "grid.parquet"
    trained = stage(job, output, WATCHED).stdout.splitlines()[8:]  # after warming up
    runs = parquet.read(output)[["loader", "batch_size", "learning_rate", "seed"]]
    written = [" ".join(map(str, run)) for run in runs.drop_duplicates().to_numpy()]
    assert sorted(trained) == sorted(written)
    assert trained != written


SPOILT = """
from minibatch.frameworks import pytorch
from minibatch.stages import train
class Model(pytorch.Scratch):
    updates = 0
    def update(self, rate):
        Model.updates += 1
        print(Model.updates)
        super().update(1.01 * rate)
pytorch.IMPLEMENTATIONS["scratch"] = Model
"""


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_stops_at_the_first_run_that_is_wrong(tmp_path, job):
    done = stage(job, tmp_path / "grid.parquet", SPOILT)
    assert done.returncode == 1
    assert len(done.stdout.split()) == 6  # the steps of one epoch, and no more
    [line] = done.stderr.splitlines()
    assert line.startswith("error: scratch, framework loader, batch size 10, seed 0: its loss")
    assert sorted(os.listdir(tmp_path)) == ["examples.parquet", "verdicts.parquet"]


# Right while it warms up, which is an epoch of each of the eight combinations, and wrong after.
SPOILT_LATER = """
from minibatch.frameworks import pytorch
from minibatch.stages import train
warm_up = train.warm_up
class Model(pytorch.Scratch):
    warm = 0
    def update(self, rate):
        super().update(rate if Model.warm < 8 else 1.01 * rate)
def counted(*arguments):
    warm_up(*arguments)
    Model.warm += 1
train.warm_up = counted
pytorch.IMPLEMENTATIONS["scratch"] = Model
"""


@pytest.mark.usefixtures("package_on_path")
def test_a_run_that_is_wrong_after_it_was_warm_is_refused_and_nothing_is_written(tmp_path, job):
    done = stage(job, tmp_path / "grid.parquet", SPOILT_LATER)
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert re.match(r"error: scratch, \w+ loader, batch size \d+, seed [01]: its loss is", line)
    assert sorted(os.listdir(tmp_path)) == ["examples.parquet", "verdicts.parquet"]


@pytest.mark.parametrize(
    ("subject", "implementation", "closed"),
    [
        ("scratch", "scratch", True),
        ("concise", "scratch", True),
        ("products", "scratch", True),
        ("compiled", "scratch", False),
        ("compiled", "compiled", True),
    ],
)
@pytest.mark.usefixtures("package_on_path")
def test_the_stage_trains_nothing_where_a_check_failed(
    tmp_path, job, subject, implementation, closed
):
    [_, gate] = job["inputs"]
    parquet.write(verdicts(False, subject), gate, parameters={}, provenance={})
    output = tmp_path / "grid.parquet"
    changed = {"implementation": implementation, "loaders": ["direct"], "batch_sizes": [60]}
    done = stage(job | changed, output)
    assert done.returncode == 0, done.stderr
    assert parquet.read(output, digest(job | changed)).empty == closed
    found = pq.read_schema(output).remove_metadata()
    assert found == pa.schema([*COLUMNS.items()])
    assert ("not measured, since a check failed: a check: its reason" in done.stderr) == closed


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_trains_nothing_where_the_verdicts_on_what_is_compiled_say_so(tmp_path, job):
    gate, output = tmp_path / "compiled.parquet", tmp_path / "grid.parquet"
    parquet.write(verdicts(False, "compiled"), gate, parameters={}, provenance={})
    job["inputs"][str(gate)] = digest({})
    job |= {"implementation": "compiled", "loaders": ["direct"], "batch_sizes": [60]}
    done = stage(job, output)
    assert done.returncode == 0, done.stderr
    assert parquet.read(output, digest(job)).empty


@pytest.mark.usefixtures("package_on_path")
def test_the_stage_refuses_examples_made_with_other_parameters(tmp_path, job):
    path = next(iter(job["inputs"]))
    job["inputs"][path] = digest({"rows": 61})
    done = stage(job, tmp_path / "grid.parquet")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {path}: made with other parameters")
