"""What `make bench` says of ratios that are known."""

import pandas as pd
import pytest
import yaml

import bench
from minibatch.tables import parquet

CONFIG = yaml.safe_load((bench.ROOT / "tests/workflow/config.yaml").read_text(encoding="utf-8"))


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


def test_the_overhead_is_what_jobs_take_longer_than_their_work(monkeypatch):
    """By a clock that is not real: an hour's work, an hour and a half as jobs, and 7 s to start."""
    clock = [0.0]

    class Project:
        folder = bench.ROOT / "tests/workflow"

        def run(self, *arguments):
            clock[0] += 7 + 5400 * ("--forcerun" in arguments)

    def work(*_):
        clock[0] += 3600 / len(bench.targets.summaries(CONFIG))

    monkeypatch.setattr(bench.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(bench, "_summarise", work)
    assert bench._overhead(Project()) == pytest.approx(0.5)
