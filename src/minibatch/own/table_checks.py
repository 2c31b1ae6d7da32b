"""What keeps a table of the user's own from being measured: all of it, a line a fault."""

import shlex
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

import numpy as np
import pandas as pd

from minibatch.own.reading import nameless

FEWEST_ROWS = 10
MOST_FEATURES = 100  # an example costs a step as many products, and the compiler of the sweep more
NAMED = 5  # rows that a line names


def problems(table: pd.DataFrame, target: str | None, drop: list[str]) -> list[str]:
    """A line for each thing that is wrong with a table, its target, or what is left out of it."""
    found = [*_names(table, target, drop)]
    kept = table.drop(columns=[name for name in drop if name in table and name != target])
    if target in kept:
        found += _shape(kept)
    faults = {name: [*_column(kept[name])] for name in kept}
    for place, name in enumerate(table):
        if name == nameless(place) and name in kept and _counts(kept[name]):
            faults[name].append("without a name, and it counts the rows")
    same = _same({name: column(kept[name]) for name in kept if not faults[name]}, target)
    faults = {name: lines + same.get(name, []) for name, lines in faults.items()}
    found += [f"column {name}: {line}" for name, lines in faults.items() for line in lines]
    left_out = [name for name, lines in faults.items() if lines and name != target]
    if left_out:
        known = [name for name in drop if name in table and name != target]
        found.append(f"to leave these columns out: {as_option([*known, *left_out])}")
    return found


def as_option(names: list[str]) -> str:
    """How columns are left out, as a shell takes it."""
    quoted = [f'"{name}"' if "," in name or '"' in name else name for name in names]
    return shlex.join([f"DROP={','.join(quoted)}"])


def column(values: pd.Series) -> np.ndarray:
    """A column as numbers, NaN where there is none."""
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)


def _counts(values: pd.Series) -> bool:
    """Whether a column has the numbers of its rows, from whichever on."""
    return bool((np.diff(column(values)) == 1).all())


def _names(table: pd.DataFrame, target: str | None, drop: list[str]) -> Iterator[str]:
    """What is wrong with the names of columns."""
    if target is None:
        yield f"name the column to predict: TARGET=…; there are {_some(table.columns)}"
    elif target not in table:
        yield f"TARGET={target}: there is no such column{_nearest(target, table.columns)}"
    for name in drop:
        if name == target:
            yield f"DROP={name}: that is the target"
        elif name not in table:
            yield f"DROP={name}: there is no such column{_nearest(name, table.columns)}"


def _nearest(name: str, known: Iterable[str]) -> str:
    """Which columns may be meant, whatever their case; else those that there are."""
    lower = {other.lower(): other for other in known}
    close = [lower[other] for other in get_close_matches(name.lower(), lower, n=3)]
    if close:
        return f"; did you mean {' or '.join(close)}?"
    return f"; there are {_some(known)}"


def _some(names: Iterable[str]) -> str:
    """Names, and whether there are more than a line should have."""
    some = [*names]
    return ", ".join(some[:20]) + (" and more" if len(some) > 20 else "")


def _shape(kept: pd.DataFrame) -> Iterator[str]:
    """What is wrong with the numbers of rows and features."""
    rows, features = len(kept), kept.shape[1] - 1
    fewest = max(FEWEST_ROWS, features + 2)
    if not features:
        yield "no column is left beside the target"
    elif features > MOST_FEATURES:
        yield f"{features} features are too many; up to {MOST_FEATURES} are swept"
    if rows < fewest:
        yield f"{rows} rows are too few for {features} features: at least {fewest}"


def _column(values: pd.Series) -> Iterator[str]:
    """What is wrong with a column by itself."""
    numbers = column(values)
    missing = values.isna().to_numpy()
    text, infinite = np.isnan(numbers) & ~missing, np.isinf(numbers)
    if text.any():
        first = int(np.argmax(text))
        more = f", and {text.sum() - 1:,} more" if text.sum() > 1 else ""
        yield f"not numeric: {str(values.iloc[first])[:40]!r} in row {first + 1}{more}"
    if missing.any():
        yield f"no value in {_rows(missing)}"
    if infinite.any():
        yield f"infinite in {_rows(infinite)}"
    known = numbers[np.isfinite(numbers)]
    if len(known) and not (text.any() or missing.any() or infinite.any()):
        with np.errstate(over="ignore", invalid="ignore"):
            deviation = known.std()
        if known.min() == known.max():
            yield f"the same value, {known[0]:g}, in every row"
        elif not np.isfinite(deviation):
            yield f"values up to {np.abs(known).max():g} are too large"
        elif deviation == 0:
            yield "its values differ too little to be brought to one scale"


def _rows(chosen: np.ndarray) -> str:
    """The first of the rows that are chosen, from 1, and how many more there are."""
    numbers = [f"{number:,}" for number in np.flatnonzero(chosen)[:NAMED] + 1]
    more = f" and {chosen.sum() - NAMED:,} more" if chosen.sum() > NAMED else ""
    return f"row{'s' if chosen.sum() > 1 else ''} {', '.join(numbers)}{more}"


def _same(columns: dict[str, np.ndarray], target: str) -> dict[str, list[str]]:
    """Which columns repeat another one: of two, the later, unless that is the target."""
    seen, found = {}, {}
    for name in sorted(columns, key=lambda name: name != target):
        content = columns[name].tobytes()
        if content in seen:
            other = "the target" if seen[content] == target else f"column {seen[content]}"
            found[name] = [f"the same values as {other}"]
        seen.setdefault(content, name)
    return found
