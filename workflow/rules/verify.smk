# The gate: what a framework gets wrong is not timed.
# reads  the environment's record, where the framework has an environment of its own
# writes results/verify/FRAMEWORK/DEVICE.parquet and DEVICE/compiled.parquet, a row a check, and
#        DEVICE.json, which names what failed and is checked again


rule verify:
    """The gate: what a framework gets right and wrong; what is wrong is not timed."""
    input:
        lambda wc: environments.record(wc.framework, wc.device),
    output:
        table=update("results/verify/{framework}/{device}.parquet"),
        compiled=update("results/verify/{framework}/{device}/compiled.parquet"),
        outcome="results/verify/{framework}/{device}.json",
    log:
        "results/logs/verify/{framework}/{device}.log",
    threads: all_cores  # it times whether the clock waits
    params:
        python=lambda wc: environments.python(wc.framework, wc.device),
        config=asked("results/verify/{framework}/{device}.parquet"),
        code=lambda wc: code("minibatch.stages.verify", f"minibatch.frameworks.{wc.framework}"),
    message:
        "Verifying {wildcards.framework} on {wildcards.device}"
    shell:
        "{params.python} -m minibatch.stages.verify --parameters {params.config:q}"
        " --inputs {input} --output {output.table} 2>&1 | tee {log} >&2"
