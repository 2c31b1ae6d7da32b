"""The answer about the user's model: measured tables → results/answer.*, and report.html."""

import sys
from pathlib import Path

import jinja2

from minibatch import command
from minibatch.figures import model_answer as figure
from minibatch.figures import style
from minibatch.figures.save import save
from minibatch.report import model_page
from minibatch.summaries import model_answer
from minibatch.tables import load, parquet, provenance
from minibatch.tables.files import write_text
from minibatch.tables.notes import notes


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Compare what was observed with what was predicted, draw it, and write the page."""
    template, *_ = [path for path in paths if path.suffix == ".j2"]
    paths = [path for path in paths if path.suffix != ".j2"]
    tables = load.by_name(paths, {})
    tables["checked"] = model_answer.summarise(tables)
    origin = parquet.origin(tables[name] for name in ("samples", "real"))
    made = provenance.collect(**origin)
    folder = output.parent / "results"
    checked = tables["checked"]
    parquet.write(checked, folder / "answer.parquet", parameters=parameters, provenance=made)
    drawn = figure.draw(tables)
    noted = notes({"surrogate": False}, origin["machines"])
    style.warn(drawn, noted)
    save(drawn, folder / "answer.svg")
    found = [parquet.read(path).attrs["provenance"] for path in paths]
    page = model_page.render(
        jinja2.FileSystemLoader(template.parent),
        template.name,
        tables=tables,
        figure=(folder / "answer.svg").read_bytes(),
        asked=parameters,
        left_out={key: why for one in found for key, why in one.get("left_out", {}).items()},
        not_exact=next((one["not_exact"] for one in found if "not_exact" in one), ""),
        notes=noted,
        made=made,
    )
    write_text(output, page)


if __name__ == "__main__":
    sys.exit(command.run(make))
