# Builds the environments of the frameworks that need one of their own, one more for GPUs.
# reads  the pins in workflow/envs/NAME.txt, and the versions of what they bring along in NAME.lock
#        (as a parameter, so that a comment rebuilds nothing)
# writes .envs/NAME, and what is in it, or why it is not there, in .envs/NAME.json


rule environment:
    """The environment of a framework that needs one of its own."""
    output:
        ".envs/{environment}.json",
    log:
        "results/logs/environments/{environment}.log",
    params:
        config=lambda wc: canonical(environments.recipe(wc.environment)),
        code=code("minibatch.stages.environment"),
    message:
        "Installing {wildcards.environment}"
    shell:
        "{PYTHON} -m minibatch.stages.environment --parameters {params.config:q}"
        " --output {output} 2>&1 | tee {log} >&2"
