"""What `make bench` says of ratios that are known."""

import pandas as pd
import pytest

import bench
from minibatch.tables import parquet


@pytest.mark.parametrize(("factor", "code"), [(1.1, 0), (1.2, 1)])
def test_a_ratio_beyond_its_bound_is_marked_and_fails(tmp_path, monkeypatch, capsys, factor, code):
    cells = pd.DataFrame(
        {"seconds_low": [1e-3 / factor, 1, 2], "seconds_high": [1e-3 * factor, 1, 9]}
    )
    cells = cells.assign(framework="jax", device="cpu")
    parquet.write(
        cells, tmp_path / "results/summary/steptime.parquet", parameters={}, provenance={}
    )
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "of_the_workflow", lambda: iter(()))
    assert bench.main() == code
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("jax on cpu" + code * "  TOO LARGE")
    assert float(line.split()[0]) == pytest.approx(factor - 1)


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
