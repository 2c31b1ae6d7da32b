"""The report: tables and figures, filled into a template that has the words."""

import base64

import jinja2
import pandas as pd
import yaml

from minibatch.report import sheets
from minibatch.tables import parquet, verdicts
from minibatch.tables.notes import notes

OPTIONAL = ("protocol", "protocol_parts")  # tables of what not every configuration asks for


def render(
    template: str,
    *,
    tables: dict[str, pd.DataFrame],
    figures: dict[str, bytes],
    source: dict,
    config: dict,
    missing: list[tuple[str, str]],
    made: dict,
) -> str:
    """One HTML page that needs no other file.

    `tables` are the verdicts and summaries by name; `figures` SVG by the names of their files;
    `source` says where the dataset came from, `made` on what the page is made; `missing` are the
    frameworks and devices that the configuration names and nothing can measure.
    """
    origin = parquet.origin(tables.values())
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.from_string(template).render(
        figures=_by_kind(figures),
        sheets=_sheets(tables, config, origin, source, made),
        gaps=verdicts.gaps(tables["verdicts"]),
        missing=missing,
        notes=notes(source, origin["machines"]),
        problem=tables["problem"].iloc[0],
        answer=sheets.answer(tables["training"], config["training"]["target_loss"]),
        frameworks=config["frameworks"],
        protocol=tables.get("protocol"),
        parameters=yaml.safe_dump(config, sort_keys=False),
    )


def _sheets(
    tables: dict[str, pd.DataFrame], config: dict, origin: dict, source: dict, made: dict
) -> dict[str, dict]:
    """Every table of the page, by the name that the template has for it."""
    training, statements = tables["training"], tables["statements"]
    optional = {name: getattr(sheets, name)(tables[name]) for name in OPTIONAL if name in tables}
    return optional | {
        "answers": sheets.answers(training, config["training"]["target_loss"]),
        "statements": sheets.statements(statements),
        "evidence": sheets.evidence(statements),
        "matmul": sheets.matmul(tables["matmul"]),
        "training": sheets.training(training),
        "published": sheets.published(tables["published"]),
        "ladder": sheets.ladder(tables["ladder"]),
        "stepcost": sheets.stepcost(tables["stepcost"]),
        "usage": sheets.usage(config["frameworks"]),
        "agreement": sheets.agreement(tables["agreement"]),
        "parallel": sheets.parallel(tables["parallel"]),
        "checks": sheets.checks(tables["verdicts"]),
        "about": sheets.about(origin, source, made),
    }


def _by_kind(figures: dict[str, bytes]) -> dict[str, list[dict]]:
    """The figures of each kind, the first part of their names; what follows says what they show."""
    found = {}
    for name, svg in figures.items():
        kind, *where = name.split("-")
        data = f"data:image/svg+xml;base64,{base64.b64encode(svg).decode()}"
        shown = {"name": name, "where": " on ".join(where), "data": data}
        found.setdefault(kind, []).append(shown)
    return found
