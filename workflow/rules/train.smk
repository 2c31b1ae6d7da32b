# Trains by SGD and records the loss as it falls.
# reads  results/data/examples.parquet, and results/verify: where the gate is closed, the tables
#        are empty
# writes results/train/FRAMEWORK/DEVICE/RUN.parquet


rule train:
    """The losses and times of one run of SGD."""
    input:
        verified("results/train/{framework}/{device}/{run}.parquet"),
    output:
        "results/train/{framework}/{device}/{run}.parquet",
    log:
        "results/logs/train/{framework}/{device}/{run}.log",
    threads: all_cores  # nothing else runs beside a measurement
    params:
        python=lambda wc: environments.python(wc.framework, wc.device),
        config=asked("results/train/{framework}/{device}/{run}.parquet"),
        code=lambda wc: code("minibatch.stages.train", f"minibatch.frameworks.{wc.framework}"),
    message:
        "Training {wildcards.run} with {wildcards.framework} on {wildcards.device}"
    shell:
        "{params.python} -m minibatch.stages.train --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
