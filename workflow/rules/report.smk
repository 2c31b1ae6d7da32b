# Puts everything into one page that opens offline.
# reads  results/verify, results/summary, results/figures, and where the dataset came from
# writes results/report.html

VERDICTS = [path for path in TABLES if path.startswith("results/verify/")]


rule report:
    input:
        "workflow/resources/report.html.j2",
        "results/data/airfoil.json",
        VERDICTS,
        SUMMARIES,
        [path for path in FIGURES if path.endswith(".svg")],
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    params:
        config=canonical(
            {"config": config, "missing": experiment.missing(config)}
            | experiment.expected(VERDICTS, TABLES)
        ),
        code=code("minibatch.stages.report"),
    message:
        "Writing results/report.html"
    shell:
        "{PYTHON} -m minibatch.stages.report --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
