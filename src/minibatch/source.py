"""Where the dataset came from, and what a reader must know of it."""

AGAIN = "snakemake --cores 4 --forcerun download"  # fetches the real data once there is a network


def notes(source: dict, machines: list[str]) -> list[str]:
    """What a reader of any figure must not miss: surrogate data, and different machines."""
    found = []
    if source["surrogate"]:
        found.append(f"SURROGATE DATA, not the airfoil dataset. With a network: {AGAIN}")
    if len(machines) > 1:
        found.append(f"The tables come from different machines: {'; '.join(machines)}")
    return found
