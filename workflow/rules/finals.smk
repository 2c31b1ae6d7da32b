# Runs thousands of seeds of the chapter's runs to their ends, for how their losses are distributed.
# reads  results/data/examples.parquet
# writes results/sweep/finals.parquet


rule finals:
    """The final losses of the chapter's runs, seed by seed."""
    input:
        "results/data/examples.parquet",
    output:
        "results/sweep/finals.parquet",
    log:
        "results/logs/sweep/finals.log",
    threads: all_cores  # it uses all there are
    params:
        config=asked("results/sweep/finals.parquet"),
        code=code("minibatch.stages.finals"),
    message:
        "Running the chapter's runs with many seeds"
    shell:
        "{PYTHON} -m minibatch.stages.finals --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
