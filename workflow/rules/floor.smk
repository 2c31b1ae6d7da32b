# Times an epoch in plain compiled code and in scikit-learn, under all that the frameworks cost.
# reads  results/data/examples.parquet
# writes results/floor.parquet


rule floor:
    input:
        "results/data/examples.parquet",
    output:
        "results/floor.parquet",
    log:
        "results/logs/floor.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        config=canonical(TABLES["results/floor.parquet"]),
        code=code("minibatch.stages.floor"),
    message:
        "Timing an epoch as a plain compiled loop and in scikit-learn"
    shell:
        "{PYTHON} -m minibatch.stages.floor --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
