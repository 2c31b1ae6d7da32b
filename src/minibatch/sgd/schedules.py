"""How the learning rate goes down from one epoch to the next."""

FACTORS = {
    "constant": lambda epoch: 1.0,  # noqa: ARG005
    "tenth": lambda epoch: 0.1**epoch,  # the chapter's exercise 2
    "inverse": lambda epoch: 1 / (1 + epoch),  # Robbins and Monro 1951: the rates add up to no end
}


def factor(schedule: str, epoch: int) -> float:
    """What the learning rate is multiplied by in an epoch, counted from 0."""
    return FACTORS[schedule](epoch)
