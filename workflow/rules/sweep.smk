# Runs SGD at every batch size and many learning rates, thousands of seeds of each, without a clock.
# reads  results/data/examples.parquet
# writes results/sweep/curves.parquet


rule sweep:
    """Losses by batch size, learning rate and step, over many seeds."""
    input:
        "results/data/examples.parquet",
    output:
        "results/sweep/curves.parquet",
    log:
        "results/logs/sweep/curves.log",
    threads: all_cores  # it uses all there are
    params:
        config=asked("results/sweep/curves.parquet"),
        code=code("minibatch.stages.sweep"),
    message:
        "Running SGD at every batch size and learning rate"
    shell:
        "{PYTHON} -m minibatch.stages.sweep --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
