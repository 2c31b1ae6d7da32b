# Plans real runs: learning rate and steps by batch size, and the seconds that they should take.
# reads  results/data/examples.parquet, results/sweep/curves.parquet and the gathered step times
# writes results/predicted/FRAMEWORK/DEVICE.parquet, a table a place, so that no framework's real
#        runs depend on another's times


rule predict:
    """What is predicted of runs to the first target, at the batch sizes that are tried."""
    input:
        lambda wc: [*TABLES[f"results/predicted/{wc.framework}/{wc.device}.parquet"]["inputs"]],
    output:
        "results/predicted/{framework}/{device}.parquet",
    log:
        "results/logs/predicted/{framework}/{device}.log",
    params:
        config=asked("results/predicted/{framework}/{device}.parquet"),
        code=code("minibatch.stages.predict"),
    message:
        "Predicting runs with {wildcards.framework} on {wildcards.device}"
    shell:
        "{PYTHON} -m minibatch.stages.predict --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
