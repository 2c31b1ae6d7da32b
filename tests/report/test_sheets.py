"""The machine, precision and GPU of each row, in summaries and in sheets."""

import numpy as np
import pandas as pd
import pytest

import builders
from minibatch.report import sheets
from minibatch.summaries import (
    answer,
    critical,
    ladder,
    matmul,
    parallel,
    published,
    statements,
    stepcost,
    steptime,
    training,
)

PLACE = {"machine": "node1", "framework": "jax", "device": "cpu"}
GPU = {"machine": "gpu01", "device": "cuda"}


def products(seconds=1e-3, strategies=("full",), precision="float32", **about):
    cases = {
        (strategy, 256, 64 * (strategy == "block"), precision): [seconds] * 3
        for strategy in strategies
    }
    return builders.products(cases, **PLACE | about)


def rates(*measured):
    ceilings = builders.ceilings().assign(machine="node1")
    return matmul.summarise({"matmul": pd.concat(measured), "ceilings": ceilings})


def trace(seconds=1.0, **about):
    rows = {"step": [0, 1], "epoch": [0.0, 1.0], "loss": [0.5, 0.2], "seconds": [0.0, seconds]}
    phases = dict.fromkeys(("load_seconds", "compute_seconds", "update_seconds"), 0.0)
    run = {"run": "gd", "implementation": "scratch", "objective": "half_mse", "loader": "framework"}
    run |= {"batch_size": 10, "learning_rate": 1.0, "epochs": 1, "schedule": "constant"}
    run |= {"sampling": "permutation", "copies": 1, "seed": 0}
    return pd.DataFrame(rows | phases).assign(**PLACE | run | about)


def paces(**about):
    """Two launches of a framework."""
    cell = {("jax", "scratch", "direct", 1): [1e-6, 2e-6]}
    return builders.samples(cell, **{"machine": "node1", "framework": "jax"} | about)


def steps(seconds=(1, 1, 0.5, 0.5), **about):
    """Two launches of one rank and of two, at two batch sizes each."""
    cases = [(ranks, size) for ranks in (1, 2) for size in (10, 100)]
    launches = {case: [value] * 2 for case, value in zip(cases, seconds, strict=True)}
    return builders.steps(launches, **{"machine": "node1"} | about)


CHAPTER = pd.DataFrame(
    [
        ["jax", None, "full", None, None, None, "gflops", 2.0],
        ["jax", "scratch", "gd", 10, 1.0, 1, "loss", 0.2],
    ],
    columns=[
        *("framework", "implementation", "experiment", "batch_size", "learning_rate"),
        *("epochs", "quantity", "value"),
    ],
)


GD = {"run": "gd", "batch_size": 10, "learning_rate": 1.0, "epochs": 1}
FINALS = builders.finals([GD], {"gd": 0.2})
CHAPTERS = {"published": CHAPTER, "finals": FINALS}


def summaries(*abouts):
    """The summary tables of what was measured in each place."""
    made = {
        "matmul": rates(*(products(**about) for about in abouts)),
        "training": training.summarise(
            {"traces": pd.concat(trace(**about) for about in abouts)}, 0.25
        ),
    }
    return made | {
        "published": published.summarise(
            made | CHAPTERS | {"samples": pd.concat(paces(**about) for about in abouts)}
        ),
        "ladder": ladder.summarise(launches(*(paces(**about) for about in abouts))),
        "parallel": parallel.summarise(dict(enumerate(steps(**about) for about in abouts))),
        "answer": answers(*abouts),
    }


def answers(*abouts):
    """Of a framework with three batch sizes."""
    cells = {("jax", "scratch", "direct", size): [1e-6, 2e-6] for size in (1, 10, 100)}
    timed = [builders.samples(cells, **PLACE | about) for about in abouts]
    tables = {"samples": pd.concat(timed), "baseline": timed[0][:0]} | builders.swept()
    tables |= {"steptime": steptime.summarise(tables), "stepcost": stepcost.summarise(tables)}
    tables["critical"] = critical.summarise(tables, **builders.ANSWER)
    tables["confirmed"] = builders.unconfirmed()
    return answer.summarise(tables, **builders.ANSWER)


def launches(*more):
    loop = {("numba", "baseline", "direct", 1): [1e-8, 2e-8]}
    return builders.launches(loop, *more) | {"baseline": builders.samples(loop, machine="node1")}


SHEETS = {
    "matmul": sheets.matmul,
    "training": sheets.training,
    "published": sheets.published,
    "ladder": sheets.ladder,
    "parallel": sheets.parallel,
    "answer": lambda made: sheets.answers(made, "a loss"),
}


def shown(name, *abouts):
    return SHEETS[name](summaries(*abouts)[name])


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_of_one_machine_does_not_name_it(name):
    for abouts in [({},), ({}, {"device": "cuda"})]:
        sheet = shown(name, *abouts)
        assert "device" in sheet["columns"]
        assert "machine" not in sheet["columns"]
        assert "node1" not in str(sheet["rows"])


@pytest.mark.parametrize("name", SHEETS)
def test_a_sheet_of_several_machines_names_that_of_each_row(name):
    sheet = shown(name, {}, GPU)
    at = sheet["columns"].index("machine")
    assert sheet["columns"][at + 1] == "device"
    places = {(row[at], row[at + 1]) for row in sheet["rows"]}
    assert places == {("node1", "cpu"), ("gpu01", "cuda")}


def test_a_rung_that_was_measured_on_several_machines_names_them_all():
    made = ladder.summarise(launches(paces(), paces(machine="node2").assign(launch=3)))
    assert made.set_index("framework").machine.to_dict() == {"jax": "node1+node2", "numba": "node1"}


