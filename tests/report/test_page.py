"""The page, filled with tables of one framework that are as small as they can be."""

import re
from functools import cache
from pathlib import Path
from pkgutil import iter_modules

import pandas as pd
import pytest

import builders
from minibatch import figures
from minibatch.report import page
from minibatch.sgd import surrogate
from minibatch.sgd.protocols import Run
from minibatch.stages.predict import predict
from minibatch.summaries import (
    agreement,
    answer,
    confirmed,
    critical,
    ends,
    expectation,
    gradient_noise,
    ladder,
    matmul,
    parallel,
    problem,
    protocol,
    protocol_parts,
    published,
    runs_to_target,
    statements,
    stepcost,
    steps,
    steptime,
    time_to_target,
    training,
)

PAGES = Path(__file__).parents[2] / "workflow/resources"
TEMPLATES = {
    name: (PAGES / name).read_text() for name in ("report.html.j2", "page.html.j2", "base.html.j2")
}
PLACE = {"machine": "here", "framework": "pytorch", "device": "cpu"}
MADE = {"started": "today", "commit": "c0ffee", "system": "Linux", "python": "3"}
MADE |= dict.fromkeys(("numpy", "pandas", "pyarrow"), "1")
SHARED = {"save", "style", "variants"}  # by several figures
KINDS = sorted(
    {module.name for module in iter_modules(figures.__path__)}
    - SHARED
    - {"machines", "model_answer"}
)  # all that the pipeline draws
SOURCE = {"address": "http://there", "retrieved": "today", "failures": {}, "surrogate": False}


@cache
def tables():
    """The verdicts and summaries, all of one run and one product; a page changes none of them."""
    phases = dict.fromkeys(("load_seconds", "compute_seconds", "update_seconds"), 0.0)
    run = {"run": "gd", "implementation": "scratch", "objective": "half_mse", "loader": "direct"}
    run |= {"batch_size": 1500, "learning_rate": 1.0, "epochs": 1, "schedule": "constant"}
    run |= {"sampling": "permutation", "copies": 1, "seed": 0}
    trace = {"step": [0, 1], "epoch": [0.0, 1.0], "loss": [0.5, 0.2], "seconds": [0.0, 1.0]}
    traces = pd.DataFrame(trace).assign(**PLACE, **phases, **run)
    products = builders.products({("full", 256, 0, "float32"): [1e-3] * 2}, **PLACE)
    measured = {"matmul": products, "ceilings": builders.ceilings()}
    cells = {("pytorch", "scratch", "direct", size): [1e-6, 2e-6] for size in (1, 10, 100)}
    launches = builders.launches(cells)
    check = {"subject": "scratch", "check": "steps", "passed": False, "detail": "θ <b>&</b> off"}
    columns = ["framework", "implementation", "experiment", "batch_size", "learning_rate"]
    empty = pd.DataFrame(columns=[*columns, "epochs", "quantity", "value"])
    examples = pd.DataFrame(surrogate.table()[:1500])
    made = {
        "verdicts": pd.DataFrame([{"framework": "jax", "device": "cpu"} | check]),
        "problem": problem.summarise({"examples": examples}),
        "matmul": matmul.summarise(measured),
        "training": training.summarise({"traces": traces}, 0.25),
        "agreement": agreement.summarise({"traces": traces}),
        "ladder": ladder.summarise(launches),
        "stepcost": stepcost.summarise(launches),
        "parallel": parallel.summarise({"cpu": builders.steps({(1, 10): [1e-3] * 2})}),
    }
    swept = launches | builders.swept()
    for name, module in (
        ("steps", steps),
        ("critical", critical),
        ("time_to_target", time_to_target),
    ):
        made[name] = module.summarise(swept, **builders.ANSWER)
    made["expectation"] = expectation.summarise(swept)
    made["variants"] = swept["variants"]
    made["ends"] = ends.summarise(swept)
    summarised = swept | {"critical": made["critical"], "stepcost": made["stepcost"]}
    summarised["steptime"] = steptime.summarise(launches)
    plan = predict({"examples": examples, **swept}, builders.ANSWER["targets"][0])
    known = launches | made | {"real": builders.real(plan)}
    made["confirmed"] = summarised["confirmed"] = confirmed.summarise(known)
    raw = made | launches | {"variants": builders.variants([], {})}
    made["runs_to_target"] = runs_to_target.summarise(raw, target_loss=0.25, runs=["gd"])
    made["answer"] = answer.summarise(summarised, **builders.ANSWER)
    made["gradient_noise"] = gradient_noise.summarise({"examples": examples})
    made["gradient_law"] = builders.law()
    known = measured | swept | {"examples": examples, "traces": traces}
    known["gradient_law"] = made["gradient_law"]
    made["statements"] = statements.summarise(known, **builders.ANSWER)
    runs = [Run(1500, 10, 1.0), Run(100, 2, 0.4)]
    clocked = pd.concat([builders.clocked(runs, repeats=1, launch=launch) for launch in (1, 2)])
    made["protocol"] = protocol.summarise({"samples": clocked, "published": empty})
    made["protocol_parts"] = protocol_parts.summarise({"samples": clocked})
    made["published"] = published.summarise(made | swept | {"published": empty})
    for table in made.values():
        table.attrs = {"provenance": {"machines": ["here, CPU"]}}
    return made


