"""What the configuration asks for: every measured table, and the parameters it is made with.

Each job gets just the slice of the configuration that it depends on, so that a changed value
reruns that job, what depends on it, and nothing else.
"""

from collections.abc import Iterable

from minibatch.plan import environments, fingerprint, gate
from minibatch.sgd import factors
from minibatch.sgd.plain import PLAIN
from minibatch.tables.canonical import digest
from minibatch.tables.epochs import WHOLE_EPOCHS

EXAMPLES = "results/data/examples.parquet"
BASELINE = "results/steptime/baseline/cpu.parquet"
CEILINGS = "results/ceilings.parquet"
CURVES = "results/sweep/curves.parquet"
FINALS = "results/sweep/finals.parquet"
VARIANTS = "results/sweep/variants.parquet"
DEFAULTS = {"objective": "half_mse"} | PLAIN
SMALLER = 100  # the batch size whose epochs the chapter compares with those of the full batch
GAIN = " of the gain"  # what there is between the loss at zero weights and the floor


def own(config: dict) -> bool:
    """Whether the study is of a table of the user's own, and not of the chapter's."""
    return "file" in config["dataset"]


def resolve(config: dict, run: str, framework: str) -> dict:
    """The values of a run: its own, over those of its base, and the framework's over both.

    Batch sizes and learning rates are lists: a run with several is a grid of all combinations.
    """
    runs = config["training"]["runs"]
    own = runs[run]
    common = {"loaders": config["training"]["loaders"], "seeds": config["seeds"]}
    values = DEFAULTS | common | runs.get(own.get("base"), {}) | own
    values |= values.get("override", {}).get(framework, {})
    for name, kind in (("batch_size", int), ("learning_rate", float)):
        if name in values:
            several = values[name] if isinstance(values[name], list) else [values[name]]
            values[f"{name}s"] = [kind(value) for value in several]
    return {
        name: value
        for name, value in values.items()
        if name not in ("base", "override", "frameworks")
    }


def runs(config: dict, framework: str) -> list[str]:
    """The runs that a framework does; some are for the first one only."""
    every = config["training"]["runs"]
    if framework == config["frameworks"][0]:
        return list(every)
    return [
        name
        for name, run in every.items()
        if "frameworks" not in every.get(run.get("base"), {}) | run
    ]


def places(config: dict) -> list[environments.Place]:
    """The pairs of a framework and a device that are measured; some frameworks lack GPUs."""
    return environments.places(config["frameworks"], config["devices"])


def missing(config: dict) -> list[environments.Place]:
    """The other pairs of a framework and a device that the configuration names."""
    pairs = [(name, device) for name in config["frameworks"] for device in config["devices"]]
    return [pair for pair in pairs if pair not in places(config)]


def measured(config: dict) -> dict[str, dict]:
    """Every table that is prepared or measured, by path, with the parameters it is made with.

    They name the digest of the parameters of each table that goes into it, so that a stage can
    tell whether what it reads is what the configuration asks for, and the pins of what measures.
    """
    found = {EXAMPLES: _examples(config)}
    examples = expected([EXAMPLES], found)
    values = _steptime(config) | examples | _packages("baseline")
    found |= _gathered(BASELINE, config["steptime"], values)
    found[CURVES] = _sweep(config) | examples | _packages("sweep")
    if not own(config):
        found |= _of_the_chapter(config, examples)
    for framework, device in places(config):
        common = {"framework": framework, "device": device, "threads": config["threads"]}
        folder = f"{framework}/{device}"
        verdicts = gate.verdicts(framework, device)
        precisions = {"precisions": _precisions(config, device)}
        checked = common | precisions | _packages("verify", (framework, device))
        found |= dict.fromkeys(verdicts, checked)
        path = f"results/steptime/{folder}.parquet"
        values = common | {"loaders": _loaders(config)} | _steptime(config)
        values |= expected([EXAMPLES, *verdicts], found)
        values |= _packages("steptime", (framework, device))
        found |= _gathered(path, config["steptime"], values)
        predicted = f"results/predicted/{folder}.parquet"
        found[predicted] = _predicted(config) | expected([EXAMPLES, CURVES, path], found)
        values = common | _confirm(config) | expected([EXAMPLES, predicted, *verdicts], found)
        values |= _packages("confirm", (framework, device))
        found |= _gathered(f"results/confirm/{folder}.parquet", config["confirm"], values)
        if not own(config):
            found |= _trained(config, framework, device, verdicts, found)
    return found


