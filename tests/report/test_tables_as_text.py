"""The tables of the report as text, from measurements that are written down here."""

import numpy as np
import pandas as pd
import pytest

import builders
from builders import trace
from minibatch.report import chapter_runs, sheets
from minibatch.sgd import surrogate
from minibatch.summaries import agreement, matmul, published, statements, training


def records(sheet):
    return [dict(zip(sheet["columns"], row, strict=True)) for row in sheet["rows"]]


def test_a_sheet_is_text_with_a_dash_for_what_is_missing():
    frame = pd.DataFrame({"a": [1, 2], "b": [0.123456, np.nan], "c": ["x", None]})
    assert sheets.sheet("title", frame) == {
        "title": "title",
        "columns": ["a", "b", "c"],
        "rows": [["1", "0.1235", "x"], ["2", "–", "–"]],
    }


def shown_published(quantity, value, measured, low=None, high=None, **values):
    row = {
        "machine": "here",
        "framework": "mxnet",
        "device": "cpu",
        "experiment": "element",
        "implementation": None,
    }
    row |= {"quantity": quantity, "published": value, "measured": measured}
    row |= {"low": measured if low is None else low, "high": measured if high is None else high}
    row["ratio"] = measured / value if value else np.nan
    names = ("percentile_low", "percentile_high", "ratio_low", "ratio_high")
    row |= dict.fromkeys(names, np.nan)
    [shown] = records(sheets.published(pd.DataFrame([row | values])))
    return shown


def test_a_published_number_stands_beside_ours_with_range_ratio_and_percentile():
    among = {"percentile_low": 0.126, "percentile_high": 0.2}
    shown = shown_published("loss", 0.25, 0.26, 0.24, 0.27, implementation="concise", **among)
    assert shown == {
        **{"framework": "mxnet", "device": "cpu", "experiment": "element (concise)"},
        **{"quantity": "loss", "published": "0.25", "measured": "0.26", "ratio": "1.04"},
        **{"range": "0.24 to 0.27", "percentile": "13 to 20"},
    }
    shown = shown_published("seconds_per_epoch", 2.0, 1.0, ratio_low=0.4, ratio_high=0.7)
    assert (shown["quantity"], shown["percentile"]) == ("seconds per epoch", "–")
    assert shown["ratio"] == "0.5 (0.4 to 0.7)"


def test_a_published_rate_of_0000_is_at_most_its_rounding_so_that_ours_is_more_than_that_many():
    assert shown_published("gflops", 0.0, 0.002)["ratio"] == "> 3.58"  # 0.0005 of 0.03 GFLOP
    assert shown_published("gflops", 0.001, 0.002)["ratio"] == "2"


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_a_published_number_that_was_not_measured_is_said_to_be_so(value):
    shown = shown_published("gflops", value, np.nan)
    assert {shown[name] for name in ("measured", "range", "ratio")} == {"not measured"}
    assert shown["percentile"] == "–"
    assert "nan" not in " ".join(shown.values())


def test_published_results_of_no_framework_that_was_measured_are_a_table_without_rows():
    rows = {"framework": ["mxnet"], "implementation": [None], "experiment": ["column"]}
    rows |= {"quantity": ["gflops"], "value": [2.0]}
    column = builders.products({("column", 256, 0, "float32"): [1.0]})
    tables = {
        "published": pd.DataFrame(rows),
        "matmul": matmul.summarise({"matmul": column, "ceilings": builders.ceilings()}),
        "training": training.summarise({"traces": trace("gd", [0.5, 0.2], [0, 1])}, 0.25),
        "finals": builders.finals([], {}),
        "samples": builders.samples({("pytorch", "scratch", "framework", 1): [1.0]}),
    }
    assert sheets.published(published.summarise(tables))["rows"] == []


def summary(*traces):
    return training.summarise({"traces": pd.concat(traces)}, 0.25)


