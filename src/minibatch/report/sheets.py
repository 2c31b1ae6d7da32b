"""The tables of the report, laid out as text."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from minibatch import frameworks
from minibatch.summaries import chapter
from minibatch.summaries.per_seed import plain
from minibatch.summaries.published import COUNTED
from minibatch.summaries.text import digits, times

ROUNDED_TO_ZERO = 0.0005  # the chapter gives GFLOP/s with three decimals


def sheet(title: str, frame: pd.DataFrame) -> dict:
    """Lay a table out as text; missing values as a dash."""
    rows = [
        ["–" if value is None or pd.isna(value) else _text(value) for value in row]
        for row in frame.astype(object).to_numpy().tolist()
    ]
    return {"title": title, "columns": list(frame.columns), "rows": rows}


def matmul(matmul: pd.DataFrame) -> dict:
    """The rates of all cases, and what a call takes."""
    units = matmul.strategy.map({"copy": " GB/s", "call": " µs"}).fillna(" GFLOP/s")
    call = matmul.strategy == "call"
    values = {
        name: matmul[f"rate{name}"].where(~call, 1e6 * matmul[f"seconds{name}"]).map(digits)
        for name in ("", "_low", "_high")
    }
    shown = matmul.assign(
        block=matmul.block.where(matmul.block > 0),
        level=matmul.level.where(matmul.level != ""),
        rate=values[""] + units,
        interval=values["_low"] + " to " + values["_high"],
    )
    columns = ["strategy", "n", "block", "precision", "level", "launches", "busy"]
    columns = ["framework", *places(shown), *columns, "rate", "interval"]
    return sheet(
        "Matrix products, calls and copies: mean rate over launches and its 95 % interval",
        shown[columns].convert_dtypes(),
    )


def training(training: pd.DataFrame) -> dict:
    """Final loss and time per epoch of all runs but the grid's cells."""
    single = training.groupby(["framework", "device", "run", "loader"]).run.transform("size") == 1
    runs = training[single]
    shown = pd.DataFrame(
        {
            "framework": runs.framework,
            **places(runs),
            "run": runs.run,
            "loader": runs.loader,
            "batch size": runs.batch_size,
            "learning rate": runs.learning_rate,
            "final loss": runs.loss_median.map("{:.4f}".format),
            "over seeds": _ranges(runs, "loss", "{:.4f}".format),
            "ms per epoch": (1e3 * runs.seconds_per_epoch_median).map(digits),
        }
    )
    return sheet("Runs: median over seeds", shown)


def published(published: pd.DataFrame) -> dict:
    """Every published number of the chapter, and ours."""
    settings = zip(published.implementation, published.experiment, strict=True)
    shown = pd.DataFrame(
        {
            "framework": published.framework,
            **places(published),
            "experiment": [
                f"{name} (concise)" if kind == "concise" else name for kind, name in settings
            ],
            "quantity": published.quantity.str.replace("_", " "),
            "published": published.published.map("{:.4g}".format),
            "measured": published.measured.map("{:.4g}".format),
            "range": _ranges(published, "", "{:.4g}".format),
            "ratio": _ratios(published),
            "percentile": _percentiles(published),
        }
    )
    shown.loc[published.measured.isna(), ["measured", "range", "ratio"]] = "not measured"
    return sheet(
        "Published results (section 12.5) and ours; ratios of epochs with intervals that hold with "
        "95 % for all of them together; percentile: among our seeds",
        shown,
    )


def ladder(ladder: pd.DataFrame) -> dict:
    """Milliseconds per epoch, and how many times those of the baseline, with intervals."""
    cells = ladder.assign(
        cell=(1e3 * ladder.seconds).map(digits)
        + " ms ("
        + ladder.ratio_low.map(times)
        + " to "
        + ladder.ratio_high.map(times)
        + ")"
    )
    key = ["framework", *places(cells), "rung"]
    order = list(dict.fromkeys(cells[key].itertuples(index=False, name=None)))
    table = cells.pivot(index=key, columns="batch_size", values="cell").reindex(order)
    table.columns = [f"batch size {size}" for size in table.columns]
    title = "Time per epoch, and the 95 % interval of its ratio to the baseline's: over launches"
    return sheet(title, table.reset_index())


def stepcost(stepcost: pd.DataFrame) -> dict:
    """What a step costs whatever its batch, and what an example adds, with intervals."""
    farthest = stepcost.residual.map("{:+.0%}".format) + " at batch size "
    shown = pd.DataFrame(
        {
            "framework": stepcost.framework,
            "device": stepcost.device,
            "implementation": stepcost.implementation,
            "loader": stepcost.loader,
            "t₀ in µs": interval(stepcost, "t0_seconds", 1e6),
            "of it loading": known(1e6 * stepcost.load_t0_seconds),
            "c in ns per example": interval(stepcost, "c_seconds", 1e9),
            "an epoch's start in µs": known(1e6 * stepcost.start_seconds),
            "farthest from the line": farthest + stepcost.residual_at.map(str),
            "a line": stepcost.line,
        }
    )
    return sheet(
        "A step on b examples takes t₀ + c·b: mean over launches and its 95 % interval", shown
    )


