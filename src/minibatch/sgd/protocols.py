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
# it searches mostly what drawing leaves, so that drawing would be charged with its pauses.
WITHOUT = {
    "collector": Protocol("off", "each point", "framework"),
    "drawing": Protocol("off", "none", "framework"),
    "loader": Protocol("off", "none", "direct"),
}
# The last has nothing drawn, but the collector on: whether its pauses need the drawing.
PROTOCOLS = [BOOK, *WITHOUT.values(), Protocol("on", "none", "framework")]