def _of_the_chapter(config: dict, examples: dict) -> dict[str, dict]:
    """What is measured of the chapter's runs and of matrices, whatever the framework."""
    found = {}
    wanted = {"runs": problems(config), "seeds": config["sweep"]["seeds_of_runs"]}
    found[FINALS] = wanted | examples | _packages("finals")
    wanted = {"runs": problems(config, scratch=True), "seeds": config["sweep"]["seeds"]}
    found[VARIANTS] = wanted | examples | _packages("variants")
    for device in config["devices"]:
        values = _parallel(config, device) | examples | _packages("parallel")
        found |= _gathered(f"results/parallel/{device}.parquet", config["parallel"], values)
    for path, launch in _protocol(config).items():
        found[path] = launch | examples | _packages("protocol")
    found |= _gathered(CEILINGS, config["matmul"], _ceilings(config) | _packages("ceilings"))
    return found


def _trained(
    config: dict, framework: str, device: str, verdicts: list[str], tables: dict[str, dict]
) -> dict[str, dict]:
    """The products and training runs of a framework on a device, which read other tables."""
    common = {"framework": framework, "device": device, "threads": config["threads"]}
    folder = f"{framework}/{device}"
    values = common | expected(verdicts[:1], tables) | _packages("matmul", (framework, device))
    values |= _matmul(config, framework, device)
    found = _gathered(f"results/matmul/{folder}.parquet", config["matmul"], values)
    for run in runs(config, framework):
        values = common | _train(config, run, framework)
        concerned = verdicts if values["implementation"] in WHOLE_EPOCHS else verdicts[:1]
        values |= expected([EXAMPLES, *concerned], tables)
        values |= _packages("train", (framework, device))
        found[f"results/train/{folder}/{run}.parquet"] = values
    return found


def expected(inputs: Iterable[str], tables: dict[str, dict]) -> dict:
    """The digest of the parameters that each measured table among some inputs must have."""
    return {"inputs": {path: digest(tables[path]) for path in inputs if path in tables}}


def plain_runs(config: dict) -> list[str]:
    """The runs that stand for themselves: no variant of another, and no several in one."""
    runs = config["training"]["runs"]
    return [name for name, run in runs.items() if "base" not in run and not _lists(run)]


def _lists(run: dict) -> list[str]:
    """What a run has several values of, at least in a framework."""
    said = [run, *run.get("override", {}).values()]
    names = ("batch_size", "learning_rate")
    return [name for name in names if any(isinstance(values.get(name), list) for values in said)]


def problems(config: dict, *, scratch: bool = False) -> list[dict]:
    """What the plain runs descend in any framework, each problem once: learning rates of ½·MSE.

    A run that is another problem in a framework after the first is there by both names. Large
    batches come first, whatever the order of the runs. `scratch` are those of the first framework
    that are written from scratch.
    """
    found, wanted = {}, PLAIN | ({"implementation": "scratch"} if scratch else {})
    for framework in config["frameworks"][: 1 if scratch else None]:
        for run in sorted({*plain_runs(config)} & {*runs(config, framework)}):
            values = resolve(config, run, framework)
            if not values.items() >= wanted.items():
                continue
            [size], [rate] = values["batch_sizes"], values["learning_rates"]
            problem = size, rate * factors.gradient(values["objective"]), values["epochs"]
            name = run if run not in found.values() else f"{run}_{framework}"
            found.setdefault(problem, name)
    names = ("batch_size", "learning_rate", "epochs")
    return [
        {"run": found[about], **dict(zip(names, about, strict=True))}
        for about in sorted(found, key=lambda problem: (-problem[0], problem[1:]))
    ]


