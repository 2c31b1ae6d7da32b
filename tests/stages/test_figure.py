import json
from importlib import import_module
from pathlib import Path

import pandas as pd
import pytest

from minibatch.errors import UserError
from minibatch.stages import figure, train
from minibatch.tables import parquet
from minibatch.tables.canonical import digest

SOURCE = {"surrogate": False, "address": "http://a", "retrieved": "today", "failures": {}}
PROBLEM = {"floor": [0.2417], "examples": [1500], "stability_limit": [0.9531]}


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def source(**changes):
    path = Path("results/data/airfoil.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(SOURCE | changes))
    return path


def written(path, frame, machine="here"):
    path = Path("results") / path
    about = {"machines": [machine], "frameworks": [], "threads": [1]}
    parquet.write(pd.DataFrame(frame), path, parameters={}, provenance=about)
    return path


def gap(path):
    path = Path("results") / path
    parquet.write_gap(path, train.COLUMNS, parameters={})
    return path


def draw(name, paths, *, framework="jax", suffix=".svg", options=None, json_file=None):
    """What the stage draws."""
    output = Path(f"results/figures/{name}-{framework}-cpu{suffix}")
    parameters = {"figure": name, "framework": framework, "device": "cpu", "inputs": {}}
    parameters["options"] = options or {}
    figure.make(parameters, [*paths, json_file or source()], output)
    return output.read_bytes()


def said(svg):
    """The words of a figure, without their line breaks."""
    return " ".join(svg.decode().split())


@pytest.mark.parametrize("suffix", [".svg", ".png"])
@pytest.mark.parametrize(
    ("name", "framework", "options"),
    [
        ("loss_by_epoch", "jax", {}),
        ("loss_by_time", "jax", {"target_loss": 0.25}),
        ("epoch_cost", "jax", {}),
        ("framework_cost", "all", {}),
    ],
)
def test_a_framework_that_was_not_measured_has_a_figure_that_says_so(
    name, framework, options, suffix
):
    paths = [gap("train/jax/cpu/gd.parquet"), gap("train/jax/cpu/sgd.parquet")]
    paths.append(written("summary/problem.parquet", PROBLEM))
    drawn = draw(name, paths, framework=framework, options=options, suffix=suffix)
    if suffix == ".svg":
        what = f"{framework} on cpu was not measured; the report says why"
        assert f"<!-- {what} -->" in said(drawn)
        assert drawn == draw(name, paths, framework=framework, options=options)
    else:
        assert drawn.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["roofline", "product_size", "published"])
def test_a_table_without_rows_of_this_framework_is_a_gap_too(name):
    rows = {"framework": ["pytorch", "jax"], "device": ["cpu", "gpu"], "rate_median": [1.0, 2.0]}
    table = "published" if name == "published" else "matmul"
    drawn = draw(name, [written(f"summary/{table}.parquet", rows)])
    assert "jax on cpu was not measured" in said(drawn)


def test_a_figure_is_drawn_of_the_rows_of_its_framework_and_device(monkeypatch):
    shown = []

    def drawing(tables, **options):
        shown.append((tables["training"].row.tolist(), options))
        return figure.style.empty("drawn")

    monkeypatch.setattr(import_module("minibatch.figures.published"), "draw", drawing)
    places = [("pytorch", "cpu"), ("jax", "cpu"), ("jax", "gpu"), ("jax", "cpu")]
    rows = [(*place, number) for number, place in enumerate(places)]
    frame = pd.DataFrame(rows, columns=["framework", "device", "row"])
    path = written("summary/training.parquet", frame)
    assert "<!-- drawn -->" in said(draw("published", [path], options={"a": 1}))
    draw("published", [path], framework="all")
    assert shown == [([1, 3], {"a": 1}), ([0, 1, 2, 3], {})]


def test_a_gap_of_another_framework_among_full_tables_does_not_matter(monkeypatch):
    module = import_module("minibatch.figures.framework_cost")
    monkeypatch.setattr(module, "draw", lambda tables: figure.style.empty("drawn"))  # noqa: ARG005
    row = {"framework": ["pytorch"], "device": ["cpu"], "loss": [0.5]}
    paths = [written("train/pytorch/cpu/gd.parquet", row), gap("train/jax/cpu/gd.parquet")]
    assert "<!-- drawn -->" in said(draw("framework_cost", paths, framework="all"))


def test_the_notes_stand_on_a_placeholder_as_on_any_figure():
    paths = [gap("train/jax/cpu/gd.parquet"), written("summary/problem.parquet", PROBLEM)]
    paths.append(written("baseline.parquet", {"seconds": [1.0]}, "elsewhere"))
    drawn = said(draw("ladder", paths, json_file=source(surrogate=True)))
    assert "SURROGATE" in drawn
    assert "(elsewhere, here)" in drawn
    assert "was not measured" in drawn


def test_a_table_made_with_other_parameters_is_not_drawn():
    path = written("summary/problem.parquet", PROBLEM)
    parameters = {"figure": "ladder", "framework": "all", "device": "cpu", "options": {}}
    parameters["inputs"] = {str(path): digest({"other": 1})}
    output = Path("results/figures/ladder-all-cpu.svg")
    with pytest.raises(UserError, match="made with other parameters"):
        figure.make(parameters, [path, source()], output)
    assert not output.exists()
