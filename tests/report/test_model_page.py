import html
import re
from pathlib import Path

import jinja2
import pytest

from minibatch.report import model_page
from planted_model import checked, noise, predicted, real, reference, samples

RESOURCES = Path(__file__).parents[2] / "workflow/resources"
ABOUT = {
    "examples": 1000,
    "evaluated": 1000,
    "loaders": ["direct"],
    "parameters": 6,
    "device": "cpu",
}
MADE = {"machines": ["here, a CPU, 2 cores"], "gpus": [], "frameworks": ["torch 2"]}
MADE |= {"python": "3.11", "commit": "abc", "started": "2026-01-01", "threads": ["2"]}


def rendered(optimizer="SGD", left_out=None, table=None, **about):
    table = predicted() if table is None else table
    tables = {"predicted": table, "checked": checked(table, **about), "noise": noise()}
    tables |= {"reference": reference(), "samples": samples(), "real": real(table)}
    text = model_page.render(
        jinja2.FileSystemLoader(RESOURCES),
        "model.html.j2",
        tables=tables,
        figure=b"<svg/>",
        asked={"model": "/x/<net>.py", "about": ABOUT | {"optimizer": optimizer}}
        | {"files": 2, "budget_minutes": 10.0},
        left_out=left_out or {},
        not_exact="",
        notes=[],
        made=MADE,
    )
    return html.unescape(re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)), text


def test_the_page_begins_with_the_answer_and_names_the_file_as_it_is():
    page, raw = rendered()
    assert "&lt;net&gt;.py" in raw
    first = re.search(r"<strong>(.*?)</strong>", page, re.DOTALL)[1]
    assert first.startswith("Predicted: batch size ")
    assert page.index("<strong>") < page.index("<figure") < page.index("Real training beside")
    assert raw.count('<img src="data:image/svg+xml;base64,PHN2Zy8+"') == 1
    assert "http" not in re.sub(r"<[^>]*>", "", page)  # nothing to fetch


def test_what_real_training_refutes_comes_first():
    page, _ = rendered(steps={1000: 0.01})
    assert re.search(r"<strong>The prediction fails", page)


def test_a_way_that_was_left_out_is_named_with_its_reason():
    page, _ = rendered(left_out={"compiled": "no compiler"})
    assert "<li>compiled: no compiler</li>" in page
    assert "Not measured" not in rendered()[0]


@pytest.mark.parametrize(("optimizer", "warned"), [("SGD", False), ("Adam", True)])
def test_another_optimizer_than_sgd_is_said(optimizer, warned):
    assert ("is predicted for SGD" in rendered(optimizer)[0]) == warned


def test_a_size_that_was_not_reached_is_legible():
    page, _ = rendered(unreached=(1000,), everywhere=True)
    assert "∞" in page
    assert "inf" not in re.sub(r"<[^>]*>", "", page)
