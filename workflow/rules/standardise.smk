# Brings the columns of the dataset to one scale.
# reads  results/data/airfoil.dat
# writes results/data/examples.parquet


localrules:
    standardise,


rule standardise:
    """The examples: the columns of the dataset on one scale."""
    input:
        "results/data/airfoil.dat",
    output:
        "results/data/examples.parquet",
    log:
        "results/logs/standardise.log",
    params:
        config=asked("results/data/examples.parquet"),
        code=code("minibatch.stages.standardise"),
    message:
        "Standardising the examples"
    shell:
        "{PYTHON} -m minibatch.stages.standardise --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