def test_the_ladder_sheet_has_a_row_a_rung_in_order_and_a_column_a_batch_size():
    frame = pd.DataFrame(
        [
            ("jax", "cpu", "scratch", 1, 2e-3, 20.0),
            ("jax", "cpu", "scratch", 10, 1e-3, 5.0),
            ("jax", "cpu", "compiled", 10, 4e-4, 2.0),
            ("jax", "cpu", "compiled", 1, 3e-4, 3.0),
            ("numba", "cpu", "baseline", 1, 1e-4, 1.0),
        ],
        columns=["framework", "device", "rung", "batch_size", "seconds", "ratio"],
    )
    frame = frame.assign(machine="here", ratio_low=frame.ratio / 2, ratio_high=frame.ratio * 2)
    shown = sheets.ladder(frame)
    head = ["framework", "device", "rung", "batch size 1", "batch size 10"]
    assert shown["columns"] == head
    assert shown["rows"] == [
        ["jax", "cpu", "scratch", "2 ms (10× to 40×)", "1 ms (2.5× to 10×)"],
        ["jax", "cpu", "compiled", "0.3 ms (1.5× to 6×)", "0.4 ms (1× to 4×)"],
        ["numba", "cpu", "baseline", "0.1 ms (0.5× to 2×)", "–"],
    ]


def test_the_runs_are_shown_in_milliseconds_and_without_the_cells_of_a_grid():
    shown = sheets.training(
        summary(
            trace("gd", [0.5, 0.3, 0.2], [0, 3e-3, 4e-3], epochs=2),
            trace("gd", [0.5, 0.3, 0.3], [0, 3e-3, 8e-3], epochs=2, loader="direct"),
            *(trace("grid", [0.5, 0.2], [0, 1e-3], batch_size=size) for size in (1, 10)),
        )
    )
    columns = ["run", "loader", "final loss", "over seeds", "ms per epoch"]
    assert [[row[name] for name in columns] for row in records(shown)] == [
        ["gd", "framework", "0.2000", "0.2000 to 0.2000", "2"],
        ["gd", "direct", "0.3000", "0.3000 to 0.3000", "4"],
    ]


def test_an_answer_has_its_intervals_and_what_may_be_as_good():
    row = {"target": "0.25", "machine": "here", "framework": "jax", "device": "cpu"}
    row |= {"implementation": "scratch", "loader": "direct", "best_batch_size": 100}
    row |= {"best_batch_size_low": 75, "best_batch_size_high": 100, "tie_set": "75, 100"}
    row |= {"learning_rate": 0.41234, "steps": 9.0, "with_first_call": 10, "balance": np.nan}
    for name, value in (
        ("seconds_to_target", 2e-3),
        ("times_at_one", 30.0),
        ("times_at_full", 1.2),
    ):
        row |= builders.around(name, value)
    [shown] = records(sheets.answers(pd.DataFrame([row | {"cause": "calls"}]), "a loss of 0.25"))
    assert shown["best batch size"] == "100 (75 to 100)"
    assert shown["may be as good"] == "75, 100"
    assert shown["ms"] == "2 (1 to 4)"
    assert (shown["learning rate"], shown["steps"]) == ("0.412", "9")
    assert (shown["√(B·t₀/c)"], shown["bound by"]) == ("–", "calls")


def test_steps_that_no_learning_rate_takes_are_said_so():
    rows = [[10, 60.0, 50.0, 70.0], [1500, np.inf, np.inf, np.inf]]
    frame = pd.DataFrame(rows, columns=["batch_size", "steps", "steps_low", "steps_high"])
    shown = records(sheets.steps(frame.assign(target="0.25", learning_rate=0.1)))
    assert [row["steps"] for row in shown] == ["60 (50 to 70)", "not reached"]


def statement(text, verdict, framework="pytorch", loader=None):
    row = {"statement": text, "verdict": verdict, "framework": framework, "device": "cpu"}
    return row | {"loader": loader, "criterion": f"of {text}", "evidence": f"for {framework}"}


def test_statements_have_a_row_each_and_loader_and_a_column_a_framework():
    frame = pd.DataFrame(
        [
            statement("b", "holds"),
            statement("a", "undecided", loader="framework"),
            statement("a", "holds", loader="direct"),
            statement("b", "does not hold", "mxnet"),
            statement("a", "holds", "mxnet", loader="direct"),
        ]
    )
    shown = sheets.statements(frame)
    assert shown["columns"] == ["statement", "loader", "pytorch on cpu", "mxnet on cpu"]
    assert shown["rows"] == [
        ["b", "any", "holds", "does not hold"],
        ["a", "framework", "undecided", "–"],
        ["a", "direct", "holds", "holds"],
    ]
    evidence = ["b", "–", "holds", "for pytorch", "of b", "pytorch", "cpu"]
    assert sheets.evidence(frame)["rows"][0] == evidence


