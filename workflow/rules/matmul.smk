# Times matrix products, a job a launch of the process, since times differ from one to the next.
# reads  results/verify: where the gate is closed, the tables are empty
# writes results/matmul/FRAMEWORK/DEVICE/LAUNCH.parquet,
#        and all of them together in results/matmul/FRAMEWORK/DEVICE.parquet


rule matmul:
    """The times of matrix products in one launch, by strategy, size and precision."""
    input:
        verified("results/matmul/{framework}/{device}/{launch}.parquet"),
    output:
        "results/matmul/{framework}/{device}/{launch}.parquet",
    log:
        "results/logs/matmul/{framework}/{device}/{launch}.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        python=lambda wc: environments.python(wc.framework, wc.device),
        config=asked("results/matmul/{framework}/{device}/{launch}.parquet"),
        code=lambda wc: code("minibatch.stages.matmul", f"minibatch.frameworks.{wc.framework}"),
    message:
        "Timing products with {wildcards.framework} on {wildcards.device}, launch {wildcards.launch}"
    shell:
        "{params.python} -m minibatch.stages.matmul --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"


rule gather_matmul:
    """All launches in one table."""
    input:
        lambda wc: [
            path
            for path in TABLES
            if path.startswith(f"results/matmul/{wc.framework}/{wc.device}/")
        ],
    output:
        "results/matmul/{framework}/{device}.parquet",
    log:
        "results/logs/matmul/{framework}/{device}.log",
    params:
        config=asked("results/matmul/{framework}/{device}.parquet"),
        code=code("minibatch.stages.gather"),
    message:
        "Putting the matrix products of {wildcards.framework} on {wildcards.device} together"
    shell:
        "{PYTHON} -m minibatch.stages.gather --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
