"""Tables as the stages write them, for tests that measure nothing."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from minibatch.sgd.curves import COLUMNS, GROUPS, QUANTILES
from minibatch.sgd.gradients import variance
from minibatch.sgd.protocols import BOOK, WITHOUT, Run
from minibatch.sgd.strategies import flop
from minibatch.stages.finals import COLUMNS as COLUMNS_OF_FINALS
from minibatch.summaries import confirmed, machines
from minibatch.summaries import ends as summaries_of_ends
from minibatch.summaries import variants as summaries
from minibatch.summaries.ladder import RUNGS
from minibatch.tables.canonical import digest

# A run as in the chapter, all of the dataset at once.
RUN = {
    "machine": "here",
    "framework": "pytorch",
    "device": "cpu",
    "implementation": "scratch",
    "objective": "half_mse",
    "loader": "framework",
    "batch_size": 1500,
    "learning_rate": 1.0,
    "epochs": 2,
    "schedule": "constant",
    "sampling": "permutation",
    "copies": 1,
    "seed": 0,
}


def trace(run, losses, seconds, **values):
    """A trace of a point every half epoch, whose time is all computing."""
    points = np.arange(len(losses))
    columns = {"run": run, "step": points, "epoch": points / 2, "loss": losses}
    clock = {"seconds": seconds, "load_seconds": 0.0, "compute_seconds": seconds}
    return pd.DataFrame(columns | clock | {"update_seconds": 0.0}).assign(**RUN | values)


def samples(
    seconds: dict[tuple[str, str, str, int], Sequence[float]], examples=1500, repeats=2, **about
) -> pd.DataFrame:
    """Whole epochs of SGD, by framework, implementation, loader and batch size: seconds a step.

    One value a launch, which each of its repeats took; a tenth of it for loading.
    """
    rows = []
    for (framework, implementation, loader, size), values in seconds.items():
        steps = -(-examples // size)
        cell = {"framework": framework, "implementation": implementation, "loader": loader}
        cell |= {"batch_size": size, "epochs": 1, "epoch_steps": steps, "steps": steps}
        for launch, value in enumerate(values, start=1):
            took = {"seconds": steps * value, "cpu_seconds": steps * value}
            took |= {"start_seconds": value / 10, "load_seconds": (steps - 1) * value / 10}
            took |= {"compute_seconds": steps * value / 2, "update_seconds": steps * value * 0.4}
            rows += [cell | took | {"launch": launch, "repeat": index} for index in range(repeats)]
    calibrated = dict.fromkeys(("calibration_before", "calibration_after"), 0.01)
    names = {"machine": "here", "device": "cpu", "examples": examples, "busy": False}
    return pd.DataFrame(rows).assign(first_call_seconds=1.0, **names | calibrated | about)


def launches(seconds: dict, *more: pd.DataFrame, **about) -> dict[str, pd.DataFrame]:
    """Tables of `samples`, those without a framework apart; a plain loop's where there is none."""
    found = pd.concat([samples(seconds, **about), *more])
    sizes = found.batch_size.unique()
    loop = samples({("numba", "baseline", "direct", size): [1e-8, 2e-8] for size in sizes})
    below = found[found.implementation == "baseline"]
    others = found[found.implementation != "baseline"]
    return {"samples": others, "baseline": loop if below.empty else below}


def curves(counts: dict[int, int], lowest=0.2417, examples=1500, **about) -> pd.DataFrame:
    """Losses of a sweep by batch size: the lowest from this many steps on, at one rate of three.

    At a smaller rate the loss stays as it was, at a larger one the runs diverge.
    """
    rows = []
    for size, count in counts.items():
        for step in sorted({0, max(0, count - 1), count, 2 * count}):
            fallen = lowest if step >= count else 0.5
            for rate, loss in ((0.01, 0.5), (0.1, fallen), (1.0, np.inf if step else 0.5)):
                row = {"batch_size": size, "learning_rate": rate, "step": step}
                rows.append(row | {"examples": min(step * size, examples), "mean_loss": loss})
    table = pd.DataFrame(rows)
    same = dict.fromkeys([*QUANTILES, *GROUPS], table.mean_loss)
    known = {"variant": "plain", "seeds": len(GROUPS), "standard_error": 0.0}
    return table.assign(**known, expected_loss=np.nan, **same, **about)


