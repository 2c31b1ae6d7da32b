"""What `make bench` says of ratios that are known."""

from unittest.mock import Mock

import pandas as pd
import pytest
import yaml

import bench
from minibatch.tables import parquet

CONFIG = yaml.safe_load((bench.ROOT / "tests/workflow/config.yaml").read_text(encoding="utf-8"))


def silence(monkeypatch, *names):
    for name in names:
        monkeypatch.setattr(bench, name, lambda *_: iter(()))


@pytest.fixture
def clock(monkeypatch):
    """A clock that is not real, as a list of the seconds that it shows."""
    seconds = [0.0]
    monkeypatch.setattr(bench.time, "perf_counter", lambda: seconds[0])
    return seconds


@pytest.fixture
def work(clock):
    """A call that takes these seconds; the first time, as if it were compiled, 100 more."""

    def work(seconds):
        begun = []

        def call(*_, **__):
            clock[0] += seconds + (0 if begun else 100)
            begun.append(True)

        return call

    return work


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
    silence(monkeypatch, "of_the_workflow", "of_the_engine")
    assert bench.main() == code
    [line] = capsys.readouterr().out.splitlines()
    assert line.endswith("jax on cpu" + code * "  TOO LARGE")
    assert float(line.split()[0]) == pytest.approx(factor - 1)


def test_without_step_times_there_is_a_line_and_no_failure(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    silence(monkeypatch, "of_the_workflow", "of_the_engine")
    assert bench.main() == 0
    assert capsys.readouterr().out.startswith("not there: ")


@pytest.mark.parametrize(("value", "code"), [(0.91, 0), (0.9, 0), (0.89, 1)])
def test_a_ratio_below_what_it_has_to_be_is_marked_and_fails(monkeypatch, capsys, value, code):
    silence(monkeypatch, "of_the_workflow", "of_launches")
    ratio = bench.Ratio("speed", value, 0.9, least=True)
    monkeypatch.setattr(bench, "of_the_engine", lambda: iter([ratio]))
    assert bench.main() == code
    [line] = capsys.readouterr().out.splitlines()
    assert line.split() == [
        f"{value:.3f}",
        *["at", "least", "0.90", "speed"],
        *code * ["TOO", "SMALL"],
    ]


def test_the_overhead_is_what_jobs_take_longer_than_their_work(monkeypatch, clock):
    """An hour's work, an hour and a half as jobs, and 7 s to start."""

    class Project:
        folder = bench.ROOT / "tests/workflow"

        def run(self, *arguments):
            clock[0] += 7 + 5400 * ("--forcerun" in arguments)

    def work(*_):
        clock[0] += 3600 / len(bench.targets.summaries(CONFIG))

    monkeypatch.setattr(bench, "_summarise", work)
    assert bench._overhead(Project()) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [1, 7, 1500])
@pytest.mark.parametrize("rates", [1, 64])
def test_no_run_that_is_timed_diverges_and_has_less_to_do(examples, size, rates):
    start, end = bench._runs(*examples, size, bench.RATES[-rates:])()
    assert start.shape == (rates,)
    assert (end < start).all()


def test_a_share_of_a_product_is_of_flop_a_second(examples, monkeypatch, work):
    """24 FLOP an example and run, and 2 an element and column, in a minute each."""
    monkeypatch.setattr(bench, "_runs", lambda *_: work(60))
    monkeypatch.setattr(bench.np, "matmul", work(60))
    expected = 24 * 60000 * 64 / (2 * 1024**3)
    assert bench._share_of_a_product(*examples, 10) == pytest.approx(expected)
    monkeypatch.setattr(bench.np, "matmul", work(30))
    assert bench._share_of_a_product(*examples, 10) == pytest.approx(expected / 2)


def test_a_single_run_is_beside_a_fit_of_as_many_epochs(examples, monkeypatch, work):
    asked, run, fit = [], work(3), work(12)

    def runs(*about):
        asked.append((about[2], len(about[3])))
        return run

    def epochs(*about):
        asked.append((about[4], about[6]))
        fit()

    monkeypatch.setattr(bench, "_runs", runs)
    monkeypatch.setattr(bench.Fit, "epochs", epochs)
    assert bench._beside_fit(*examples) == pytest.approx(1 / 4)
    assert set(asked) == {(1, 1), (1, 40)}


def test_pytorch_takes_a_step_of_each_run_after_the_other(examples, monkeypatch, work):
    """64 runs of 300 steps of a second, beside 10 s."""
    monkeypatch.setattr(bench.cases, "planned", lambda *_: [bench.cases.Case(100, (), 300)])
    run = work(10)
    monkeypatch.setattr(bench.sweep, "run", lambda *_, **__: [run()])
    trace = pd.DataFrame({"step": [0, 15], "seconds": [0.0, 15.0]})
    slower = trace.assign(seconds=2 * trace.seconds)
    traces = iter([slower, trace, slower])
    monkeypatch.setattr(bench, "train", lambda *_: next(traces))
    assert bench._beside_pytorch(None, *examples, 100) == pytest.approx(64 * 300 / 10)


def test_all_ratios_of_the_engine_with_their_bounds(monkeypatch):
    for name in ("_share_of_a_product", "_beside_fit", "_beside_pytorch"):
        monkeypatch.setattr(bench, name, lambda *_: 0.5)
    monkeypatch.setattr(bench.frameworks, "load", lambda _: Mock())
    found = [(ratio.bound, ratio.least) for ratio in bench.of_the_engine()]
    shares = [(0.9, True), (0.9, True), (0.7, True), (0.5, True)]
    assert found == [*shares, (1 / 3, False), *4 * [(100, True)]]