def cases(matmul: dict, n: int) -> list[tuple[str, int, int, str]]:
    """The (strategy, n, block width, precision) that are measured at a size; 0 where no block is.

    What multiplies matrices does so in every precision, what multiplies vectors in float32.
    """
    found = []
    for strategy in matmul["strategies"]:
        further = matmul["blocks"]["columns"] if n == matmul["blocks"]["n"] else []
        widths = sorted({matmul["block"], *further}) if strategy == "block" else [0]
        precisions = matmul["precisions"] if strategy in ("block", "full") else ["float32"]
        found += [(strategy, n, width, name) for name in precisions for width in widths]
    return found


def _examples(config: dict) -> dict:
    """What the examples are made of: of a table of the user's own, its content as well."""
    names = ("file", "target", "drop", "sha256") if own(config) else ("rows", "scaling")
    return {name: config["dataset"][name] for name in names}


def _loaders(config: dict) -> list[str]:
    """The loaders whose steps are timed."""
    return config["steptime" if own(config) else "training"]["loaders"]


def _precisions(config: dict, device: str) -> list[str]:
    """The precisions that are checked; no matrices are multiplied for a table of the user's own."""
    return ["float32"] if own(config) else products(config, device)["precisions"]


def _packages(stage: str, place: environments.Place | None = None) -> dict[str, dict[str, str]]:
    """The pins of what a stage imports from the main environment, and a framework with it.

    A framework in an environment of its own has none: its record is an input of the gate.
    """
    if place and environments.record(*place):
        return {}
    modules = [f"minibatch.frameworks.{place[0]}"] if place else []
    imported = fingerprint.imports(f"minibatch.stages.{stage}", *modules)
    return {"packages": environments.packages(imported)}


def _parallel(config: dict, device: str) -> dict:
    """The parameters of the steps that several processes share."""
    parallel = config["parallel"]
    return {
        "device": device,
        "ranks": parallel["ranks"],
        "batch_sizes": parallel["batch_size"],
        "budget_seconds": float(parallel["budget_seconds"]),
    }


def _protocol(config: dict) -> dict[str, dict]:
    """The parameters of each launch that times the chapter's runs by its own clock, by path.

    On the CPU, whose times it gives; none where the configuration lacks one of the two runs.
    """
    found = [_chapters(config, size) for size in (config["dataset"]["rows"], SMALLER)]
    if None in found or found[0] == found[1] or "cpu" not in config["devices"]:
        return {}
    protocol = config["protocol"]
    values = {"runs": found, "repeats": protocol["repeats"], "threads": config["threads"]}
    return _launches("results/protocol", protocol, values)


def _chapters(config: dict, batch_size: int) -> dict | None:
    """The first run from scratch at a batch size, as PyTorch has it; None if there is none."""
    wanted = DEFAULTS | {"implementation": "scratch", "batch_sizes": [batch_size]}
    for run in plain_runs(config):
        values = resolve(config, run, "pytorch")
        if values.items() >= wanted.items():
            [rate] = values["learning_rates"]
            return {"batch_size": batch_size, "epochs": values["epochs"], "learning_rate": rate}
    return None


def products(config: dict, device: str) -> dict:
    """What the configuration says of matrix products on a device."""
    matmul = config["matmul"]
    return matmul | (matmul["cuda"] if device == "cuda" else {"precisions": ["float32"]})


