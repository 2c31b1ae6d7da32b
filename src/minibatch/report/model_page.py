"""The page about a model of the user's: its tables and figure, filled into its template."""

from pathlib import Path

import jinja2
import numpy as np
import pandas as pd

from minibatch.own.crossing import LAST, SEEDS
from minibatch.own.methods import ESTIMATED, EXACT
from minibatch.report.page import by_kind
from minibatch.summaries import model_answer, model_prediction, stepcost
from minibatch.summaries.text import digits, times
from minibatch.summaries.verdict import ABOUT


def render(
    templates: jinja2.BaseLoader,
    name: str,
    *,
    tables: dict[str, pd.DataFrame],
    figure: bytes,
    asked: dict,
    left_out: dict[str, str],
    not_exact: str,
    notes: list[str],
    made: dict,
) -> str:
    """One HTML page that needs no other file."""
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, loader=templates
    )
    predicted, checked = tables["predicted"], tables["checked"]
    run = tables["reference"]
    reference = run[run.part == "reference"].iloc[0].to_dict() | {"tuned": "tuning" in {*run.part}}
    return environment.get_template(name).render(
        name=Path(asked["model"]).name,
        about=asked["about"],
        reference=reference,
        launches=tables["samples"].launch.nunique(),
        last=f"{LAST:g}",
        seeds=SEEDS,
        notes=notes,
        busy=_busy(tables),
        made=made,
        figures=by_kind({"answer": figure}),
        headline=model_answer.headline(predicted, checked),
        answer=model_answer.sentence(predicted, checked),
        checked=model_answer.check_sentence(checked),
        sheets={
            "checked": _checked(checked),
            "ways": _ways(predicted),
            "predicted": _predicted(predicted),
            "noise": _noise(tables, not_exact),
            "costs": _costs(tables["samples"]),
            "about": _about(asked, made),
        },
        left_out=left_out,
    )


def _busy(tables: dict[str, pd.DataFrame]) -> str:
    """In how many launches something else ran beside; "" if in none."""
    parts = [tables[name].groupby("launch").busy.any() for name in ("samples", "real")]
    found = [f"{part.sum()} of {len(part)}" for part in parts]
    if not sum(part.sum() for part in parts):
        return ""
    return f"{found[0]} that timed steps, and {found[1]} that trained"


def _range(row, name: str, show=digits) -> str:
    """A value with its interval; ∞ where it is not reached."""
    values = [getattr(row, f"{name}{end}") for end in model_prediction.ENDS]
    if np.isnan(values[0]):
        return "undecided"
    middle, low, high = (show(value) if np.isfinite(value) else "∞" for value in values)
    return middle if middle == low == high else f"{middle} ({low} to {high})"


def _checked(checked: pd.DataFrame) -> dict:
    """Observed beside predicted."""
    rows = [
        [
            f"{row.batch_size}{', predicted best' if row.best else ''}",
            f"{row.learning_rate:.3g}",
            *(_range(row, "predicted_steps"), _range(row, "observed_steps")),
            *(
                _range(row, "predicted_seconds_to_target"),
                _range(row, "observed_seconds_to_target"),
            ),
            _range(row, "ratio", times),
            row.within,
            "yes" if row.observed_tie else "no",
            f"{row.reached} of {row.launches}",
        ]
        for row in checked.itertuples()
    ]
    columns = ["batch size", "learning rate", "steps predicted", "steps taken"]
    columns += ["s predicted", "s taken", "taken over predicted", f"within {ABOUT:g}×"]
    title = "Real training beside the prediction"
    return {
        "title": title,
        "columns": [*columns, "may be the soonest", "launches that got there"],
        "rows": rows,
    }


def _ways(predicted: pd.DataFrame) -> dict:
    """The best size of each way of training."""
    rows = []
    for (implementation, loader), own in predicted.groupby(
        ["implementation", "loader"], sort=False
    ):
        best = own[own.best].iloc[0]
        ends = dict.fromkeys((f"{best.best_low}", f"{best.best_high}"))
        sure = " to ".join(ends) if best.best_high else "undecided"
        rows.append(
            [
                f"{implementation}, {loader}",
                f"{best.batch_size} ({sure})",
                ", ".join(map(str, own[own.tie].batch_size)),
                _range(best, "seconds_to_target"),
                digits(best.first_call_seconds),
            ]
        )
    columns = ["way of training", "best size", "may be as good", "s to the loss"]
    columns += ["s of the first call"]
    return {"title": "The best size of each way of training", "columns": columns, "rows": rows}


def _predicted(predicted: pd.DataFrame) -> dict:
    """All sizes of all ways of training."""
    rows = [
        [
            f"{row.implementation}, {row.loader}",
            f"{row.batch_size}{', best' if row.best else ''}",
            f"{row.learning_rate:.3g}",
            _range(row, "steps"),
            _range(row, "step_seconds", lambda seconds: digits(1e3 * seconds)),
            _range(row, "seconds_to_target"),
            _range(row, "ratio", times),
            "yes" if row.tie else "no",
            digits(row.first_call_seconds),
        ]
        for row in predicted.itertuples()
    ]
    columns = ["way", "batch size", "learning rate", "steps", "ms a step", "s to the loss"]
    columns += ["over the best", "may be as good", "s of the first call"]
    return {"title": "Every batch size", "columns": columns, "rows": rows}


def _noise(tables: dict[str, pd.DataFrame], not_exact: str) -> dict:
    """The noise scale, as estimated and exactly."""
    rows = []
    for method in (ESTIMATED, EXACT):
        own = tables["noise"][tables["noise"].method == method]
        if own.empty:
            rows.append([method, f"not known: {not_exact}", "", ""])
            continue
        ends = model_prediction.noise(tables["noise"], method)
        middle, low, high = (digits(end) if np.isfinite(end) else "∞" for end in ends)
        means = own.groupby("point")[["gradient_squared", "trace"]].mean()
        along = means.trace / means.gradient_squared
        rows.append(
            [
                f"{method} ({own.seed.nunique()} runs)",
                f"{middle} ({low} to {high})",
                digits(along.iloc[0]),
                digits(along.iloc[-1]),
            ]
        )
    columns = ["method", "B over the whole way", "at its start", "near its end"]
    return {"title": "Gradient noise: B = tr Σ/|G|²", "columns": columns, "rows": rows}


def _costs(samples: pd.DataFrame) -> dict:
    """The lines through the times of steps."""
    lines = stepcost.summarise({"samples": samples, "baseline": samples[:0]})
    rows = [
        [
            f"{row.implementation}, {row.loader}",
            _range(row, "t0_seconds", lambda seconds: digits(1e6 * seconds)),
            _range(row, "c_seconds", lambda seconds: digits(1e9 * seconds)),
            row.line,
        ]
        for row in lines.itertuples()
    ]
    columns = ["way of training", "t₀: a step, µs", "c: an example, ns", "a line fits"]
    return {"title": "Seconds a step = t₀ + c·b", "columns": columns, "rows": rows}


def _about(asked: dict, made: dict) -> dict:
    """On what, with what and of which files the answer is."""
    rows = [["machine", machine] for machine in made["machines"]]
    rows += [["GPU", gpu] for gpu in made["gpus"]]
    rows += [["PyTorch", name] for name in made["frameworks"]]
    rows += [["Python", made["python"]], ["code of minibatch", made["commit"]]]
    rows += [["file", asked["model"]], ["files that it reads, itself included", asked["files"]]]
    rows += [["minutes allowed", f"{asked['budget_minutes']:g}"], ["written", made["started"]]]
    return {"title": "Machine, versions and files", "columns": ["", ""], "rows": rows}