def test_ranks_on_another_machine_are_compared_with_those_of_their_device():
    cpu, cuda = steps([1, 1, 4, 0.5]), steps([4, 4, 1, 2], **GPU)
    for abouts in [(cpu, cuda), (cpu.assign(machine="a"), cuda)]:
        made = parallel.summarise(dict(enumerate(abouts)))
        found = made[made.ranks == 2].groupby("device").agg(list)
        assert found.speedup.to_dict() == {"cpu": [0.25, 2], "cuda": [4, 2]}
        assert found.pay.to_dict() == {"cpu": ["no", "yes"], "cuda": ["yes", "yes"]}


def test_a_sheet_of_ranks_has_times_and_speedups_with_intervals_and_nothing_to_say_of_one():
    sheet = sheets.parallel(parallel.summarise({"cpu": steps([1, 1, 4, 0.5])}))
    rows = [dict(zip(sheet["columns"], row, strict=True)) for row in sheet["rows"]]
    assert rows[0]["pay"] == rows[0]["times as fast as one rank"] == "–"
    assert rows[2]["ms per step"] == "4,000 (4,000 to 4,000)"
    assert [row["times as fast as one rank"] for row in rows[2:]] == [
        "0.25 (0.25 to 0.25)",
        "2 (2 to 2)",
    ]
    assert [row["pay"] for row in rows[2:]] == ["no", "yes"]


def test_what_was_published_and_not_measured_is_of_no_machine():
    made = summaries({}, GPU) | CHAPTERS | {"samples": paces()}
    made["training"] = made["training"][made["training"].device == "cpu"]
    rows = published.summarise(made).set_index(["device", "quantity"]).machine
    assert rows["cpu", "loss"] == "node1"
    assert rows["cuda", "gflops"] == "gpu01"
    assert pd.isna(rows["cuda", "loss"])
    sheet = sheets.published(published.summarise(made))
    [missing] = [row for row in sheet["rows"] if "not measured" in row]
    assert missing[sheet["columns"].index("machine")] == "–"


# Precisions.


def in_precisions(strategies=("full",)):
    """bfloat16 comes first, so that what takes the first row is seen to take the wrong one."""
    return pd.concat(
        products(seconds, precision=name, strategies=strategies)
        for name, seconds in [("bfloat16", 1e-6), ("float32", 1e-3), ("tf32", 1e-4)]
    )


def test_each_precision_is_a_row_of_its_own_with_its_rate_and_intensity():
    rows = rates(in_precisions())
    rows = rows[rows.framework == "jax"].set_index("precision")
    assert rows.rate["float32"] == pytest.approx(2 * 256**3 / 1e6)
    assert rows.rate["bfloat16"] == pytest.approx(2 * 256**3 / 1e3)
    assert rows.launches.tolist() == [3, 3, 3]
    assert rows.to_full.tolist() == [1, 1, 1]
    assert rows.intensity["tf32"] == rows.intensity["float32"] == pytest.approx(256 / 6)
    assert rows.intensity["bfloat16"] == pytest.approx(256 / 3)
    sheet = sheets.matmul(rows.reset_index())
    at = sheet["columns"].index("precision")
    assert [row[at] for row in sheet["rows"]] == ["bfloat16", "float32", "tf32"]


def test_the_chapters_numbers_stand_beside_float32():
    made = {"matmul": rates(in_precisions()), "samples": paces()} | CHAPTERS
    made["training"] = training.summarise({"traces": trace()}, 0.25)
    [first, _] = published.summarise(made).itertuples()
    assert first.measured == pytest.approx(2 * 256**3 / 1e6)


def test_the_statements_are_about_float32():
    examples = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 6)))
    tables = {"examples": examples, "traces": trace(run="none")}
    tables |= launches(paces(framework="another"))
    tables["matmul"] = pd.concat([in_precisions(), products(1e-3, strategies=["block"])])
    tables |= {"ceilings": builders.ceilings(), "gradient_law": builders.law()}
    found = statements.summarise(tables | builders.swept(), **builders.ANSWER)
    [found] = found[found.statement.str.startswith("Blocks")].itertuples()
    assert found.verdict == "holds"
    assert found.evidence == "1× (1× to 1×): the time, 33.6 against 33.6 GFLOP/s"


def test_rates_of_copies_are_in_bytes_and_a_call_is_in_microseconds():
    call = builders.products({("call", 1, 0, "float32"): [5e-6] * 3}, **PLACE)
    shown = sheets.matmul(rates(products(), call))
    rows = [dict(zip(shown["columns"], row, strict=True)) for row in shown["rows"]]
    said = {row["level"] if row["strategy"] == "copy" else row["strategy"]: row for row in rows}
    assert said["full"]["rate"] == "33.6 GFLOP/s"
    assert (said["call"]["rate"], said["call"]["interval"]) == ("5 µs", "5 to 5")
    assert said["memory"]["rate"] == "10 GB/s"
    assert said["full"]["level"] == "–"


# About.


def about(**origin):
    origin = {"machines": ["a"], "gpus": [], "frameworks": ["jax 1"], "threads": [1]} | origin
    source = {"address": "http://a", "retrieved": "today", "failures": {}}
    made = dict.fromkeys(
        ("started", "commit", "system", "python", "numpy", "pandas", "pyarrow"), ""
    )
    return dict(sheets.about(origin, source, made)["rows"])


def test_the_report_names_the_gpus_or_says_that_none_was_used():
    assert about()["GPU"] == "none was used"
    assert about(gpus=["H200 in a", "A100 in b"])["GPU"] == "H200 in a; A100 in b"
