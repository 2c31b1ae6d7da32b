# Puts the launches of a measurement together.
# reads  the tables that each launch has written, into the folder that is called like the whole
# writes results/ceilings.parquet, results/parallel/DEVICE.parquet,
#        results/matmul/FRAMEWORK/DEVICE.parquet,
#        results/steptime/FRAMEWORK/DEVICE.parquet and results/steptime/baseline/cpu.parquet,
#        results/confirm/FRAMEWORK/DEVICE.parquet


rule gather:
    """All launches of a measurement in one table."""
    input:
        lambda wc: [path for path in TABLES if path.startswith(f"results/{wc.whole}/")],
    output:
        "results/{whole}.parquet",
    log:
        "results/logs/{whole}.log",
    wildcard_constraints:
        whole=r"ceilings|parallel/\w+|(matmul|steptime|confirm)/\w+/\w+",
    params:
        config=asked("results/{whole}.parquet"),
        code=code("minibatch.stages.gather"),
    message:
        "Putting the launches of {wildcards.whole} together"
    shell:
        "{PYTHON} -m minibatch.stages.gather --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
