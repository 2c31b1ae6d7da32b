"""The stage in several processes, as its rule starts it, and in ways that must not be timed."""

import json
import os
import platform
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from minibatch.sgd import data_parallel
from minibatch.stages import parallel as stage
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

GUARD_SECONDS = 100  # ends a test that hangs; less than ranks wait for one that died
COLUMNS = ["ranks", "batch_size", "launch", "repeat", "seconds"]
LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr=localhost"]
LAUNCH += ["--log-dir=/dev/null"]

pytestmark = pytest.mark.usefixtures("package_on_path")

# What ranks do instead; the parameters after it are those of another training.
WRONG = """
import os
import torch
import torch.distributed as dist
from minibatch import command
from minibatch.sgd import data_parallel
from minibatch.stages import parallel as stage

add_up, step = data_parallel.add_up, data_parallel.Model.step


def not_added_up(gradient, group):
    return gradient


def averaged_once_more(gradient, group):
    return add_up(gradient, group) / (1 if group is None else group.size())


def shares_that_count_alike(model, x, y, batch_size, rate):
    ranks = 1 if model._group is None else model._group.size()
    step(model, x, y, ranks * len(y), rate)


def a_step_of_its_own(model, x, y, batch_size, rate):
    step(model, x, y, batch_size, rate * (1 + 0.01 * (dist.get_rank() == 1)))


def other_bits(model, x, y, batch_size, rate):
    step(model, x, y, batch_size, rate)
    if dist.get_rank() == 1:
        model.parameters.data = torch.nextafter(model.parameters.data, torch.ones(1))


def dead(model, x, y, batch_size, rate):
    if dist.get_rank() == 1:
        os.kill(os.getpid(), 9)
    step(model, x, y, batch_size, rate)


def use(name):
    data_parallel.add_up, data_parallel.Model.step = add_up, step
    if name in ("not_added_up", "averaged_once_more"):
        data_parallel.add_up = globals()[name]
    elif name != "right":
        data_parallel.Model.step = globals()[name]
"""
VERIFY = """
import json, sys
import numpy as np
from minibatch.errors import UserError

found, (folder, *names) = {}, sys.argv[1:]
x, y = np.load(f"{folder}/x.npy"), np.load(f"{folder}/y.npy")
torch.set_num_threads(1)
with data_parallel.joined(3, "cpu") as rank:
    groups = data_parallel.groups([1, 2, 3], "cpu")
    for name in names:
        use(name)
        for size in (1, 6, 7, 90, 200):
            try:
                stage.verify(x, y, size, groups, "cpu")
            except UserError as problem:
                found[f"{name} {size}"] = str(problem)
    use("right")
    arrays = torch.from_numpy(x), torch.from_numpy(y)
    found["trace"] = stage._traces(arrays, stage._order(90, 7), 7, 3, groups[3])[2].tolist()
    data_parallel._gpu = lambda: "the only one" if rank < 2 else ""
    found["gpus"] = [list(data_parallel.groups(ranks, "cuda")) for ranks in ([1], [1, 2, 3])]
    stage.platform.node = lambda: f"node{rank // 2}"
    found["everywhere"] = stage._everywhere({"machines": [f"a{rank // 2}"], "gpus": [], "x": 1})
    if rank == 0:
        with open(f"{folder}/found.json", "w") as file:
            json.dump(found, file)
"""
NAMES = ["right", "not_added_up", "averaged_once_more", "shares_that_count_alike"]
NAMES += ["a_step_of_its_own", "other_bits"]


