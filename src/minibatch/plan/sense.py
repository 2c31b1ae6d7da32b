"""What a schema cannot say of a configuration: which of its values do not fit together."""

import math
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from minibatch import frameworks
from minibatch.plan import experiment
from minibatch.plan.schemas import FEWEST
from minibatch.plan.written import Key
from minibatch.sgd import objective, surrogate
from minibatch.sgd.examples import split
from minibatch.sgd.factors import gradient
from minibatch.sgd.scaling import scale
from minibatch.tables import cores
from minibatch.tables.epochs import WHOLE_EPOCHS

LOWEST = 1e-4  # above the floor, as a share of it: lower ones take millions of steps


def suggest(name, known: Sequence[str]) -> str:
    """Which of the known names a mistyped one may be, or all of them."""
    close = get_close_matches(str(name), list(map(str, known)), n=1)
    return f"; did you mean {close[0]}?" if close else f"; known: {', '.join(map(str, known))}"


def problems(config: dict) -> Iterator[tuple[Key, str]]:
    """What a schema cannot say."""
    known = frameworks.names()
    for index, name in enumerate(config["frameworks"]):
        if name not in known:
            yield ("frameworks", index), f"unknown framework {name!r}{suggest(name, known)}"
    places = experiment.places(config)
    for index, device in enumerate(config["devices"]):
        if device not in {where for _, where in places}:
            yield ("devices", index), f"none of {', '.join(config['frameworks'])} runs on {device}"
    first = config["frameworks"][0]
    if places and first in known and first not in {framework for framework, _ in places}:
        what = f"{first} does the exercises, but does not run on {', '.join(config['devices'])}"
        yield ("frameworks", 0), f"{what}; name another one first"
    finite = [("steptime", "budget_seconds"), ("confirm", "budget_seconds")]
    if experiment.own(config):
        finite += [("confirm", "longest_seconds"), ("sweep", "budget_gflop")]
    else:
        finite += [("matmul", "budget_seconds"), ("parallel", "budget_seconds")]
        finite += [("training", "target_loss")]
    for section, name in finite:
        if not math.isfinite(config[section][name]):
            yield (section, name), "not a finite number"
    for section in ("steptime", "sweep"):
        for index, size in enumerate(config[section]["batch_size"]):
            if size > config["dataset"]["rows"]:
                what = f"{size} is above the {config['dataset']['rows']} examples (dataset.rows)"
                yield (section, "batch_size", index), what
    yield from _answer_problems(config)
    if not experiment.own(config):
        yield from _chapter_problems(config, known)


def _chapter_problems(config: dict, known: list[str]) -> Iterator[tuple[Key, str]]:
    """What is wrong of matrices, of ranks and of the chapter's runs."""
    matmul = config["matmul"]
    for device in config["devices"]:
        n, section = matmul["blocks"]["n"], "matmul.cuda" if device == "cuda" else "matmul"
        if n not in experiment.products(config, device)["sizes"]:
            yield ("matmul", "blocks", "n"), f"{n} is not among {section}.sizes"
    if "float32" not in matmul["cuda"]["precisions"]:
        what = "float32 is missing, which the others are compared with"
        yield ("matmul", "cuda", "precisions"), what
    if 1 not in config["parallel"]["ranks"]:
        yield ("parallel", "ranks"), "1 is missing, which the others are compared with"
    runs = config["training"]["runs"]
    for name, run in runs.items():
        key = ("training", "runs", name)
        base = run.get("base")
        if base is not None and base not in runs:
            yield (*key, "base"), f"there is no run {base!r}{suggest(base, runs)}"
        elif base is not None and "base" in runs[base]:
            yield (*key, "base"), f"{base} has a base itself; name {runs[base]['base']}"
        else:
            yield from _run_problems(config, name, key, known)


