# Runs the chapter's runs with the changes that the exercises ask for, over many seeds.
# reads  results/data/examples.parquet
# writes results/sweep/variants.parquet


rule variants:
    """Losses of the chapter's runs and of their variants, over many seeds."""
    input:
        "results/data/examples.parquet",
    output:
        "results/sweep/variants.parquet",
    log:
        "results/logs/sweep/variants.log",
    threads: all_cores  # it uses all there are
    params:
        config=asked("results/sweep/variants.parquet"),
        code=code("minibatch.stages.variants"),
    message:
        "Running the exercises' variants of the chapter's runs"
    shell:
        "{PYTHON} -m minibatch.stages.variants --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
