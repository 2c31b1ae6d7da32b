# Times what bounds every framework on the CPU, with NumPy: a large product, and copies by size.
# writes results/ceilings/LAUNCH.parquet, a job a launch of the process


rule ceilings:
    """The times of a large product and of copies in one launch, with NumPy on one thread."""
    output:
        "results/ceilings/{launch}.parquet",
    log:
        "results/logs/ceilings/{launch}.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        config=asked("results/ceilings/{launch}.parquet"),
        code=code("minibatch.stages.ceilings"),
    message:
        "Timing what bounds the machine, launch {wildcards.launch}"
    shell:
        "{PYTHON} -m minibatch.stages.ceilings --parameters {params.config:q}"
        " --output {output} 2>&1 | tee {log} >&2"