def test_statements_of_products_and_of_memory_are_in_one_table():
    cases = [("block", 256, 64, "float32"), ("full", 256, 0, "float32")]
    tables = {"examples": pd.DataFrame(surrogate.table()[:1500].astype(np.float32))}
    tables |= {"ceilings": builders.ceilings()}
    tables |= builders.launches({("another", "scratch", "direct", 1): [1e-6, 2e-6]})
    tables["matmul"] = builders.products(dict.fromkeys(cases, [1] * 3))
    tables["gradient_law"] = builders.law()
    products = statements.summarise(tables | builders.swept(), **builders.ANSWER)
    shown = sheets.statements(products)
    assert shown["columns"] == ["statement", "loader", "pytorch on cpu", "numpy on cpu"]
    assert {row[1] for row in shown["rows"]} == {"any"}
    assert [row[2:] for row in shown["rows"]] == [
        *[["not measured", "–"]] * 3,
        ["holds", "–"],
        ["not measured", "–"],
        *[["–", "holds"]] * 4,
        ["–", "does not hold"],  # without replacement
        ["–", "not measured"],  # the decline of SGD
        ["–", "holds"],  # what an epoch visits
        *[["–", "not measured"]] * 2,  # a learning rate that goes down
    ]
    assert len(sheets.evidence(products)["rows"]) == 14


def agreeing(*abouts):
    """The rows of what says how far runs that end alike are apart."""
    runs = [trace("gd", [0.5, 0.2], [0, 1], **about) for about in abouts]
    return records(sheets.agreement(agreement.summarise({"traces": pd.concat(runs)})))


def test_the_agreement_sheet_shows_the_problems_that_more_than_two_ways_solved():
    three = [{"framework": name} for name in ("pytorch", "jax", "mxnet")]
    two = [{"loader": name, "batch_size": 10} for name in ("framework", "direct")]
    twice = [about | {"copies": 2} for about in three]
    [row] = agreeing(*three, *two, *twice)
    assert list(row.values()) == ["1500", "1", "2", "half_mse", "3", "1", "0"]
    assert agreeing(*two) == []


def test_checks_are_passed_or_failed():
    frame = pd.DataFrame({"check": ["one", "other"], "passed": [True, False]})
    assert sheets.checks(frame)["rows"] == [["one", "passed"], ["other", "FAILED"]]


def test_runs_to_the_target_have_intervals_and_words_where_there_are_none():
    place = {"machine": "here", "framework": "jax", "device": "cpu", "implementation": "scratch"}
    place |= {"loader": "direct"}
    known = {"steps": 9.0, "seconds_to_target": 4e-3}
    rows = []
    for run, factor, soonest in (("a", 1, "yes"), ("b", np.inf, "no"), ("c", np.nan, "undecided")):
        row = place | {"run": run, "soonest": soonest}
        for name, value in known.items():
            ends = {f"{name}{end}": by * value for end, by in (("", 1), ("_low", 1), ("_high", 2))}
            row |= {key: factor * end for key, end in ends.items()}
        rows.append(row)
    shown = chapter_runs.to_target(pd.DataFrame(rows), 0.25)
    assert [[row[name] for name in ("run", "steps", "ms", "first")] for row in records(shown)] == [
        ["a", "9 (9 to 18)", "4 (4 to 8)", "yes"],
        ["b", "never", "never", "no"],
        ["c", "–", "–", "undecided"],
    ]
    assert "a mean loss of 0.25 " in shown["title"]


def test_the_ends_of_runs_have_their_intervals_or_diverge():
    table = builders.ended({"a": "yes", "b": "no"})
    table.loc[1, ["loss", "loss_low", "loss_high"]] = np.inf
    shown = records(chapter_runs.ends(table))
    assert [row["loss"] for row in shown] == ["0.24000 (0.23000 to 0.26000)", "diverges"]
    assert [row["closest to the floor"] for row in shown] == ["yes", "no"]
    assert chapter_runs.ends(table[:0])["rows"] == []
