# Times the chapter's full-batch run and that on batches of 100 by the chapter's own clock, a job a
# launch of the process.
# reads  results/data/examples.parquet
# writes results/protocol/LAUNCH.parquet, if config.yaml has both runs


rule protocol:
    """The times of the chapter's runs by its own clock, in one launch."""
    input:
        "results/data/examples.parquet",
    output:
        "results/protocol/{launch}.parquet",
    log:
        "results/logs/protocol/{launch}.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        config=asked("results/protocol/{launch}.parquet"),
        code=code("minibatch.stages.protocol"),
    message:
        "Timing the chapter's runs by its own clock, launch {wildcards.launch}"
    shell:
        "{PYTHON} -m minibatch.stages.protocol --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
