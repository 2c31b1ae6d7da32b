# Draws the figures.
# reads  results/summary, results/train, and where the dataset came from
# writes results/figures/FIGURE-FRAMEWORK-DEVICE.svg and .png
import csv


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
    "framework_cost": [experiment.BASELINE, *TRACES],
    "ladder": ["results/summary/ladder.parquet"],
    "parallel": ["results/summary/parallel.parquet"],
    "product_device": ["results/summary/matmul.parquet"],
}
# What the frameworks after the first show, and what compares all of them on all devices.
OF_EACH = ["roofline", "loss_by_epoch", "loss_by_time", "published"]
OF_ALL = ["framework_cost", "ladder", "parallel", "product_device"]
COMPARED = OF_ALL if len(config["devices"]) > 1 else OF_ALL[:-1]
FIGURE_OPTIONS = {"loss_by_time": TARGET, "exercise_1_grid": TARGET}


def shown(figure, framework, device):
    """The tables that a figure shows: those of the runs that the framework does."""
    paths = expand(FIGURE_INPUTS[figure], framework=framework, device=device)
    return [path for path in paths if path in TABLES or not path.startswith("results/train/")]


def figures_of(framework, device):
    """The figures of a framework; one that would show no run is left out."""
    with open(f"{workflow.basedir}/workflow/resources/published.csv") as file:
        published = {row["framework"] for row in csv.DictReader(file)}
    for figure in FIGURE_INPUTS:
        first_only = figure not in OF_EACH and framework != config["frameworks"][0]
        unpublished = figure == "published" and framework not in published
        nothing = shown(figure, framework, device) in ([], [PROBLEM])
        if not (first_only or unpublished or nothing or figure in OF_ALL):
            yield f"{figure}-{framework}-{device}"


FIGURES = expand(
    "results/figures/{figure}.{format}",
    figure=[
        *(name for place in PLACES for name in figures_of(*place)),
        *(f"{figure}-all-{'_'.join(config['devices'])}" for figure in COMPARED),
    ],
    format=["svg", "png"],
)


def tables_of(wildcards):
    """The tables that a figure shows."""
    return shown(wildcards.figure, wildcards.framework, wildcards.device)


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
