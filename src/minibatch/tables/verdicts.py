"""What is not measured for a framework, since a check of it failed."""

import logging

import pandas as pd

from minibatch.tables.epochs import WHOLE_EPOCHS

log = logging.getLogger(__name__)

# Where only one of these fails, for want of a compiler or of a newer GPU, the rest is measured.
ALONE = {*WHOLE_EPOCHS, "tf32", "bfloat16"}


def closed(verdicts: pd.DataFrame, subject: str = "") -> bool:
    """Whether a failed check forbids to measure a subject, which is then said in the log."""
    concerned = ~verdicts.subject.isin(ALONE) | (verdicts.subject == subject)
    failed = verdicts[~verdicts.passed & concerned]
    for row in failed.itertuples():
        log.warning("warning: not measured, since a check failed: %s: %s", row.check, row.detail)
    return not failed.empty


def mendable(verdicts: pd.DataFrame) -> list[str]:
    """The subjects that failed for what may be mended, and not by another GPU alone."""
    return sorted({*verdicts[~verdicts.passed].subject} - (ALONE - {*WHOLE_EPOCHS}))


def gaps(verdicts: pd.DataFrame) -> list[str]:
    """One line for each failed check, for a reader of the results."""
    return [
        f"NOT MEASURED: {row.framework} on {row.device}"
        + (f", {row.subject}" if row.subject in ALONE else "")
        + f": {row.detail}"
        for row in verdicts[~verdicts.passed].itertuples()
    ]