def _answer_problems(config: dict) -> Iterator[tuple[Key, str]]:
    """What keeps the sweep and the times of steps from being multiplied."""
    both = {*config["sweep"]["batch_size"]} & {*config["steptime"]["batch_size"]}
    if len(both) < FEWEST:
        what = f"{len(both)} of these are among steptime.batch_size; at least {FEWEST} have to be"
        yield ("sweep", "batch_size"), what
    if experiment.own(config):
        gains = [target["gain"] for target in experiment.answer(config)["targets"]]
        for index, gain in enumerate(gains):
            if not LOWEST <= gain < 1:
                what = f"not from {LOWEST:.2%} to below 100%"
            elif gain in gains[:index]:
                what = "is there twice"
            else:
                continue
            yield ("answer", "targets", index), what
        return
    lowest = experiment.share(config["sweep"]["lowest"])
    if not LOWEST <= lowest <= 1:
        yield ("sweep", "lowest"), f"not from {LOWEST:.2%} to 100%"
    names = set()
    for index, target in enumerate(config["answer"]["targets"]):
        key = "answer", "targets", index
        text = isinstance(target, str)
        name = f"{experiment.share(target):g}%" if text else f"{target:g}"
        if name in names:
            yield key, f"{target} is there twice"
        names.add(name)
        if text and experiment.share(target) < lowest:
            yield key, f"{target} is below sweep.lowest, {config['sweep']['lowest']}"
        elif not text and not math.isfinite(target):
            yield key, "not a finite number"


def _run_problems(config: dict, name: str, key: Key, known: list[str]) -> Iterator[tuple[Key, str]]:
    run = config["training"]["runs"][name]
    for framework in run.get("override", {}).keys() - known:
        yield (*key, "override", framework), f"unknown framework{suggest(framework, known)}"
    for framework in config["frameworks"]:
        if name not in experiment.runs(config, framework):
            continue
        values = experiment.resolve(config, name, framework)
        missing = {"implementation", "batch_size", "learning_rate", "epochs"} - values.keys()
        if missing:
            yield key, f"{', '.join(sorted(missing))} missing"
            continue
        if values["implementation"] in WHOLE_EPOCHS and values["loaders"] != ["direct"]:
            yield (*key, "loaders"), "a compiled run indexes by itself; write loaders: [direct]"
        visits = config["dataset"]["rows"] * values["copies"]
        for size in values["batch_sizes"]:
            if size > visits:
                overridden = "batch_size" in run.get("override", {}).get(framework, {})
                yield (
                    (*key, *(("override", framework) if overridden else ()), "batch_size"),
                    f"{size} is above the {visits} examples of an epoch (dataset.rows × copies)",
                )
        if not all(map(math.isfinite, values["learning_rates"])):
            yield (*key, "learning_rate"), "not a finite number"


def warnings(config: dict) -> list[str]:
    """What is allowed, but deserves a word."""
    found = [
        f"warning: {framework} is not measured on {device}: there is no "
        f"workflow/envs/{framework}-{device}.txt"
        for framework, device in experiment.missing(config)
    ]
    return found if experiment.own(config) else found + _chapter_warnings(config)


def _chapter_warnings(config: dict) -> list[str]:
    """What is allowed since the chapter does it, and what ranks wait for."""
    table = scale(surrogate.table(), config["dataset"]["scaling"])[: config["dataset"]["rows"]]
    features, _ = split(table)
    limit = objective.stability_limit(features)
    unstable, found = [], []
    for framework in config["frameworks"]:
        for run in experiment.plain_runs(config):
            values = experiment.resolve(config, run, framework)
            full = config["dataset"]["rows"] * values["copies"]
            rate = values["learning_rates"][0]
            if values["batch_sizes"] == [full] and rate * gradient(values["objective"]) > limit:
                unstable.append(f"{run} ({rate:g})")
    if unstable:
        found.append(
            f"warning: learning rate above 2/λmax = {limit:.4f}, so that full-batch descent "
            f"diverges: {', '.join(dict.fromkeys(unstable))}"
        )
    ranks = max(config["parallel"]["ranks"])
    if ranks > cores.available() and "cpu" in config["devices"]:
        # no more than a warning: on a cluster, others' cores count than those of the login node
        here = f"snakemake may use {cores.described()} here"
        found.append(f"warning: parallel.ranks: {here}, on which {ranks} ranks take turns")
    return found
