# Reads a table of the user's own and brings its columns to one scale.
# reads  the file that dataset.file names, which stays where it is (a parameter, with a hash of its
#        content, since no input may have braces in its path)
# writes results/data/examples.parquet, and where they came from beside it


localrules:
    table,


rule table:
    """The examples: the numeric columns of the user's table on one scale, the target last."""
    output:
        "results/data/examples.parquet",
        targets.OF_OWN,
    log:
        "results/logs/table.log",
    params:
        config=asked("results/data/examples.parquet"),
        code=code("minibatch.stages.table"),
    message:
        "Reading the table"
    shell:
        "{PYTHON} -m minibatch.stages.table --parameters {params.config:q}"
        " --output {output[0]} 2>&1 | tee {log} >&2"
