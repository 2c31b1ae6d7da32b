"""Put the tables and figures into one self-contained page: results/report.html."""

import base64
import json
import sys
from pathlib import Path

import jinja2
import yaml

from minibatch import command
from minibatch.report import sheets
from minibatch.tables import load, parquet, verdicts
from minibatch.tables.files import write_text
from minibatch.tables.notes import notes

SECTIONS = {
    "Matrix products: why a call should do much work": {
        "roofline": "Rate of each way to compute a product, below the roof that copying and "
        "computing set on this machine.",
        "product_size": "Rate by size of the matrices and by width of a block.",
        "product_device": "Rate of the full product on each device, by precision: in TF32 the "
        "factors lose 13 of their 23 bits, in bfloat16 16; sums stay in float32.",
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
    "What the frameworks cost": {
        "ladder": "One epoch with ever less in the way of its arithmetic, down to a plain compiled "
        "loop.",
        "framework_cost": "Time per epoch against batch size, with direct indexing.",
    },
    "Data-parallel minibatches": {
        "parallel": "Median time of a step that several processes share, with its 5th to 95th "
        "percentile; a dotted line marks from which batch size on they pay.",
    },
    "The chapter's exercises": {
        "exercise_1_grid": "Exercise 1: vary batch size and learning rate. Medians over seeds; the "
        "lowest value is framed.",
        "exercise_2_schedule": "Exercise 2: cut the learning rate to a tenth after each epoch.",
        "exercise_3_replacement": "Exercise 3: sample with replacement.",
        "exercise_4_twice": "Exercise 4: every example stands twice in the dataset.",
    },
}
VERDICTS = {
    "holds": "holds",
    "does not hold": "fails",
    "undecided": "undecided",
    "passed": "holds",
    "FAILED": "fails",
}
CONCISE = (
    "The chapter's concise runs are not the problem of its runs from scratch. What they minimise "
    "differs: the mean squared error of PyTorch's and TensorFlow's layers has no ½, which doubles "
    "the gradient; only MXNet's L2 loss has it. In PyTorch the learning rate and the number of "
    "epochs differ, too. The other rows below are one problem, and end at one loss."
)
CLOCKS = (
    "The chapter's clock did not wait for MXNet's engine after a block product or a training run; "
    "ours waits in every framework. The published times are from other machines, and every "
    "published loss is from one seed."
)
FIRST = (
    "The exercises, the split of an epoch, and further sizes and block widths are questions about "
    "SGD and about matrices, so one framework answers them: {}, the first in the configuration."
)
COSTS = (
    "All take the same steps on the same examples, and end at the same losses. The eager runs are "
    "written as in the chapter, the compiled ones as the framework's users would."
)
NO_PINS = "NOT MEASURED: {} on {}: it has no environment there; see how each framework is used"
RANKS = (
    "With 8 GPUs in each of 16 servers, says the chapter, a minibatch has no fewer than 128 "
    "examples: one for each GPU. That is the least, not what pays. Here each rank is a process of "
    "PyTorch with one thread, or one GPU. It computes the gradient on its share of the batch, the "
    "gradients are added up over all ranks, and all take the step that one process would take, to "
    "rounding. A second rank halves the arithmetic, and must save more by that than the exchange "
    "costs; one rank alone exchanges nothing. Batches above the size of the dataset repeat its "
    "examples."
)


def _embed(path: Path) -> str:
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _figures(paths: list[Path], captions: dict[str, str]) -> list[dict]:
    """The figures of a section, each for every framework and device."""
    found = []
    for name, caption in captions.items():
        for path in paths:
            figure, framework, device = path.stem.split("-")
            if figure == name:
                where = f"on {device.replace('_', ' and ')}"
                where = where if framework == "all" else f"{framework} {where}"
                text = f"{caption} ({where})"
                found.append({"name": path.stem, "caption": text, "data": _embed(path)})
    return found


def make(parameters: dict, paths: list[Path], output: Path) -> None:
    """Read all that the report shows, and write it."""
    by_suffix = {
        suffix: [p for p in paths if p.suffix == suffix] for suffix in (".svg", ".parquet")
    }
    [template] = [path for path in paths if path.suffix == ".j2"]
    [sidecar] = [path for path in paths if path.suffix == ".json"]
    read = load.by_name(by_suffix[".parquet"], parameters["inputs"])
    source = json.loads(sidecar.read_text(encoding="utf-8"))
    origin = parquet.origin(read.values())
    target = parameters["config"]["training"]["target_loss"]

    sections = [
        {"title": title, "text": [], "figures": _figures(by_suffix[".svg"], captions), "tables": []}
        for title, captions in SECTIONS.items()
    ]
    products, runs, published, costs, ranks, exercises = sections
    first = FIRST.format(parameters["config"]["frameworks"][0])
    if len(parameters["config"]["frameworks"]) > 1:
        products["text"].append(first)
        exercises["text"].append(first)
    products["tables"].append(sheets.matmul(read["matmul"]))
    runs["tables"].append(sheets.training(read["training"]))
    published["tables"].append(sheets.published(read["published"]))
    published["tables"].append(sheets.concise(read["training"]))
    published["text"] += [CLOCKS, CONCISE]
    costs["tables"].append(sheets.ladder(read["ladder"]))
    costs["tables"].append(sheets.usage(parameters["config"]["frameworks"]))
    costs["tables"].append(sheets.agreement(read["agreement"]))
    costs["text"].append(COSTS)
    ranks["tables"].append(sheets.parallel(read["parallel"]))
    ranks["text"].append(RANKS)

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    page = environment.from_string(template.read_text(encoding="utf-8")).render(
        zip=zip,
        notes=[
            *verdicts.gaps(read["verdicts"]),
            *(NO_PINS.format(*place) for place in parameters["missing"]),
            *notes(source, origin["machines"]),
        ],
        problem=read["problem"].iloc[0],
        answer=sheets.answer(read["training"], target),
        answers=sheets.answers(read["training"], target),
        statements=sheets.statements(read["statements"]),
        evidence=sheets.evidence(read["statements"]),
        checks=sheets.checks(read["verdicts"]),
        sections=sections,
        about=sheets.about(origin, source),
        verdicts=VERDICTS,
        parameters=yaml.safe_dump(parameters["config"], sort_keys=False),
    )
    write_text(output, page)


if __name__ == "__main__":
    sys.exit(command.run(make))
