# Times what frameworks are compared with, as steptime times them: a plain loop, scikit-learn, NumPy.
# reads  results/data/examples.parquet
# writes results/steptime/baseline/cpu/LAUNCH.parquet


rule baseline:
    """The times of the same steps without a framework, in one launch."""
    input:
        "results/data/examples.parquet",
    output:
        "results/steptime/baseline/cpu/{launch}.parquet",
    log:
        "results/logs/steptime/baseline/cpu/{launch}.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        config=asked("results/steptime/baseline/cpu/{launch}.parquet"),
        code=code("minibatch.stages.baseline"),
    message:
        "Timing steps without a framework, launch {wildcards.launch}"
    shell:
        "{PYTHON} -m minibatch.stages.baseline --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
