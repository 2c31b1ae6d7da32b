"""Where the dataset came from, and what a reader must know of it."""

from collections import defaultdict

AGAIN = "call snakemake again with --forcerun download"  # fetches the real data


def notes(source: dict, machines: list[str]) -> list[str]:
    """What a reader of any figure must not miss: surrogate data, and different machines."""
    found = []
    if source["surrogate"]:
        found.append(f"SURROGATE DATA, not the airfoil dataset. With a network: {AGAIN}")
    if len(machines := _distinct(machines)) > 1:
        found.append(f"The tables come from {_by_kind(machines)}")
    return found


def _distinct(machines: list[str]) -> list[str]:
    """Each machine once: of a cluster's node, jobs may use different numbers of cores."""
    found = {}
    for machine in sorted(machines, key=lambda machine: (len(machine), machine)):
        found[machine.rpartition(", ")[0] or machine] = machine  # the most cores, in the end
    return sorted(found.values())


def _by_kind(machines: list[str]) -> str:
    """Machines, of which each says its host and then its kind, by their kinds."""
    hosts = defaultdict(list)
    for machine in machines:
        host, _, kind = machine.partition(", ")
        hosts[kind].append(host)
    said = "; ".join(f"{kind} ({', '.join(names)})" for kind, names in hosts.items())
    return f"{len(machines)} machines of {len(hosts)} kind{'s' if len(hosts) > 1 else ''}: {said}"
