# Times a step that several processes share, each with a part of the batch, a job a launch of them
# all, since times differ from one launch to the next.
# reads  results/data/examples.parquet
# writes results/parallel/DEVICE/LAUNCH.parquet

RANKS = cores.ranks(config)
LAUNCHER = cores.launcher(config, PYTHON, workflow.remote_exec and "SLURM_JOB_ID" in os.environ)


rule parallel:
    """The times of a step of SGD that several processes share, in one launch of them."""
    input:
        "results/data/examples.parquet",
    output:
        "results/parallel/{device}/{launch}.parquet",
    log:
        "results/logs/parallel/{device}/{launch}.log",
    threads: lambda wc: cores.of_a_rank(config, here(), wc.device)
    resources:
        gpu=lambda wc: RANKS if wc.device == "cuda" else 0,
        tasks=RANKS,
        tasks_per_gpu=0,  # left to SLURM: as many tasks as GPUs
        mpi=lambda wc: cores.mpi(config, here()),
    params:
        config=asked("results/parallel/{device}/{launch}.parquet"),
        code=code("minibatch.stages.parallel"),
    message:
        "Timing steps of up to {RANKS} ranks on {wildcards.device}, launch {wildcards.launch}"
    shell:
        "{LAUNCHER} -m minibatch.stages.parallel --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
