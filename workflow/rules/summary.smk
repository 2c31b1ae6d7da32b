# Condenses the measured tables into those of the report.
# reads  results/data, results/matmul, results/parallel, results/train: see src/minibatch/plan/targets.py
# writes results/summary/TABLE.parquet


rule summary:
    """One table of the report."""
    input:
        lambda wc: SUMMARIES[wc.table].inputs,
    output:
        "results/summary/{table}.parquet",
    log:
        "results/logs/summary/{table}.log",
    wildcard_constraints:
        table="|".join(SUMMARIES),
    params:
        config=lambda wc: canonical(SUMMARIES[wc.table].parameters),
        code=lambda wc: code("minibatch.stages.summary", f"minibatch.summaries.{wc.table}"),
    message:
        "Summarising {wildcards.table}"
    shell:
        "{PYTHON} -m minibatch.stages.summary --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