def _matmul(config: dict, framework: str, device: str) -> dict:
    """The cases that a framework times on a device: strategies, and what bounds them.

    On a GPU, where NumPy has no copies, these are among them.
    """
    matmul = products(config, device)
    if framework != config["frameworks"][0]:
        no_further = {"n": 0, "columns": []}
        matmul = matmul | {"sizes": matmul["sizes_of_others"], "blocks": no_further}
    ceilings = matmul["ceilings"]
    wanted = [case for n in matmul["sizes"] for case in cases(matmul, n)]
    wanted += [("product", ceilings["product"], 0, name) for name in matmul["precisions"]]
    if "copy_mib" in ceilings:
        wanted.append(("copy", ceilings["copy_mib"] * 2**18, 0, "float32"))
    budget = {"budget_seconds": float(matmul["budget_seconds"])}
    return {"cases": [("call", 1, 0, "float32"), *wanted]} | budget


def _ceilings(config: dict) -> dict:
    """What bounds the machine, whatever the framework."""
    matmul = config["matmul"]
    return matmul["ceilings"] | {"budget_seconds": float(matmul["budget_seconds"])}


def _launches(whole: str, section: dict, parameters: dict) -> dict[str, dict]:
    """The parameters of the table of each launch, by path, in the folder called like the whole."""
    return {
        f"{whole.removesuffix('.parquet')}/{launch}.parquet": parameters | {"launch": launch}
        for launch in range(1, section["launches"] + 1)
    }


def _gathered(whole: str, section: dict, parameters: dict) -> dict[str, dict]:
    """Those of the tables of all launches, and of the whole that they are put together to."""
    parts = _launches(whole, section, parameters)
    return parts | {whole: expected(parts, parts)}


def _steptime(config: dict) -> dict:
    """What the configuration says of the times of steps."""
    steptime = config["steptime"]
    budget = float(steptime["budget_seconds"])
    return {"batch_sizes": steptime["batch_size"], "budget_seconds": budget}


def _sweep(config: dict) -> dict:
    """What the configuration says of the losses by batch size and learning rate."""
    sweep = config["sweep"]
    grid = {"batch_sizes": sorted(sweep["batch_size"]), "seeds": sweep["seeds"]}
    grid |= {"learning_rates": sweep["learning_rates"]}
    if own(config):
        gains = [target["gain"] for target in answer(config)["targets"]]
        return grid | {"gains": gains, "budget_gflop": float(sweep["budget_gflop"])}
    return grid | {"excess": share(sweep["lowest"])}


def _predicted(config: dict) -> dict:
    """What runs are planned to: the first target alone, since the others change nothing.

    For a table of the user's own the chapter's batch sizes are of no interest, and a run may take
    too long.
    """
    first = {"target": answer(config)["targets"][0]}
    if not own(config):
        return first
    return first | {"also": [], "longest_seconds": float(config["confirm"]["longest_seconds"])}


def _confirm(config: dict) -> dict:
    """What the configuration says of real runs: their seeds come after those of the sweep."""
    confirm = config["confirm"]
    amount = {"seeds": confirm["seeds"], "budget_seconds": float(confirm["budget_seconds"])}
    return amount | {"beyond": config["sweep"]["seeds"]}


def answer(config: dict) -> dict:
    """What the configuration says of the answer: targets as losses, or as excess over the floor.

    For a table of the user's own, as shares of the gain.
    """
    resamples = {"resamples": config["answer"]["resamples"]}
    if own(config):
        gains = [share(target.removesuffix(GAIN)) for target in config["answer"]["targets"]]
        return {"targets": [{"gain": gain} for gain in gains]} | resamples
    lowest = share(config["sweep"]["lowest"])
    targets = [
        {"excess": share(target)}
        if isinstance(target, str)
        else {"loss": float(target), "lowest": lowest}
        for target in config["answer"]["targets"]
    ]
    return {"targets": targets} | resamples


def share(text: str) -> float:
    """0.001 for "0.1%"."""
    return float(text.removesuffix("%")) / 100


def _train(config: dict, run: str, framework: str) -> dict:
    values = resolve(config, run, framework)
    del values["batch_size"], values["learning_rate"]  # they stand there as lists
    return values | {"run": run}
