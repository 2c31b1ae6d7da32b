"""The ways to time the chapter's runs: as the chapter does, and with ever less beside the steps."""

from typing import NamedTuple


class Run(NamedTuple):
    """A run from scratch at a constant learning rate."""

    batch_size: int
    epochs: int
    learning_rate: float


class Protocol(NamedTuple):
    """What goes on beside the arithmetic."""

    collector: str  # of Python's garbage: "on", as Python has it, or "off"
    drawing: str  # of the loss: at "each point" of the plot, or "none"
    loader: str  # "framework" or "direct"


BOOK = Protocol("on", "each point", "framework")
# By what each does without, beside what the ones before it do without. The collector comes first:
# what drawing leaves is searched in later runs as well, so that with the collector on and nothing
# drawn, a run would need a process of its own.
WITHOUT = {
    "collector": Protocol("off", "each point", "framework"),
    "drawing": Protocol("off", "none", "framework"),
    "loader": Protocol("off", "none", "direct"),
}
PROTOCOLS = [BOOK, *WITHOUT.values()]
