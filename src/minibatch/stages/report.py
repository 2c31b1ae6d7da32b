"""Put the tables and figures into one self-contained page: results/report.html."""

import base64
import json
import sys
from pathlib import Path

import jinja2
import pandas as pd
import yaml

from minibatch import command, inputs, provenance, tables
from minibatch.files import write_text
from minibatch.source import notes

SECTIONS = {
    "Matrix products: why a call should do much work": {
        "roofline": "Rate of each way to compute a product, below the roof that copying and "
        "computing set on this machine.",
        "product_size": "Rate by size of the matrices and by width of a block.",
    },
    "The chapter's runs": {
        "loss_by_epoch": "Loss over epochs: median over seeds as a line, their range as a band; a "
        "triangle marks what lies above the axis.",
        "loss_by_time": "The chapter's comparison: loss over time, once for each loader.",
        "epoch_cost": "Where an epoch's time goes.",
    },
    "Published beside measured": {
        "published": "The chapter's numbers (hollow) and ours (filled, with the range over samples "
        "or seeds).",
    },
    "The chapter's exercises": {
        "exercise_1_grid": "Exercise 1: vary batch size and learning rate. Medians over seeds; the "
        "lowest value is framed.",
        "exercise_2_schedule": "Exercise 2: cut the learning rate to a tenth after each epoch.",
        "exercise_3_replacement": "Exercise 3: sample with replacement.",
        "exercise_4_twice": "Exercise 4: every example stands twice in the dataset.",
    },
}
VERDICTS = {"holds": "holds", "does not hold": "fails", "undecided": "undecided"}
STATEMENTS = ["statement", "loader", "verdict", "evidence", "criterion", "framework", "device"]
EXPLANATION = (
    "Where a concise run differs from the one from scratch, look at what is minimised: the "
    "chapter's code leaves out the ½ of the loss in PyTorch, which doubles the gradient, and takes "
    "another learning rate and number of epochs."
)


def sheet(title: str, frame: pd.DataFrame) -> dict:
    """Lay a table out as text; missing values as a dash."""
    rows = [
        ["–" if value is None or pd.isna(value) else _text(value) for value in row]
        for row in frame.astype(object).to_numpy().tolist()
    ]
    return {"title": title, "columns": list(frame.columns), "rows": rows}


def matmul_sheet(matmul: pd.DataFrame) -> dict:
    """The rates of all cases."""
    shown = matmul.assign(
        block=matmul.block.where(matmul.block > 0),
        rate=matmul.rate_median.map("{:.3g}".format)
        + matmul.strategy.map(lambda name: " GB/s" if name == "copy" else " GFLOP/s"),
        range=_ranges(matmul, "rate", "{:.3g}"),
    )
    columns = ["framework", "device", "strategy", "n", "block", "samples", "rate", "range"]
    return sheet(
        "Matrix products: median rate and its 5th to 95th percentile",
        shown[columns].convert_dtypes(),
    )


def training_sheet(training: pd.DataFrame) -> dict:
    """Final loss and time per epoch of all runs but the grid's cells."""
    single = training.groupby(["framework", "device", "run", "loader"]).run.transform("size") == 1
    runs = training[single]
    shown = pd.DataFrame(
        {
            "framework": runs.framework,
            "device": runs.device,
            "run": runs.run,
            "loader": runs.loader,
            "batch size": runs.batch_size,
            "learning rate": runs.learning_rate,
            "final loss": runs.loss_median.map("{:.4f}".format),
            "over seeds": _ranges(runs, "loss", "{:.4f}"),
            "ms per epoch": (1e3 * runs.seconds_per_epoch_median).map("{:.3g}".format),
            "ms to target": (1e3 * runs.seconds_to_target_median).map("{:.3g}".format),
        }
    ).replace({"ms to target": {"inf": "never"}})
    return sheet("Runs: median over seeds", shown)


def published_sheet(published: pd.DataFrame) -> dict:
    """Every published number of the chapter, and ours."""
    settings = zip(published.implementation, published.experiment, strict=True)
    shown = pd.DataFrame(
        {
            "framework": published.framework,
            "device": published.device,
            "experiment": [
                f"{name} (concise)" if kind == "concise" else name for kind, name in settings
            ],
            "quantity": published.quantity.str.replace("_", " "),
            "published": published.published.map("{:.4g}".format),
            "measured": published.measured.map("{:.4g}".format),
            "range": _ranges(published, "", "{:.4g}"),
            "ratio": published.ratio.map("{:.3g}".format),
            "inside": published.inside.map({True: "yes", False: "no"}),
        }
    )
    shown = shown.where(published.measured.notna(), shown.replace("nan", "not measured"))
    return sheet("Published results (section 12.5) and ours; inside: within our seeds", shown)


