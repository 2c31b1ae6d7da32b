"""The report: tables and figures, filled into a template that has the words."""

import base64

import jinja2
import pandas as pd
import yaml

from minibatch.report import chapter_runs, exercises, gradient_sheets, sheets
from minibatch.report.real_runs import real_runs
from minibatch.sgd.objective import RANK
from minibatch.summaries import answer, confirmed, expectation, swept, time_to_target
from minibatch.tables import parquet, verdicts
from minibatch.tables.notes import notes

OPTIONAL = ("protocol", "protocol_parts", "swept")  # tables of what not every study asks for


def render(
    templates: dict[str, str],
    *,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, bytes],
    source: dict,
    config: dict,
    missing: list[tuple[str, str]],
    made: dict,
) -> str:
    """One HTML page that needs no other file.

    `templates` are texts by name, the page itself first, then what it goes on from; `tables` the
    verdicts and summaries by name; `figures` SVG by the names of their files;
    `source` says where the dataset came from, `made` on what the page is made; `missing` are the
    frameworks and devices that the configuration names and nothing can measure.
    """
    origin = parquet.origin(tables.values())
    environment = jinja2.Environment(
        loader=jinja2.DictLoader(templates), autoescape=True, undefined=jinja2.StrictUndefined
    )
    problem = tables["problem"].iloc[0]
    return environment.get_template(next(iter(templates))).render(
        figures=by_kind(figures),
        sheets=_sheets(tables, config, origin, source, made),
        gaps=verdicts.gaps(tables["verdicts"]),
        missing=missing,
        notes=notes(source, origin["machines"]),
        problem=problem,
        dependent=problem.smallest_eigenvalue <= RANK**2 * problem.largest_eigenvalue,
        source=source,
        largest=tables["steptime"].batch_size.max() if "steptime" in tables else None,
        answer=time_to_target.sentence(
            tables["time_to_target"], tables["confirmed"], _first_target(tables)
        ),
        decides=answer.sentence(tables["answer"], _first_target(tables)),
        confirmed=confirmed.sentence(tables["confirmed"]),
        expected=expectation.sentence(tables["expectation"]) if "expectation" in tables else None,
        swept=swept.sentence(tables["swept"]) if "swept" in tables else None,
        frameworks=config["frameworks"],
        protocol=tables.get("protocol"),
        parameters=yaml.safe_dump(config, sort_keys=False),
    )


def _sheets(
    tables: dict[str, pd.DataFrame], config: dict, origin: dict, source: dict, made: dict
) -> dict[str, dict]:
    """Every table of the page, by the name that the template has for it."""
    answers, target = tables["answer"], _first_target(tables)
    first = answers.target == target
    found = {
        "answers": sheets.answers(answers[first], f"a loss of {target}"),
        "lower": sheets.answers(answers[~first], "other losses"),
        "confirmed": real_runs(tables["confirmed"]),
        "steps": sheets.steps(tables["steps"]),
        "critical": sheets.critical(tables["critical"]),
        "law": gradient_sheets.law(tables["gradient_law"]),
        "noise": gradient_sheets.noise(tables["gradient_noise"]),
        "stepcost": sheets.stepcost(tables["stepcost"]),
        "usage": sheets.usage(config["frameworks"]),
        "checks": sheets.checks(tables["verdicts"]),
        "about": sheets.about(origin, source, made),
    }
    found |= {name: getattr(sheets, name)(tables[name]) for name in OPTIONAL if name in tables}
    return found | _of_the_chapter(tables, config) if "training" in config else found


def _of_the_chapter(tables: dict[str, pd.DataFrame], config: dict) -> dict[str, dict]:
    """Those of the chapter's runs and statements."""
    training, statements = tables["training"], tables["statements"]
    return {
        "statements": sheets.statements(statements),
        "evidence": sheets.evidence(statements),
        "matmul": sheets.matmul(tables["matmul"]),
        "training": sheets.training(training),
        "ends": chapter_runs.ends(tables["ends"]),
        "to_target": chapter_runs.to_target(
            tables["runs_to_target"], config["training"]["target_loss"]
        ),
        "variants": exercises.variants(tables["variants"]),
        "published": sheets.published(tables["published"]),
        "ladder": sheets.ladder(tables["ladder"]),
        "agreement": sheets.agreement(tables["agreement"]),
        "parallel": sheets.parallel(tables["parallel"]),
    }


def _first_target(tables: dict[str, pd.DataFrame]) -> str:
    """The name of the loss that the answer is about; there may be others."""
    return tables["steps"].target.iloc[0]


def by_kind(figures: dict[str, bytes]) -> dict[str, list[dict]]:
    """The figures of each kind, the first part of their names; what follows says what they show."""
    found = {}
    for name, svg in figures.items():
        kind, *where = name.split("-")
        data = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
        shown = {"name": name, "where": " on ".join(where), "data": data}
        found.setdefault(kind, []).append(shown)
    return found