def protocol(protocol: pd.DataFrame) -> dict:
    """The chapter's runs by its own clock, with ever less beside the steps."""
    single = protocol.assign(low=1e3 * protocol.least_seconds, high=1e3 * protocol.most_seconds)
    smaller = protocol.batch_size < protocol.batch_size.max()
    ratios = pd.Series(interval(protocol, "ratio", 1))
    shown = pd.DataFrame(
        {
            "batch size": protocol.batch_size,
            "collector": protocol.collector,
            "drawing": protocol.drawing,
            "loader": protocol.loader,
            "runs": protocol.runs,
            "ms per epoch": interval(protocol, "seconds", 1e3),
            "single runs": _ranges(single, "", digits),
            "full collections in a run": protocol.full_collections.map("{:.2g}".format),
            "times as long in full batches": ratios.where(smaller),
            "pairs of runs in which it is longer": protocol.faster.map("{:.0%}".format).where(
                smaller
            ),
        }
    )
    return sheet(
        "Time per epoch by the chapter's clock: mean over launches and 95 % interval", shown
    )


def protocol_parts(parts: pd.DataFrame) -> dict:
    """What the time of each of the chapter's runs is made of, and their difference."""
    shares = parts.share.map(", {:.0%}".format).where(parts.share.notna(), "")
    cells = parts.assign(cell=interval(parts, "seconds", 1e3) + shares)
    order = {name: list(dict.fromkeys(cells[name])) for name in ("part", "of")}
    table = cells.pivot(index="part", columns="of", values="cell")
    table = table.loc[order["part"], order["of"]].rename(
        columns=lambda name: f"batch size {name}" if name.isdigit() else name
    )
    return sheet(
        "What an epoch is made of by the chapter's clock, in ms: means over launches with 95 % "
        "intervals, and shares of the whole",
        table.reset_index().rename_axis(columns=None),
    )


def parallel(parallel: pd.DataFrame) -> dict:
    """Milliseconds per step by ranks and batch size, and whether more ranks than one pay."""
    speedups = pd.Series(interval(parallel, "speedup", 1, "{:.2g}".format), parallel.index)
    shown = pd.DataFrame(
        {
            **places(parallel),
            "ranks": parallel.ranks,
            "batch size": parallel.batch_size,
            "launches": parallel.launches,
            "ms per step": interval(parallel, "seconds", 1e3),
            "times as fast as one rank": speedups.where(parallel.ranks > 1),
            "pay": parallel.pay,
        }
    )
    return sheet(
        "Time per step, and how many times as fast as one rank: means over launches and their 95 % "
        "intervals",
        shown,
    )


def answers(answer: pd.DataFrame, to: str) -> dict:
    """The best batch size for each target and way of training, and what takes the time there.

    `to` says which targets these are.
    """
    shown = pd.DataFrame(
        {
            "loss": answer.target,
            "framework": answer.framework,
            **places(answer),
            "implementation": answer.implementation,
            "loader": answer.loader,
            "best batch size": interval(answer, "best_batch_size", 1, str),
            "may be as good": answer.tie_set,
            "learning rate": answer.learning_rate.map(digits),
            "steps": answer.steps.map("{:.0f}".format),
            "ms": interval(answer, "seconds_to_target", 1e3),
            "times as long at the smallest": interval(answer, "times_at_one", 1),
            "at the largest": interval(answer, "times_at_full", 1),
            "best with the first call": answer.with_first_call,
            "√(B·t₀/c)": known(answer.balance),
            "bound by": answer.cause,
        }
    )
    return sheet(f"Best batch size by way of training, to {to}, with 95 % intervals", shown)


def steps(steps: pd.DataFrame) -> dict:
    """The steps to each target by batch size."""
    shown = pd.DataFrame(
        {
            "loss": steps.target,
            "batch size": steps.batch_size,
            "learning rate": known(steps.learning_rate),
            "steps": interval(steps, "steps", 1, "{:.0f}".format),
        }
    )
    shown.loc[np.isinf(steps.steps.to_numpy()), "steps"] = "not reached"
    return sheet("Steps to a loss at the best learning rate, with 95 % intervals", shown)


def swept(swept: pd.DataFrame) -> dict:
    """How far the sweep went with each batch size; a dash for one that was left out."""
    run = swept.where(swept.seeds > 0).astype("Int64").assign(batch_size=swept.batch_size)
    return sheet("What was swept", run.rename(columns=lambda name: name.replace("_", " ")))


def critical(critical: pd.DataFrame) -> dict:
    """The fit of the steps to each target that has one."""
    critical = critical[critical.batch_sizes > 0]
    shown = pd.DataFrame(
        {
            "loss": critical.target,
            "critical batch size B": interval(critical, "critical_batch_size", 1),
            "least steps": interval(critical, "minimum_steps", 1),
            "least examples": interval(critical, "minimum_examples", 1),
            "farthest from the fit": [
                f"{share:+.0%} at batch size {size:.0f}"
                for share, size in zip(critical.residual, critical.residual_at, strict=True)
            ],
        }
    )
    return sheet("Steps = least steps + least examples · v(b): fitted, 95 % intervals", shown)


