# Times steps of SGD, a job a launch of the process, since times differ from one launch to the next.
# reads  results/data/examples.parquet, and results/verify: where the gate is closed, the tables
#        are empty
# writes results/steptime/FRAMEWORK/DEVICE/LAUNCH.parquet


rule steptime:
    """The times of steps in one launch, by implementation, loader and batch size."""
    input:
        verified("results/steptime/{framework}/{device}/{launch}.parquet"),
    output:
        "results/steptime/{framework}/{device}/{launch}.parquet",
    log:
        "results/logs/steptime/{framework}/{device}/{launch}.log",
    wildcard_constraints:
        framework=r"(?!baseline/)\w+",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        python=lambda wc: environments.python(wc.framework, wc.device),
        config=asked("results/steptime/{framework}/{device}/{launch}.parquet"),
        code=lambda wc: code("minibatch.stages.steptime", f"minibatch.frameworks.{wc.framework}"),
    message:
        "Timing steps with {wildcards.framework} on {wildcards.device}, launch {wildcards.launch}"
    shell:
        "{params.python} -m minibatch.stages.steptime --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
