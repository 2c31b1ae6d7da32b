# Times an epoch in plain compiled code and in scikit-learn, under all that the frameworks cost.
# reads  results/data/examples.parquet
# writes results/baseline.parquet


rule baseline:
    """The times of an epoch in plain compiled code and in scikit-learn."""
    input:
        "results/data/examples.parquet",
    output:
        "results/baseline.parquet",
    log:
        "results/logs/baseline.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        config=asked("results/baseline.parquet"),
        code=code("minibatch.stages.baseline"),
    message:
        "Timing an epoch as a plain compiled loop and in scikit-learn"
    shell:
        "{PYTHON} -m minibatch.stages.baseline --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
