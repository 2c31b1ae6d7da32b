# Times a step that several processes share, each with a part of the batch.
# reads  results/data/examples.parquet
# writes results/parallel/DEVICE.parquet
RANKS = max(config["parallel"]["ranks"])
# In a job of SLURM, srun starts the ranks as tasks, on each of its nodes.
LAUNCH = (
    f"srun --ntasks={RANKS} --cpu-bind=none --kill-on-bad-exit {PYTHON}"
    if workflow.remote_exec and "SLURM_JOB_ID" in os.environ and RANKS > 1
    else f"{PYTHON} -m minibatch.torchrun --standalone --local-addr=localhost"
    f" --log-dir=/dev/null --nproc-per-node={RANKS}"
)


def cores_of_a_rank(wildcards):
    """On a cluster, each rank's own: on a CPU node, they share all that there are besides."""
    if on_a_cluster():
        return 1 if wildcards.device == "cpu" else all_cores(wildcards)
    return max(RANKS, workflow.cores)  # all of them: nothing runs beside a measurement


rule parallel:
    input:
        "results/data/examples.parquet",
    output:
        "results/parallel/{device}.parquet",
    log:
        "results/logs/parallel/{device}.log",
    threads: cores_of_a_rank
    resources:
        gpu=lambda wc: RANKS if wc.device == "cuda" else 0,
        tasks=RANKS,
        tasks_per_gpu=0,  # left to SLURM: as many tasks as GPUs
        mpi=lambda wc: "srun" if on_a_cluster() and RANKS > 1 else None,  # its own, none around it
    params:
        config=lambda wc: canonical(TABLES[f"results/parallel/{wc.device}.parquet"]),
        code=code("minibatch.stages.parallel"),
    message:
        "Timing steps of up to {RANKS} ranks on {wildcards.device}"
    shell:
        "{LAUNCH} -m minibatch.stages.parallel --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