def answer(training: pd.DataFrame, target: float) -> str:
    """Which batch size is first at the target loss, for each loader, on the data as they are."""
    plain = training.query("schedule == 'constant' and sampling == 'permutation' and copies == 1")
    reached = plain[plain.seconds_to_target_median < float("inf")]
    if reached.empty:
        return f"No run reaches a loss of {target:g}."
    best = reached.loc[
        reached.groupby(["framework", "device", "loader"]).seconds_to_target_median.idxmin()
    ]
    parts = [
        f"{row.framework} on {row.device} with the {row.loader} loader: batch size "
        f"{row.batch_size} at learning rate {row.learning_rate:g} ({row.run}), "
        f"{1e3 * row.seconds_to_target_median:.3g} ms"
        for row in best.itertuples()
    ]
    return f"First at a loss of {target:g} (median over seeds): {'; '.join(parts)}."


def about_sheet(origin: dict, source: dict) -> dict:
    """The machine, the data's source and the versions."""
    failures = "; ".join(f"{name}: {why}" for name, why in source["failures"].items())
    here = provenance.collect()
    rows = {
        "machine": "; ".join(origin["machines"]),
        "frameworks": ", ".join(origin["frameworks"]),
        "threads": ", ".join(map(str, origin["threads"])),
        "data": source["address"] or "SURROGATE",
        "retrieved": source["retrieved"],
        "sources that failed": failures or "none",
        "report made": f"{here['started']}, from commit {here['commit']}, on {here['system']}",
        "with": ", ".join(
            f"{name} {here[name]}" for name in ("python", "numpy", "pandas", "pyarrow")
        ),
    }
    return sheet("About these measurements", pd.DataFrame(rows.items(), columns=["what", "value"]))


def _ranges(frame: pd.DataFrame, prefix: str, pattern: str) -> list[str]:
    low, high = (frame[f"{prefix}_{end}".lstrip("_")] for end in ("low", "high"))
    return [f"{pattern.format(a)} to {pattern.format(b)}" for a, b in zip(low, high, strict=True)]


def _text(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _embed(path: Path) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _figures(paths: list[Path], captions: dict[str, str]) -> list[dict]:
    """The figures of a section, each for every framework and device."""
    found = []
    for name, caption in captions.items():
        for path in paths:
            figure, framework, device = path.stem.split("-")
            if figure == name:
                text = f"{caption} ({framework} on {device})"
                found.append({"name": path.stem, "caption": text, "data": _embed(path)})
    return found


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read all that the report shows, and write it."""
    by_suffix = {
        suffix: [p for p in paths if p.suffix == suffix] for suffix in (".svg", ".parquet")
    }
    [template] = [path for path in paths if path.suffix == ".j2"]
    [sidecar] = [path for path in paths if path.suffix == ".json"]
    read = inputs.load(by_suffix[".parquet"], parameters["inputs"])
    source = json.loads(sidecar.read_text(encoding="utf-8"))
    origin = tables.origin(read.values())
    target = parameters["config"]["training"]["target_loss"]

    sections = [
        {"title": title, "text": [], "figures": _figures(by_suffix[".svg"], captions), "tables": []}
        for title, captions in SECTIONS.items()
    ]
    products, runs, published, _ = sections
    products["tables"].append(matmul_sheet(read["matmul"]))
    runs["tables"].append(training_sheet(read["training"]))
    published["tables"].append(published_sheet(read["published"]))
    published["text"].append(EXPLANATION)

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        zip=zip,
        notes=notes(source, origin["machines"]),
        problem=read["problem"].iloc[0],
        answer=answer(read["training"], target),
        statements=sheet("Statements", read["statements"][STATEMENTS]),
        sections=sections,
        about=about_sheet(origin, source),
        verdicts=VERDICTS,
        parameters=yaml.safe_dump(parameters["config"], sort_keys=False),
    )
    write_text(output, page)


if __name__ == "__main__":
    sys.exit(command.run(make))
