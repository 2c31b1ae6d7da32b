"""Saving a figure, in both formats at once."""

from pathlib import Path

from matplotlib.figure import Figure

from minibatch.tables.files import replacing

DPI = 150


def save(figure: Figure, svg: Path) -> None:
    """Write a figure as SVG, without a date, and as PNG beside it, each whole or not at all.

    It is laid out once, which takes as long as drawing it: both show the same.
    """
    for path, metadata in ((svg, {"Date": None}), (svg.with_suffix(".png"), {})):
        with replacing(path) as temporary:
            figure.savefig(temporary, dpi=DPI, metadata=metadata)
        figure.set_layout_engine("none")  # places stay as the first format has them
