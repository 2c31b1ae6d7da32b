# Puts everything into one page that opens offline.
# reads  results/verify, results/summary, results/figures, and where the dataset came from
# writes results/report.html; report.html for a table of the user's own

REPORT = targets.report(config)


rule report:
    """The page with everything in it."""
    input:
        targets.templates(config, workflow.basedir),
        settled(REPORT.inputs),
    output:
        targets.page(config),
    log:
        "results/logs/report.log",
    params:
        config=lambda wildcards: canonical(REPORT.parameters),  # which may have {braces}
        code=code("minibatch.stages.report"),
    message:
        "Writing {output}"
    shell:
        "{PYTHON} -m minibatch.stages.report --parameters {params.config:q}"
        " --inputs {input:q} --output {output} 2>&1 | tee {log} >&2"
