"""Numbers and names as a reader likes them."""

from minibatch.tables.epochs import WHOLE_EPOCHS


def digits(value: float) -> str:
    """Three digits, and commas instead of an exponent: 0.0474, 30.1, 1,440, 1,230,000."""
    return f"{float(f'{value:.3g}'):,.15g}"


def times(ratio: float) -> str:
    """A ratio to two digits, since they span decades: 1.3×, 79×, 72,000×, 1,200,000×."""
    return f"{float(f'{ratio:.2g}'):,.15g}×"


def counted(count: int, what: str) -> str:
    """1 epoch, 2 epochs."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def way(row) -> str:
    """A way of training, of a row that has its framework, device, implementation and loader."""
    where = "" if row.device == "cpu" else f" on {row.device}"
    return f"{row.framework}{where}, {how(row.implementation, row.loader)}"


def how(implementation: str, loader: str) -> str:
    """How an update is made: what takes whole epochs has but one loader."""
    return WHOLE_EPOCHS.get(implementation, f"{implementation}, {loader} loader")
