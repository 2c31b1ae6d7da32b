# Condenses the measured tables into those of the report.
# reads  results/data, results/matmul, results/parallel, results/train
# writes results/summary/TABLE.parquet

MATMUL = [path for path in TABLES if path.startswith("results/matmul/") and path.count("/") == 3]
PARALLEL = [path for path in TABLES if path.startswith("results/parallel/")]
TRACES = [path for path in TABLES if path.startswith("results/train/")]
SUMMARY_INPUTS = {
    "problem": ["results/data/examples.parquet"],
    "matmul": MATMUL,
    "training": TRACES,
    "agreement": TRACES,
    "ladder": [experiment.BASELINE, *TRACES],
    "parallel": PARALLEL,
    "published": [
        "workflow/resources/published.csv",
        "results/summary/matmul.parquet",
        "results/summary/training.parquet",
    ],
    "statements": ["results/data/examples.parquet", *MATMUL, *TRACES],
}
SUMMARIES = [f"results/summary/{table}.parquet" for table in SUMMARY_INPUTS]
TARGET = {"target_loss": float(config["training"]["target_loss"])}
SUMMARY_OPTIONS = {"training": TARGET, "statements": TARGET}


rule summary:
    input:
        lambda wc: SUMMARY_INPUTS[wc.table],
    output:
        "results/summary/{table}.parquet",
    log:
        "results/logs/summary/{table}.log",
    params:
        config=lambda wc: canonical(
            {"options": SUMMARY_OPTIONS.get(wc.table, {})}
            | experiment.expected(SUMMARY_INPUTS[wc.table], TABLES)
        ),
        code=lambda wc: code("minibatch.stages.summary", f"minibatch.summaries.{wc.table}"),
    message:
        "Summarising {wildcards.table}"
    shell:
        "{PYTHON} -m minibatch.stages.summary --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