def launch(*command, ranks, **more):
    """The result of a command in so many processes."""
    command = [*LAUNCH, f"--nproc-per-node={ranks}", *map(str, command)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"} | more
    return subprocess.Popen(
        command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def finish(process):
    said = process.communicate(timeout=GUARD_SECONDS)
    return process.returncode, *said


@pytest.fixture(scope="module")
def found(examples, tmp_path_factory):
    """What verifying found in three processes, which had two or one idle in some cases."""
    folder = tmp_path_factory.mktemp("verify")
    for name, part in zip("xy", examples, strict=True):
        np.save(folder / f"{name}.npy", part[:90])
    (folder / "script.py").write_text(WRONG + VERIFY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(data_parallel.__file__).parents[2]))
        code, _, stderr = finish(launch(folder / "script.py", folder, *NAMES, ranks=3))
    assert code == 0, stderr
    return json.loads((folder / "found.json").read_text())


def problems(found, name):
    return {key.split()[1]: said for key, said in found.items() if key.split()[0] == name}


def test_shares_that_are_even_uneven_or_empty_follow_the_trace_of_one_process(found):
    assert problems(found, "right") == {}


def test_the_trace_of_three_ranks_is_that_of_a_plain_loop(found, examples):
    x, y = (part[:90].astype(float) for part in examples)
    x = np.column_stack([x, np.ones(90)])
    start = np.random.RandomState([0, 0]).normal(0, 0.01, 5)
    w = np.append(start.astype(np.float32), 0).astype(float)
    order = np.random.RandomState([0, 1]).permutation(90)
    expected = []
    for begin in range(0, 90, 7):
        batch = order[begin : begin + 7]
        w = w - 0.05 * np.mean((x[batch] @ w - y[batch])[:, None] * x[batch], axis=0)
        expected.append(w)
    np.testing.assert_allclose(found["trace"], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "sizes", "said"),
    [
        ("not_added_up", "1 6 7 90 200", "the parameters differ between ranks"),
        ("averaged_once_more", "1 6 7 90 200", "its parameters are "),
        ("shares_that_count_alike", "1 7 200", "its parameters are nan|its parameters are "),
        ("a_step_of_its_own", "1 6 7 90 200", "the parameters differ between ranks"),
        ("other_bits", "1 6 7 90 200", "the parameters differ between ranks"),
    ],
)
def test_ranks_that_take_other_steps_are_not_timed(found, name, sizes, said):
    wrong = problems(found, name)
    assert " ".join(wrong) == sizes
    for size, problem in wrong.items():
        ranks = 3 if name == "shares_that_count_alike" and size == "200" else 2
        assert problem.startswith(f"{ranks} ranks, batch size {size}: not timed, because ")
        assert any(part in problem for part in said.split("|"))
        assert "\n" not in problem


def test_ranks_that_share_a_gpu_or_have_none_are_left_out(found):
    assert found["gpus"] == [[1], [1]]


def test_a_table_names_the_machines_of_all_ranks(found):
    about = {"machines": ["a0", "a1"], "gpus": [], "x": 1}
    assert found["everywhere"] == [["node0", "node0", "node1"], about]


ALONE = {"ranks": [1], "batch_sizes": [10, 2000], "device": "cpu"}


def test_every_case_has_samples_within_its_budget_and_at_least_some(examples):
    with data_parallel.joined(1, "cpu", {}):
        samples = stage.measure(*examples, **ALONE, budget_seconds=0.001, launch=3)
    assert list(samples) == COLUMNS
    assert set(samples.launch) == {3}
    assert (samples.seconds > 0).all()
    for size, repeats in samples.groupby("batch_size").repeat:
        fewest, most = (stage.BURSTS * steps for steps in (stage.FEWEST, stage.MOST))
        assert fewest <= len(repeats) <= most, size
        assert list(repeats) == list(range(len(repeats)))
    assert set(samples.batch_size) == {10, 2000}


def test_a_launch_takes_turns_in_an_order_of_its_own(examples, monkeypatch):
    """Or what comes first in one would come first in all."""
    monkeypatch.setattr(stage.Case, "steps", lambda *_: 1)
    sizes, orders = [10, 20, 30, 40, 50], {}
    for launch in (1, 2):
        turns = orders[launch] = []
        monkeypatch.setattr(
            stage.Case, "burst", lambda case, _, turns=turns: turns.append(case._size) or [1.0]
        )
        with data_parallel.joined(1, "cpu", {}):
            wanted = ALONE | {"batch_sizes": sizes}
            stage.measure(*examples, **wanted, budget_seconds=1.0, launch=launch)
        rounds = [turns[begin : begin + 5] for begin in range(0, len(turns), 5)]
        assert [sorted(one) for one in rounds] == [sizes] * stage.BURSTS
    assert orders[1] != orders[2]


