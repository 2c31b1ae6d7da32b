# Puts everything into one page that opens offline.
# reads  results/verify, results/summary, results/figures, and where the dataset came from
# writes results/report.html

REPORT = targets.report(config)


rule report:
    """The page with everything in it."""
    input:
        "workflow/resources/report.html.j2",
        settled(REPORT.inputs),
    output:
        "results/report.html",
    log:
        "results/logs/report.log",
    params:
        config=canonical(REPORT.parameters),
        code=code("minibatch.stages.report"),
    message:
        "Writing results/report.html"
    shell:
        "{PYTHON} -m minibatch.stages.report --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