def statements(statements: pd.DataFrame) -> dict:
    """A verdict a framework for each statement."""
    place = statements.framework + " on " + statements.device
    key = ["statement", "loader"]
    table = statements.assign(loader=statements.loader.astype(object).fillna("any"), place=place)
    order = list(dict.fromkeys(table[key].itertuples(index=False, name=None)))
    verdicts = table.pivot(index=key, columns="place", values="verdict")[place.unique()]
    return sheet("Statements", verdicts.reindex(order).reset_index().rename_axis(columns=None))


def usage(names: list[str]) -> dict:
    """How each framework is used, in the words of its module."""
    rows = [(name, frameworks.about(name)) for name in names]
    return sheet("How each framework is used", pd.DataFrame(rows, columns=["framework", "how"]))


def about(origin: dict, source: dict, made: dict) -> dict:
    """The machine, the data's source, and the versions with which the report was `made`."""
    failures = "; ".join(f"{name}: {why}" for name, why in source["failures"].items())
    data = {"retrieved": source["retrieved"], "sources that failed": failures or "none"}
    if "held" in source:  # a table of the user's own
        data = {"read": f"{source['retrieved']}, {source['held']}", "target": source["target"]}
        data |= {"left out": ", ".join(source["drop"]) or "nothing", "SHA-256": source["sha256"]}
    rows = {
        "machine": "; ".join(origin["machines"]),
        "GPU": "; ".join(origin["gpus"]) or "none was used",
        "frameworks": ", ".join(origin["frameworks"]),
        "threads": ", ".join(map(str, origin["threads"])),
        "data": source["address"] or "SURROGATE",
        **data,
        "report made": f"{made['started']}, from commit {made['commit']}, on {made['system']}",
        "with": ", ".join(
            f"{name} {made[name]}" for name in ("python", "numpy", "pandas", "pyarrow")
        ),
    }
    return sheet("About these measurements", pd.DataFrame(rows.items(), columns=["what", "value"]))


def _ratios(published: pd.DataFrame) -> pd.Series:
    """Measured over published, with its interval if it has one.

    Where what was published is rounded to 0.000, the least that the ratio can be.
    """
    known = published.ratio_low.notna()
    between = _ranges(published, "ratio", "{:.3g}".format)
    least = (published.measured / (ROUNDED_TO_ZERO * chapter.GFLOP / COUNTED)).map(
        "> {:.3g}".format
    )
    ratios = published.ratio.map("{:.3g}".format).where(published.published > 0, least)
    return ratios.where(~known, ratios + " (" + between + ")")


def _percentiles(published: pd.DataFrame) -> list[str | None]:
    """Where a published loss lies among our seeds, for all that it may have been rounded from."""
    return [
        None if np.isnan(low) else f"{100 * low:.0f} to {100 * high:.0f}"
        for low, high in zip(published.percentile_low, published.percentile_high, strict=True)
    ]


def evidence(statements: pd.DataFrame) -> dict:
    """The numbers behind each verdict, and what decides it."""
    columns = ["statement", "loader", "verdict", "evidence", "criterion", "framework", "device"]
    return sheet("Evidence", statements[columns])


def checks(verdicts: pd.DataFrame) -> dict:
    """Every check of the gate."""
    said = verdicts.passed.map({True: "passed", False: "FAILED"})
    return sheet("Checks", verdicts.assign(passed=said))


def agreement(agreement: pd.DataFrame) -> dict:
    """How far apart one problem ends in different frameworks, implementations and loaders."""
    columns = ["batch_size", "learning_rate", "epochs", "objective", "ways", "seeds", "apart"]
    several = plain(agreement) & (agreement.ways > 2)
    shown = agreement[several][columns].rename(
        columns={
            "batch_size": "batch size",
            "learning_rate": "learning rate",
            "apart": "largest relative difference of a final loss",
        }
    )
    return sheet("The same problem in several frameworks, implementations and loaders", shown)


def places(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """The columns that say where a row was measured; the machine, if there are several."""
    several = frame.machine.nunique() > 1
    return {name: frame[name] for name in ("machine", "device")[not several :]}


def _ranges(frame: pd.DataFrame, prefix: str, show: Callable[[float], str]) -> list[str]:
    low, high = (frame[f"{prefix}_{end}".lstrip("_")] for end in ("low", "high"))
    return [f"{show(a)} to {show(b)}" for a, b in zip(low, high, strict=True)]


def interval(
    frame: pd.DataFrame, name: str, factor: float, show: Callable[[float], str] = digits
) -> list[str]:
    """Values of a column, times a factor, each with its interval."""
    values = (factor * frame[f"{name}{end}"] for end in ("", "_low", "_high"))
    return [
        f"{show(value)} ({show(low)} to {show(high)})"
        for value, low, high in zip(*values, strict=True)
    ]


def known(values: pd.Series) -> pd.Series:
    """Values, and a dash where they cannot be told apart."""
    return values.map(digits).where(values.notna(), None)


def _text(value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
