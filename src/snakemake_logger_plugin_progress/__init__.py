"""Snakemake's logger plugin `progress`: what happens to jobs, for minibatch.progress to show.

A line of JSON each, to the file descriptor that the variable names, instead of text to stderr.
"""

import json
import logging
import os

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

VARIABLE = "MINIBATCH_PROGRESS"
FIELDS = {
    LogEvent.RUN_INFO: ["stats"],
    LogEvent.JOB_INFO: ["jobid", "rule_name", "rule_msg"],
    LogEvent.JOB_FINISHED: ["job_id"],
    LogEvent.JOB_ERROR: ["jobid"],
}


class LogHandler(LogHandlerBase):
    """Writes the events of jobs, and the text of what deserves attention."""

    writes_to_stream = True  # so that Snakemake does not, too
    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Find the file descriptor."""
        self._to = int(os.environ[VARIABLE])

    def emit(self, record: logging.LogRecord) -> None:
        """One line, unless it is chatter."""
        event = getattr(record, "event", None)
        line = {name: getattr(record, name) for name in FIELDS.get(event, ())}
        if record.levelno >= logging.WARNING:
            line["text"] = self.format(record)
        if line:
            os.write(self._to, f"{json.dumps(line | {'event': event})}\n".encode())
