# Builds the environment of each framework that needs one of its own.
# reads  the pins in workflow/envs/FRAMEWORK.txt (as a parameter, so that a comment rebuilds nothing)
# writes .envs/FRAMEWORK, and what is in it, or why it is not there, in .envs/FRAMEWORK.json


rule environment:
    output:
        ".envs/{framework}.json",
    log:
        "results/logs/environments/{framework}.log",
    params:
        config=lambda wc: canonical(
            {"python": "3.11", "requirements": environments.pins(wc.framework)}
        ),
        code=code("minibatch.stages.environment"),
    message:
        "Installing {wildcards.framework}"
    shell:
        "{PYTHON} -m minibatch.stages.environment --parameters {params.config:q}"
        " --output {output} 2>&1 | tee {log} >&2"
