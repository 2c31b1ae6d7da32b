"""What is not measured for a framework, since a check of it failed."""

import logging

import pandas as pd

log = logging.getLogger(__name__)

COMPILED = "compiled"  # where only this fails, for want of a compiler, the rest is still measured


def closed(verdicts: pd.DataFrame, implementation: str | None = None) -> bool:
    """Whether a failed check forbids to measure, which is then said in the log."""
    failed = verdicts[~verdicts.passed & _against(verdicts, implementation)]
    for row in failed.itertuples():
        log.warning("warning: not measured, since a check failed: %s: %s", row.check, row.detail)
    return not failed.empty


def _against(verdicts: pd.DataFrame, implementation: str | None) -> pd.Series:
    return (verdicts.subject != COMPILED) | (implementation == COMPILED)


def gaps(verdicts: pd.DataFrame) -> list[str]:
    """One line for each failed check, for a reader of the results."""
    return [
        f"NOT MEASURED: {row.framework} on {row.device}"
        + (", compiled" if row.subject == COMPILED else "")
        + f": {row.detail}"
        for row in verdicts[~verdicts.passed].itertuples()
    ]
