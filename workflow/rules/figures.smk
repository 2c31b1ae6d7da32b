# Draws the figures, each as SVG and PNG in one process.
# reads  results/summary, results/train, and where the dataset came from: see src/minibatch/plan/targets.py
# writes results/figures/FIGURE.svg and .png, FIGURE-DEVICE where it is of the first framework alone


rule figure:
    """One figure, as SVG and PNG."""
    input:
        lambda wc: FIGURES[wc.figure].inputs,
    output:
        svg=report("results/figures/{figure}.svg", category="Figures"),
        png="results/figures/{figure}.png",
    log:
        "results/logs/figures/{figure}.log",
    wildcard_constraints:
        figure="|".join(FIGURES),
    params:
        config=lambda wc: canonical(FIGURES[wc.figure].parameters),
        code=lambda wc: code(
            "minibatch.stages.figure",
            f"minibatch.figures.{FIGURES[wc.figure].parameters['figure']}",
        ),
    message:
        "Drawing {wildcards.figure}"
    shell:
        "{PYTHON} -m minibatch.stages.figure --parameters {params.config:q}"
        " --inputs {input} --output {output.svg} 2>&1 | tee {log} >&2"
