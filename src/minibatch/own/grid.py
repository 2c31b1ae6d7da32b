"""Batch sizes to try."""


def sizes(examples: int) -> list[int]:
    """1, 2, 5, 10, 20, 50, … and all examples."""
    powers = range(len(str(examples)))
    found = [digit * 10**power for power in powers for digit in (1, 2, 5)]
    return [*(size for size in found if size < examples), examples]
