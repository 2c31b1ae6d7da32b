# Makes real runs of the predicted steps, a job a launch of the process.
# reads  results/data/examples.parquet, results/predicted/FRAMEWORK/DEVICE.parquet, and
#        results/verify: where the gate is closed, the tables are empty
# writes results/confirm/FRAMEWORK/DEVICE/LAUNCH.parquet


rule confirm:
    """The times and losses of real runs of the predicted steps, in one launch."""
    input:
        verified("results/confirm/{framework}/{device}/{launch}.parquet"),
    output:
        "results/confirm/{framework}/{device}/{launch}.parquet",
    log:
        "results/logs/confirm/{framework}/{device}/{launch}.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        python=lambda wc: environments.python(wc.framework, wc.device),
        config=asked("results/confirm/{framework}/{device}/{launch}.parquet"),
        code=lambda wc: code("minibatch.stages.confirm", f"minibatch.frameworks.{wc.framework}"),
    message:
        "Running to the target with {wildcards.framework} on {wildcards.device}, launch {wildcards.launch}"
    shell:
        "{params.python} -m minibatch.stages.confirm --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
