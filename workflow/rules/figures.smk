# Draws the figures.
# reads  results/summary, results/train, and where the dataset came from
# writes results/figures/FIGURE-FRAMEWORK-DEVICE.svg and .png


def traces(runs):
    """The tables of some runs, for a figure's framework and device."""
    return [f"results/train/{{framework}}/{{device}}/{run}.parquet" for run in runs]


PROBLEM = "results/summary/problem.parquet"
PLAIN = traces(experiment.plain_runs(config))
GRIDS = traces(experiment.grids(config))
SCHEDULES = traces(experiment.variants(config, "schedule"))
SAMPLINGS = traces(experiment.variants(config, "sampling"))
COPIES = traces(experiment.variants(config, "copies"))
FIGURE_INPUTS = {
    "roofline": ["results/summary/matmul.parquet"],
    "product_size": ["results/summary/matmul.parquet"],
    "loss_by_epoch": [*PLAIN, PROBLEM],
    "loss_by_time": [*PLAIN, PROBLEM],
    "epoch_cost": GRIDS,
    "published": ["results/summary/published.parquet"],
    "exercise_1_grid": [*GRIDS, PROBLEM],
    "exercise_2_schedule": [*SCHEDULES, PROBLEM],
    "exercise_3_replacement": [*SAMPLINGS, PROBLEM],
    "exercise_4_twice": [*COPIES, PROBLEM],
}
# A figure whose runs the configuration does not have is left out.
FIGURE_INPUTS = {
    name: paths for name, paths in FIGURE_INPUTS.items() if paths not in ([], [PROBLEM])
}
FIGURE_OPTIONS = {"loss_by_time": TARGET, "exercise_1_grid": TARGET}
FIGURES = expand(
    "results/figures/{figure}-{framework}-{device}.{format}",
    figure=FIGURE_INPUTS,
    framework=config["frameworks"],
    device=config["devices"],
    format=["svg", "png"],
)


def tables_of(wildcards):
    """The tables that a figure shows."""
    place = {"framework": wildcards.framework, "device": wildcards.device}
    return expand(FIGURE_INPUTS[wildcards.figure], **place)


rule figure:
    input:
        tables_of,
        "results/data/airfoil.json",
    output:
        report(
            "results/figures/{figure}-{framework}-{device}.{format}",
            category="{framework} on {device}",
            labels={"figure": "{figure}", "format": "{format}"},
        ),
    log:
        "results/logs/figures/{figure}-{framework}-{device}.{format}.log",
    params:
        config=lambda wc: canonical(
            {
                "figure": wc.figure,
                "framework": wc.framework,
                "device": wc.device,
                "options": FIGURE_OPTIONS.get(wc.figure, {}),
            }
            | experiment.expected(tables_of(wc), TABLES)
        ),
        code=lambda wc: code("minibatch.stages.figure", f"minibatch.figures.{wc.figure}"),
    message:
        "Drawing {wildcards.figure} for {wildcards.framework} on {wildcards.device} as {wildcards.format}"
    shell:
        "{PYTHON} -m minibatch.stages.figure --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"