def render(drawn=None, frameworks=("pytorch",), **more):
    config = {"frameworks": list(frameworks), "training": {"target_loss": 0.25}}
    arguments = {"figures": drawn or {}, "source": SOURCE, "missing": [], "made": MADE} | more
    return page.render(TEMPLATES, tables=tables(), config=config, **arguments)


def section(rendered, title):
    """What stands below a heading, up to the next one."""
    return rendered.partition(f"<h2>{title}</h2>")[2].partition("<h2>")[0]


def test_a_figure_stands_in_its_section_whatever_it_shows():
    names = ["loss_by_time", "loss_by_time-cuda", "loss_by_time-jax-cpu", "loss_by_epoch"]
    rendered = render(dict.fromkeys(names, b"<svg/>"))
    runs = section(rendered, "The chapter's runs")
    found = re.findall(r'<figure id="(.*)">\s*<img src="(.*?)"', runs)
    assert [name for name, _ in found] == ["loss_by_epoch", *names[:3]]
    assert {data for _, data in found} == {"data:image/svg+xml;base64,PHN2Zy8+"}
    assert rendered.count("<figure ") == 4
    captions = re.findall("<figcaption>(.*?)</figcaption>", runs, re.DOTALL)
    what = captions[1]
    assert what.startswith("The chapter's comparison: loss over time, once for each loader.")
    assert captions[2:] == [f"{what} (cuda)", f"{what} (jax on cpu)"]
    assert f'alt="{what} (jax on cpu)"' in runs


def test_the_answer_is_said_by_its_figure_alone_and_read_to_those_who_do_not_see_it():
    rendered = render({"answer": b""})
    said = "at a loss of 0.25"
    [text] = re.findall('<figure id="answer">\\s*<img .*?alt="(.*?)"', rendered, re.DOTALL)
    assert said in text.partition(". ")[0]
    top = rendered[rendered.index("<h1>") : rendered.index("<h2>")]
    assert said not in re.sub("<img .*?>|<details>.*?</details>", "", top, flags=re.DOTALL)
    assert "<p>What takes most of a step at the best size" in top


@pytest.mark.parametrize("kind", KINDS)
def test_every_figure_of_the_study_has_a_caption(kind):
    [caption] = re.findall(
        "<figcaption>(.*?)</figcaption>", render({f"{kind}-cpu": b""}), re.DOTALL
    )
    assert re.fullmatch(r"[A-Z].+\. \(cpu\)", caption, re.DOTALL)


def test_every_sheet_is_shown_once():
    titles = re.findall("<caption>(.*?)</caption>", render())
    shown = re.findall(r"\{\{ (?:table|folded)\(sheets\.", "".join(TEMPLATES.values()))
    assert len(titles) == len(set(titles)) == len(shown) == 24


def test_a_verdict_is_marked_by_more_than_its_colour():
    checks = section(render(), "What was checked before anything was timed")
    assert '<td data-name="passed" class="fails">FAILED</td>' in checks
    assert '.fails::before { content: "✗ "; }' in TEMPLATES["base.html.j2"]


def test_what_was_not_measured_and_the_source_are_named_at_the_top():
    rendered = render(missing=[("mxnet", "cuda")], source=SOURCE | {"surrogate": True})
    top = rendered[rendered.index("<h1>") : rendered.index("<h2>")]
    gap, missing, surrogate_data = re.findall('<p class="warning">(.*?)</p>', top)
    assert gap.startswith("NOT MEASURED: jax on cpu: θ")
    assert missing.startswith("NOT MEASURED: mxnet on cuda: it has no environment there")
    assert surrogate_data.startswith("SURROGATE DATA")


def test_what_a_framework_says_is_text_and_no_markup():
    rendered = render()
    assert "NOT MEASURED: jax on cpu: θ &lt;b&gt;&amp;&lt;/b&gt; off" in rendered
    assert "<b>" not in rendered


def test_one_framework_answers_further_questions_only_where_there_are_several():
    said = "exercises are of one framework: jax"
    assert said not in " ".join(render(frameworks=["jax"]).split())
    several = render(frameworks=["jax", "pytorch"])
    for title in ("Matrix products: why a call should do much work", "The chapter's exercises"):
        assert said in " ".join(section(several, title).split())


def test_the_page_is_a_function_of_what_it_is_given():
    assert render() == render()
    assert "today, from commit c0ffee, on Linux" in render()
