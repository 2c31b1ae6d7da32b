# Times what bounds every framework on the CPU, with NumPy: a large product, and copies by size.
# writes results/ceilings/LAUNCH.parquet, a job a launch of the process,
#        and all of them together in results/ceilings.parquet


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
    shell:  # NumPy reads how many threads it has when it is imported
        "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1"
        " {PYTHON} -m minibatch.stages.ceilings --parameters {params.config:q}"
        " --output {output} 2>&1 | tee {log} >&2"


rule gather_ceilings:
    """All launches in one table."""
    input:
        [path for path in TABLES if path.startswith("results/ceilings/")],
    output:
        "results/ceilings.parquet",
    log:
        "results/logs/ceilings.log",
    params:
        config=asked("results/ceilings.parquet"),
        code=code("minibatch.stages.gather"),
    message:
        "Putting the launches of what bounds the machine together"
    shell:
        "{PYTHON} -m minibatch.stages.gather --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