def finals(runs: Sequence[dict], losses: dict[str, float], seeds=200) -> pd.DataFrame:
    """The losses of the seeds of runs, evenly from 0.99 to 1.01 times one by the run's name."""
    spread = np.linspace(0.99, 1.01, seeds)
    parts = [
        pd.DataFrame(run | {"seed": range(seeds), "loss": losses[run["run"]] * spread})
        for run in runs
    ]
    return pd.concat(parts) if parts else pd.DataFrame(columns=[*COLUMNS_OF_FINALS])


def ended(closest: dict[str, str], **about) -> pd.DataFrame:
    """How problems end, at a loss of 0.24 with its interval, by whether each is closest."""
    known = {"batch_size": 10, "learning_rate": 0.1, "epochs": 2, "seeds": 10_000}
    known |= {"loss": 0.24, "loss_low": 0.23, "loss_high": 0.26}
    table = pd.DataFrame({"run": closest.keys(), "closest": closest.values()})
    return table.assign(**known | about)[summaries_of_ends.COLUMNS]


def variants(
    runs: Sequence[dict], factors: dict[tuple[str, str], float], floor=0.2417, examples=1500
) -> pd.DataFrame:
    """Losses of runs and variants after each epoch of the run, by both names.

    The loss above the floor, 0.25 at the start, falls by a factor an epoch; groups of seeds are
    evenly from 0.9 to 1.1 times that.
    """
    rows = []
    for run in runs:
        epoch = -(-examples // run["batch_size"])
        for (name, variant), factor in factors.items():
            for count in range(11 if name == run["run"] else 0):
                with np.errstate(over="ignore"):
                    losses = floor + np.float64(factor) ** count * 0.25 * np.linspace(0.9, 1.1, 40)
                row = run | {"variant": variant, "step": count * epoch, "examples": 0, "seeds": 40}
                rows.append(row | dict(zip(GROUPS, losses, strict=True)))
    known = dict.fromkeys(["mean_loss", "standard_error", "expected_loss", *QUANTILES], np.nan)
    return pd.DataFrame(rows, columns=["run", "epochs", *COLUMNS]).assign(**known)


ANSWER = {"targets": [{"loss": 0.25, "lowest": 0.01}], "resamples": 100}


def swept(counts: dict[int, int] | None = None) -> dict[str, pd.DataFrame]:
    """The tables that the steps to a loss are made from, and those of no run of the chapter."""
    counts = {1: 500, 10: 60, 100: 9, 1500: 3} if counts is None else counts
    problem = pd.DataFrame({"examples": [1500], "floor": [0.2417]})
    none = {
        "finals": finals([], {}),
        "variants": pd.DataFrame(columns=summaries.COLUMNS, dtype=float),
    }
    return {"curves": curves(counts), "problem": problem} | none


def law(examples=1500, sizes=(1, 10, 100, 1500)) -> pd.DataFrame:
    """Gradients of batches that are by the law, σ = 2, with intervals of a tenth on both sides."""
    rows = [
        {"point": point, "sampling": method, "batch_size": size, "exact": 2 * np.sqrt(share)}
        | dict.fromkeys(("sampled", "sampled_low", "sampled_high"), 2 * np.sqrt(share or np.nan))
        | {"bias": 1.0 if share else np.nan, "batches": 2000 if share else np.nan}
        for point in ("start", "optimum")
        for method in ("permutation", "replacement")
        for size in sizes
        for share in [variance(size, examples, method)]
    ]
    table = pd.DataFrame(rows)
    table[["sampled_low", "sampled_high"]] *= [0.9, 1.1]
    return table.assign(examples=examples, variance_error=0.0, mean_error=0.0, bias_limit=4.0)


def real(predicted: pd.DataFrame, launches=(1,), seeds=2, turns=1, **about) -> pd.DataFrame:
    """Real runs of what is predicted, which take just that time and end at a loss of 0.249."""
    rows = [
        row._asdict() | {"launch": launch, "seed": 2000 + launch * seeds + seed, "turn": turn}
        for row in predicted.itertuples(index=False)
        for launch in launches
        for seed in range(seeds)
        for turn in range(turns)
    ]
    table = pd.DataFrame(rows, columns=[*predicted.columns, "launch", "seed", "turn"])
    known = dict.fromkeys(("calibration_before", "calibration_after"), 0.01)
    known |= {"machine": "here", "cpu_seconds": table.seconds, "epochs": 1, "loss": 0.249}
    return table.assign(busy=False, **known | about)


def unconfirmed() -> pd.DataFrame:
    """Of no batch size a real run."""
    return pd.DataFrame(columns=confirmed.COLUMNS).astype({"runs": int, "best": bool})


def steps(seconds: dict[tuple[int, int], Sequence[float]], **about) -> pd.DataFrame:
    """Data-parallel steps by ranks and batch size, of the seconds of each launch; three of each."""
    rows = [
        {"ranks": ranks, "batch_size": size, "launch": launch, "repeat": repeat, "seconds": value}
        for (ranks, size), values in seconds.items()
        for launch, value in enumerate(values, 1)
        for repeat in range(3)
    ]
    return pd.DataFrame(rows).assign(**{"machine": "here", "device": "cpu"} | about)


def clocked(runs: Sequence[Run], repeats: int, launch: int, **about) -> pd.DataFrame:
    """Runs by the chapter's clock in one launch, those by its own protocol several times."""
    ways = [(BOOK, repeat) for repeat in range(repeats)] + [(way, 0) for way in WITHOUT.values()]
    rows = [
        run._asdict() | way._asdict() | {"repeat": repeat, "full_collections": repeat % 2}
        for run in runs
        for way, repeat in ways
    ]
    common = {"machine": "here", "launch": launch, "seconds": 1e-3, "objects": 267_000}
    return pd.DataFrame(rows).assign(**common | about)


Product = tuple[str, int, int, str]  # strategy, n, block and precision


def products(
    seconds: dict[Product, Sequence[float]], levels: dict[int, str] | None = None, **about
) -> pd.DataFrame:
    """Whole products, and copies of n numbers, by the seconds of each launch; two repeats of each.

    `levels` are those of copies, by their numbers.
    """
    rows = [
        dict(zip(("strategy", "n", "block", "precision"), case, strict=True))
        | {"level": (levels or {}).get(case[1], "memory") if case[0] == "copy" else ""}
        | {"work": 8 * case[1] if case[0] == "copy" else flop(case[1]), "calls": 1}
        | {"launch": launch, "repeat": repeat, "seconds": value, "cpu_seconds": value}
        for case, values in seconds.items()
        for launch, value in enumerate(values, 1)
        for repeat in range(2)
    ]
    about = {"framework": "pytorch", "device": "cpu", "threads": 1} | about
    quiet = {"calibration_before": 0.01, "calibration_after": 0.01, "busy": False}
    return pd.DataFrame(rows).assign(**{"machine": "here"} | quiet | about)


def ceilings(gflops=100.0, copies=None) -> pd.DataFrame:
    """Three launches of NumPy's product, and copies at so many GB/s, by level."""
    copies = {"L1": 80.0, "L2": 40.0, "L3": 20.0, "memory": 10.0} if copies is None else copies
    levels = {2**9 * 32**power: name for power, name in enumerate(copies)}
    seconds = {("copy", n, 0, "float32"): [8e-9 * n / copies[levels[n]]] * 3 for n in levels}
    seconds["product", 2048, 0, "float32"] = [flop(2048) / 1e9 / gflops] * 3
    return products(seconds, levels, framework="numpy")


def verdicts(failed: dict[str, str], subjects: Sequence[str], **about) -> pd.DataFrame:
    """What a gate found: every check passed but those of the subjects that failed, with why."""
    rows = [
        {"subject": name, "check": f"whether {name} is right", "passed": name not in failed}
        | {"detail": failed.get(name, "errors up to 3% of the bound")}
        for name in subjects
    ]
    return pd.DataFrame(rows).assign(**{"framework": "pytorch", "device": "cpu"} | about)


# Summary tables of one machine that takes `factor` times as long, and of several side by side.


def ends(name, value):
    return {f"{name}_median": value, f"{name}_low": value / 2, f"{name}_high": value * 2}


def around(name, value):
    return {name: value, f"{name}_low": value / 2, f"{name}_high": value * 2}


def ladder(factor=1.0, device="cpu", frameworks=("pytorch", "jax"), sizes=(1, 1500)):
    rows = [
        {"framework": framework, "rung": rung, "batch_size": size}
        | around("seconds", factor / size)
        for framework in frameworks
        for rung in RUNGS
        for size in sizes
    ]
    below = {"framework": "numba", "rung": "baseline", "batch_size": 1}
    rows.append(below | around("seconds", 1e-5))
    return pd.DataFrame(rows).assign(device=device, **around("ratio", 1.0))


def matmul(factor=1.0, device="cpu"):
    cases = [("element", 256, 0, 0.1), ("block", 256, 64, 40), ("full", 256, 0, 80)]
    # none of these is at the chapter's size, a product by a strategy, or in its precision
    cases += [("full", 64, 0, 7), ("block", 256, 16, 7), ("product", 256, 0, 7)]
    cases = [(*case, "float32") for case in [*cases, ("copy", 256, 0, 7)]]
    cases += [("full", 256, 0, 7, "tf32"), ("block", 256, 64, 7, "bfloat16")]
    return pd.DataFrame(
        {"strategy": strategy, "n": n, "block": block, "precision": precision}
        | {"rate": rate / factor, "rate_low": rate / factor / 2, "rate_high": 2 * rate / factor}
        for strategy, n, block, rate, precision in cases
    ).assign(framework="pytorch", device=device, threads=1)


def training(factor=1.0, device="cpu"):
    runs = [("gd", 4e-3), ("sgd", np.inf), ("grid", 7.0), ("grid", 7.0), ("gd_tenth", 7.0)]
    rows = pd.DataFrame(
        {"run": run, "loader": loader} | ends("seconds_to_target", factor * seconds)
        for run, seconds in runs
        for loader in ("framework", "direct")
    )
    rows["schedule"] = np.where(rows.run == "gd_tenth", "tenth", "constant")
    about = {"framework": "pytorch", "device": device, "sampling": "permutation", "copies": 1}
    about["batch_size"] = 10
    return rows.assign(**about)


def everything(factor=1.0, device="cpu"):
    made = {"ladder": ladder, "matmul": matmul, "training": training}
    return {name: make(factor, device) for name, make in made.items()}


def both(read, other):
    return {name: pd.concat([read[name], other[name]], ignore_index=True) for name in read}


def compared(**found):
    """Machines side by side, from the summary tables of each by its name."""
    return machines.compare(found, {name: f"{name}, CPU" for name in found})


def raw(seeds=5, rows=1500, **more):
    """The parameters of a run that summaries are made from, and of its data, by path."""
    examples = {"rows": rows}
    run = {"seeds": seeds, "inputs": {"results/data/examples.parquet": digest(examples)}}
    return {"train/pytorch/cpu/gd.parquet": run | more, "data/examples.parquet": examples}
