"""What is made from the measured tables: summaries, figures and the report, and what each reads."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from minibatch.plan import environments, experiment

PUBLISHED = "workflow/resources/published.csv"
PAGES = "workflow/resources"
SOURCE = "results/data/airfoil.json"  # where the dataset came from
OF_OWN = "results/data/table.json"  # likewise, where that is a table of the user's own
PROBLEM = "results/summary/problem.parquet"
ROOT = Path(__file__).parents[3]

# The summaries that figures are drawn of.
SUMMARISED = {
    "roofline": ["matmul"],
    "product_size": ["matmul"],
    "product_device": ["matmul"],
    "published": ["published"],
    "ladder": ["ladder"],
    "step_time": ["steptime", "stepcost"],
    "step_cost": ["stepcost"],
    "epoch_time": ["steptime"],
    "step_parts": ["steptime"],
    "steps_to_target": ["steps", "critical"],
    "gradient_noise": ["gradient_law", "gradient_noise", "steps", "critical"],
    "answer": ["time_to_target", "confirmed"],
    "exercise_1_surface": ["surface", "time_to_target", "confirmed"],
    "exercise_2_schedule": ["variants"],
    "exercise_3_replacement": ["variants"],
    "exercise_4_twice": ["variants", "stepcost"],
    "parallel": ["parallel"],
    "protocol": ["protocol", "protocol_parts"],
}
# Figures of traces, and the summaries beside these: what many seeds and launches say of the runs.
TRACED = {"loss_by_epoch": ["problem", "ends"], "loss_by_time": ["problem", "runs_to_target"]}
# What compares all frameworks on all devices; the others are for the first one, a figure a device.
COMPARING = (
    "answer",
    "steps_to_target",
    "gradient_noise",
    "roofline",
    "product_device",
    "loss_by_epoch",
    "loss_by_time",
    "published",
    "ladder",
    "step_time",
    "step_cost",
    "epoch_time",
    "step_parts",
    "parallel",
    "protocol",
    "exercise_2_schedule",
    "exercise_3_replacement",
)
OF_THE_FIRST = ("product_size", "exercise_1_surface", "exercise_4_twice")
# Summaries that depend on the targets of the answer.
ANSWERING = ("steps", "critical", "time_to_target", "answer", "statements")
OF_VARIANTS = ("exercise_2_schedule", "exercise_3_replacement", "exercise_4_twice")
OF_NO_PLACE = ("steps_to_target", "gradient_noise", "exercise_2_schedule", "exercise_3_replacement")
OF_NO_PLACE += ("parallel", "protocol")  # of PyTorch alone
# What is asked of a table of the user's own: the answer and its why.
ANSWER_TABLES = (
    *("problem", "gradient_noise", "gradient_law", "steptime", "stepcost", "steps", "critical"),
    *("time_to_target", "confirmed", "answer", "swept"),
)
ANSWER_FIGURES = (
    *("answer", "steps_to_target", "gradient_noise", "step_time", "step_cost", "step_parts"),
)
# A size that leaves a smaller last batch counts in the fit to steps where that batch, of an epoch's
# noise, is no more than this share: few sizes divide the rows of a table.
UNEVEN = 0.1


class Target(NamedTuple):
    """What a job reads, and the parameters it is made with."""

    inputs: list[str]
    parameters: dict


def page(config: dict) -> str:
    """The path of the report."""
    return "report.html" if experiment.own(config) else "results/report.html"


def dataset(config: dict) -> list[str]:
    """What is kept of where the examples came from, beside them."""
    return [OF_OWN] if experiment.own(config) else ["results/data/airfoil.dat"]


def source(config: dict) -> str:
    """The file that says where the examples came from."""
    return OF_OWN if experiment.own(config) else SOURCE


def templates(config: dict, root: str) -> list[str]:
    """The page, and what it goes on from; `root` is the folder of the Snakefile."""
    page = "table.html.j2" if experiment.own(config) else "report.html.j2"
    here = Path(root) if Path(root) != Path.cwd() else Path()
    return [str(here / PAGES / name) for name in (page, "page.html.j2", "base.html.j2")]


def summaries(config: dict) -> dict[str, Target]:
    """Every table of results/summary, by name."""
    tables = experiment.measured(config)
    inputs, options = _inputs(config, tables), _options(config)
    wanted = ANSWER_TABLES if experiment.own(config) else [*inputs]
    inputs = {name: inputs[name] for name in wanted}
    return {
        name: Target(read, {"options": options.get(name, {})} | experiment.expected(read, tables))
        for name, read in inputs.items()
    }


def _inputs(config: dict, tables: dict[str, dict]) -> dict[str, list[str]]:
    """What each summary reads, of all that there may be."""
    matmul = [
        f"results/matmul/{name}/{device}.parquet" for name, device in experiment.places(config)
    ]
    steptime = [
        f"results/steptime/{name}/{device}.parquet" for name, device in experiment.places(config)
    ]
    compared = [*steptime, experiment.BASELINE]
    confirm = [
        f"results/confirm/{name}/{device}.parquet" for name, device in experiment.places(config)
    ]
    parallel = [f"results/parallel/{device}.parquet" for device in config["devices"]]
    protocol = _in("results/protocol/", tables)
    traces = _in("results/train/", tables)
    inputs = {
        "problem": [experiment.EXAMPLES],
        "gradient_noise": [experiment.EXAMPLES],
        "gradient_law": [experiment.EXAMPLES],
        "matmul": [*matmul, experiment.CEILINGS],
        "training": traces,
        "agreement": traces,
        "ladder": compared,
        "steptime": compared,
        "stepcost": compared,
        "steps": [experiment.CURVES, PROBLEM],
        "critical": [experiment.CURVES, PROBLEM],
        "expectation": [experiment.CURVES, PROBLEM],
        "surface": [experiment.CURVES, PROBLEM],
        "variants": [experiment.VARIANTS, experiment.EXAMPLES],
        "ends": [experiment.FINALS],
        "runs_to_target": [
            *(experiment.VARIANTS, PROBLEM, *steptime),
            *map(_summary, ("training", "confirmed")),
        ],
        "time_to_target": [experiment.CURVES, PROBLEM, *compared],
        "confirmed": [*confirm, *compared, *map(_summary, ("time_to_target", "steps"))],
        "answer": [
            *(experiment.CURVES, PROBLEM, *compared),
            *map(_summary, ("critical", "steptime", "stepcost", "confirmed")),
        ],
        "parallel": parallel,
        "published": [
            *(PUBLISHED, experiment.FINALS, *steptime),
            *map(_summary, ("matmul", "training")),
        ],
        "statements": [
            *(experiment.EXAMPLES, *matmul, experiment.CEILINGS, *compared),
            *(experiment.CURVES, PROBLEM, experiment.FINALS),
            *map(_summary, ("variants", "gradient_law")),
        ],
    }
    if experiment.own(config):
        inputs["swept"] = [experiment.CURVES]
    if protocol:
        inputs |= {"protocol": [PUBLISHED, *protocol], "protocol_parts": protocol}
        inputs["statements"] += [_summary("protocol")]
    return inputs


def _options(config: dict) -> dict[str, dict]:
    """What each summary is asked for, where that is anything."""
    answer = experiment.answer(config)
    options = dict.fromkeys(ANSWERING, answer)
    if experiment.own(config):
        options["critical"] = answer | {"uneven": UNEVEN}
        least = min(target["gain"] for target in answer["targets"])
        options["gradient_noise"] = {"least_gain": least}
        options["swept"] = {"batch_sizes": sorted(config["sweep"]["batch_size"])}
        return options
    options["training"] = _target_loss(config)
    runs = {"runs": sorted(experiment.plain_runs(config))}  # in whatever order they stand
    options["runs_to_target"] = _target_loss(config) | runs
    options["surface"] = {"targets": answer["targets"][:1]}
    return options


def figures(config: dict) -> dict[str, Target]:
    """Every figure, by the name of its files; one that would show no run is left out.

    Their parameters name the places, pairs of framework and device, whose rows they show.
    """
    tables = experiment.measured(config)
    places = experiment.places(config)
    if experiment.own(config):
        return {name: _figure(config, tables, name, places, alone=False) for name in ANSWER_FIGURES}
    found, left_out = {}, () if tables[experiment.VARIANTS]["runs"] else OF_VARIANTS
    for figure in COMPARING:
        shown = [place for place in places if figure != "published" or place[0] in _published()]
        if figure == "protocol" and not _in("results/protocol/", tables):
            continue
        if shown and (figure != "product_device" or len(config["devices"]) > 1):
            found[figure] = _figure(config, tables, figure, shown, alone=False)
    for figure in OF_THE_FIRST:
        for place in places:
            if place[0] == config["frameworks"][0]:
                found[f"{figure}-{place[1]}"] = _figure(config, tables, figure, [place], alone=True)
    for name, made in found.copy().items():
        figure = made.parameters["figure"]
        if figure in left_out or (figure in TRACED and not _in("results/train/", made.inputs)):
            del found[name]
    return found


def report(config: dict) -> Target:
    """The page: the verdicts, all summaries, and all figures as SVG."""
    tables = experiment.measured(config)
    verdicts = _in("results/verify/", tables)
    drawn = [f"results/figures/{name}.svg" for name in figures(config)]
    read = [source(config), *verdicts, *map(_summary, summaries(config)), *drawn]
    shown = {"config": config, "missing": experiment.missing(config)}
    return Target(read, shown | experiment.expected(verdicts, tables))


def _figure(
    config: dict, tables: dict, figure: str, places: list[environments.Place], *, alone: bool
) -> Target:
    """What a figure reads, the dataset's source last, and its parameters.

    `alone` says that it shows its one place's rows only, whatever else is in its tables.
    """
    if figure in SUMMARISED:
        read = [*map(_summary, SUMMARISED[figure])]
    else:
        folders = [f"results/train/{name}/{device}" for name, device in places]
        runs = experiment.plain_runs(config)
        traces = [f"{folder}/{run}.parquet" for folder in folders for run in runs]
        read = [path for path in traces if path in tables]  # some are for the first framework only
        read += map(_summary, TRACED[figure])
    options = _target_loss(config) if figure == "loss_by_time" else {}
    if figure in OF_NO_PLACE:
        places = []
    about = {"figure": figure, "places": places, "alone": alone, "options": options}
    return Target([*read, source(config)], about | experiment.expected(read, tables))


def _published() -> set[str]:
    """The frameworks that the chapter has results of."""
    with (ROOT / PUBLISHED).open(encoding="utf-8") as file:
        return {row["framework"] for row in csv.DictReader(file)}


def _target_loss(config: dict) -> dict:
    return {"target_loss": float(config["training"]["target_loss"])}


def _summary(name: str) -> str:
    return f"results/summary/{name}.parquet"


def _in(folder: str, paths: Iterable[str]) -> list[str]:
    return [path for path in paths if path.startswith(folder)]
