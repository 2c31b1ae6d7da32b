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


def draw(name, paths, *, places=(("jax", "cpu"),), alone=False, options=None, json_file=None):
    """What the stage draws, as SVG."""
    output = Path(f"results/figures/{name}.svg")
    parameters = {"figure": name, "places": [list(place) for place in places], "alone": alone}
    parameters |= {"options": options or {}, "inputs": {}}
    figure.make(parameters, [*paths, json_file or source()], output)
    return output.read_bytes()


def said(svg):
    """The words of a figure, without their line breaks."""
    return " ".join(svg.decode().split())


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("loss_by_epoch", {}),
        ("loss_by_time", {"target_loss": 0.25}),
        ("epoch_cost", {}),
        ("framework_cost", {}),
    ],
)
def test_frameworks_that_were_not_measured_have_a_figure_that_says_so(name, options):
    paths = [gap("train/jax/cpu/gd.parquet"), gap("train/mxnet/cpu/sgd.parquet")]
    paths.append(written("summary/problem.parquet", PROBLEM))
    places = [("jax", "cpu"), ("mxnet", "cpu")]
    drawn = draw(name, paths, places=places, options=options)
    what = "jax on cpu, mxnet on cpu were not measured; the report says why"
    assert f"<!-- {what} -->" in said(drawn)
    png = Path(f"results/figures/{name}.png")
    first = png.read_bytes()
    assert first.startswith(b"\x89PNG")
    assert drawn == draw(name, paths, places=places, options=options)
    assert first == png.read_bytes()


@pytest.mark.parametrize("name", ["product_size", "exercise_1_surface"])
def test_a_table_without_rows_of_this_framework_is_a_gap_too(name):
    rows = {"framework": ["pytorch", "jax"], "device": ["cpu", "gpu"], "rate": [1.0, 2.0]}
    drawn = draw(name, [written("summary/matmul.parquet", rows)], alone=True)
    assert "<!-- jax on cpu was not measured; the report says why -->" in said(drawn)


def drawing(shown):
    """A figure that notes which rows it is drawn of."""

    def draw(tables, **options):
        shown.append((tables["training"].row.tolist(), options))
        return figure.style.empty("drawn")

    return draw


def test_a_figure_is_drawn_of_all_rows_or_of_those_of_its_framework_and_device(monkeypatch):
    shown = []
    module = import_module("minibatch.figures.published")
    monkeypatch.setattr(module, "draw", drawing(shown))
    places = [("pytorch", "cpu"), ("jax", "cpu"), ("jax", "gpu"), ("jax", "cpu")]
    rows = [(*place, number) for number, place in enumerate(places)]
    frame = pd.DataFrame(rows, columns=["framework", "device", "row"])
    path = written("summary/training.parquet", frame)
    assert "<!-- drawn -->" in said(draw("published", [path], alone=True, options={"a": 1}))
    draw("published", [path], places=places)
    assert shown == [([1, 3], {"a": 1}), ([0, 1, 2, 3], {})]


def test_a_figure_of_some_names_the_frameworks_that_were_not_measured(monkeypatch):
    module = import_module("minibatch.figures.loss_by_epoch")
    monkeypatch.setattr(module, "draw", lambda tables: figure.style.empty("drawn"))  # noqa: ARG005
    row = {"framework": ["pytorch"], "device": ["cpu"], "loss": [0.5]}
    paths = [written("train/pytorch/cpu/gd.parquet", row), gap("train/jax/cpu/gd.parquet")]
    drawn = said(draw("loss_by_epoch", paths, places=[("pytorch", "cpu"), ("jax", "cpu")]))
    assert "<!-- drawn -->" in drawn
    assert "<!-- jax on cpu was not measured; the report says why -->" in drawn
    assert "pytorch on cpu" not in drawn


def test_the_notes_stand_on_a_placeholder_as_on_any_figure():
    paths = [gap("train/jax/cpu/gd.parquet"), written("summary/problem.parquet", PROBLEM)]
    paths.append(written("steptime/baseline/cpu.parquet", {"seconds": [1.0]}, "elsewhere"))
    drawn = said(draw("ladder", paths, json_file=source(surrogate=True)))
    assert "SURROGATE" in drawn
    assert "(elsewhere, here)" in drawn
    assert "was not measured" in drawn


def test_a_table_made_with_other_parameters_is_not_drawn():
    path = written("summary/problem.parquet", PROBLEM)
    parameters = {"figure": "ladder", "places": [["jax", "cpu"]], "alone": False, "options": {}}
    parameters["inputs"] = {str(path): digest({"other": 1})}
    output = Path("results/figures/ladder.svg")
    with pytest.raises(UserError, match="made with other parameters"):
        figure.make(parameters, [path, source()], output)
    assert not output.exists()
