"""What `make bench` says of ratios that are known."""

import numpy as np
import pandas as pd
import pytest

import bench
from minibatch.tables import parquet


def launches(path, spread):
    """A table of step times as its stage writes it, of launches this far apart."""
    factors = np.exp(spread * np.array([-1.0, 0, 1, -1, 1]))
    table = pd.DataFrame({"launch": range(5), "seconds": 1e-3 * factors})
    about = {
        "machine": "here",
        "framework": "pytorch",
        "device": "cpu",
        "implementation": "scratch",
    }
    about |= {"loader": "direct", "batch_size": 10, "repeat": 0, "epochs": 1, "epoch_steps": 10}
    about |= {"steps": 10, "examples": 100, "start_seconds": 1e-6, "load_seconds": 1e-6}
    about |= {"cpu_seconds": 1e-3, "first_call_seconds": 1.0, "busy": False}
    parquet.write(table.assign(**about), path, parameters={}, provenance={})


@pytest.mark.parametrize(("spread", "code"), [(0.05, 0), (0.5, 1)])
def test_a_ratio_beyond_its_bound_is_marked_and_fails(tmp_path, monkeypatch, capsys, spread, code):
    launches(tmp_path / "results/steptime/pytorch/cpu.parquet", spread)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "of_the_workflow", lambda: iter(()))
    assert bench.main() == code
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("pytorch/cpu" + code * "  TOO LARGE")
    half = float(line.split()[0])  # 2.776 standard errors, of which √5 are a deviation
    assert half == pytest.approx(np.expm1(2.776 * spread / 5**0.5), rel=0.01)


def test_without_step_times_there_is_a_line_and_no_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "of_the_workflow", lambda: iter(()))
    assert bench.main() == 0
    assert capsys.readouterr().out.startswith("not there: ")


def test_the_overhead_of_a_job_is_what_it_takes_longer_than_its_work(monkeypatch):
    """By a clock that is not real: the work takes 2 s, a job 5, and a call with nothing to do 2."""
    clock = [0.0]

    class Project:
        folder = bench.ROOT / "tests/workflow"

        def command(self):
            return {"env": {}}

        def run(self, *arguments):
            clock[0] += 5 if "--forcerun" in arguments else 2

    def work(**_):
        clock[0] += 2

    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(bench.subprocess, "run", work)
    assert bench._overhead(Project()) == pytest.approx(0.5)
