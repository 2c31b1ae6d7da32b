"""The cores of each measuring job, so that nothing runs beside it, and how its ranks are started.

`here` is the number of cores of this machine, None where a cluster's nodes compute.
"""

HELPERS = 3  # threads that a framework has beside those that compute


def measuring(config: dict, here: int | None) -> int:
    """The cores of a job that measures a framework: all of them.

    On a cluster, those that it computes with and some that dispatch and help, so that SLURM does
    not confine them all to one core; profiles/slurm keeps others away from its node.
    """
    return config["threads"] + HELPERS if here is None else here


def of_a_rank(config: dict, here: int | None, device: str) -> int:
    """The cores of the job of all ranks: all of them, and no fewer than ranks.

    On a cluster, each rank's own: on a CPU node, they share all that there are besides.
    """
    if here is None:
        return 1 if device == "cpu" else measuring(config, here)
    return max(ranks(config), here)


def ranks(config: dict) -> int:
    """How many processes are started."""
    return max(config["parallel"]["ranks"])


def launcher(config: dict, python: str, in_slurm: bool) -> str:
    """What starts them, up to the module: in a job of SLURM srun does, on each of its nodes."""
    count = ranks(config)
    if in_slurm and count > 1:
        return f"srun --ntasks={count} --cpu-bind=none --kill-on-bad-exit {python}"
    return (
        f"{python} -m minibatch.torchrun --standalone --local-addr=localhost"
        f" --log-dir=/dev/null --nproc-per-node={count}"
    )


def mpi(config: dict, here: int | None) -> str | None:
    """The `mpi` resource: on a cluster, ranks have an srun of their own, and none around it."""
    return "srun" if here is None and ranks(config) > 1 else None
