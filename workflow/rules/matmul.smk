# Times matrix products, a job a launch of the process, since times differ from one to the next.
# reads  results/verify: where the gate is closed, the tables are empty
# writes results/matmul/FRAMEWORK/DEVICE/LAUNCH.parquet


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