def test_what_is_timed_is_verified_over_its_whole_epoch_and_uneven_shares_on_some(
    examples, monkeypatch
):
    seen = []
    monkeypatch.setattr(stage, "verify", lambda _, y, size, *__: seen.append((size, len(y))))
    with data_parallel.joined(1, "cpu", {}):
        stage.measure(*examples, **ALONE, budget_seconds=0.001, launch=1)
    whole = len(examples[1])
    assert seen == [(1, 100), (7, 100), (10, whole), (2000, whole)]


def test_a_burst_goes_on_through_the_epoch_and_its_first_step_is_not_timed(examples, monkeypatch):
    taken = []
    arrays = tuple(torch.from_numpy(part[:30]) for part in examples)
    monkeypatch.setattr(
        data_parallel.Model, "step", lambda _, __, y, *rest: taken.append((y.tolist(), *rest))
    )
    with data_parallel.joined(1, "cpu", {}):
        case = stage.Case(arrays, 7, 1, None)
        assert [len(case.burst(3)), len(case.burst(1))] == [3, 1]
    order = np.random.RandomState([0, 1]).permutation(30)
    y = examples[1][:30]
    batches = [y[order[begin : begin + 7]].tolist() for begin in (0, 7, 14, 21, 0, 7)]
    assert taken == [(batch, 7, 0.05) for batch in batches]


def test_each_step_is_done_before_its_time_is_read(examples, monkeypatch):
    events = []
    arrays = tuple(torch.from_numpy(part[:30]) for part in examples)

    def now():
        events.append("time")
        return len(events)

    monkeypatch.setattr(data_parallel.Model, "step", lambda *_: events.append("step"))
    monkeypatch.setattr(stage.pytorch, "wait", lambda *_: events.append("wait"))
    monkeypatch.setattr(stage, "perf_counter_ns", now)
    with data_parallel.joined(1, "cpu", {}):
        stage.Case(arrays, 7, 1, None).burst(3)
    assert events == ["step", "wait", "time"] * 4


@pytest.fixture
def arguments(tmp_path, examples):
    """Of the stage's command line: but for the output, which comes last."""
    path = tmp_path / "examples.parquet"
    frame = pd.DataFrame(np.column_stack([*examples])[:60], columns=[*"abcdef"])
    parquet.write(frame, path, parameters={"rows": 60}, provenance={})
    parameters = {"device": "cpu", "ranks": [1, 2], "batch_sizes": [10, 61]}
    parameters |= {"budget_seconds": 0.01, "launch": 2, "inputs": {str(path): digest({"rows": 60})}}
    return ["--parameters", json.dumps(parameters), "--inputs", str(path), "--output"]


def is_whole(output, parameters):
    table = parquet.read(output, digest(json.loads(parameters)))
    assert list(table) == ["machine", "device", *COLUMNS]
    assert (set(table.machine), set(table.launch)) == ({platform.node()}, {2})
    cases = table[["ranks", "batch_size"]].drop_duplicates().to_numpy().tolist()
    assert sorted(cases) == [[1, 10], [1, 61], [2, 10], [2, 61]]
    about = table.attrs["provenance"]
    assert (about["threads"], about["frameworks"]) == ([1], [f"torch {torch.__version__}"])
    return True


def test_two_studies_at_once_do_not_meet_and_write_whole_tables(tmp_path, arguments):
    outputs = [tmp_path / "one.parquet", tmp_path / "two.parquet"]
    command = ["-m", "minibatch.stages.parallel", *arguments]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    both = [launch(*command, output, ranks=2, TMPDIR=str(temporary)) for output in outputs]
    assert [finish(process) for process in both] == [(0, "", "")] * 2
    assert all(is_whole(output, arguments[1]) for output in outputs)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("averaged_once_more", "error: 2 ranks, batch size 1: not timed, because its parameters"),
        ("dead", "Signal 9 (SIGKILL) received"),
    ],
)
def test_a_rank_that_fails_or_dies_ends_the_job_with_what_it_said(tmp_path, arguments, name, said):
    script = tmp_path / "script.py"
    ending = f"""
        import sys
        use({name!r})
        sys.exit(command.run(stage.make))
    """
    script.write_text(WRONG + textwrap.dedent(ending))
    output = tmp_path / "results" / "cpu.parquet"
    output.parent.mkdir()
    code, _, stderr = finish(launch(script, *arguments, output, ranks=2))
    assert code != 0
    assert said in stderr
    assert list(output.parent.iterdir()) == []
