# Which batch size is best for a model of the user's: make answer MODEL=my_model.py calls this, in the
# folder answers/NAME, where model.json says what is asked.
import json
import os
import site
import sys

from snakemake.utils import min_version

min_version("9.27")
SOURCE = os.path.join(os.path.dirname(workflow.basedir), "src")
OUTSIDE = {"", os.getcwd(), workflow.basedir, site.getusersitepackages()}
sys.path[:] = [SOURCE, *(path for path in sys.path if path not in OUTSIDE)]

from minibatch.plan import boot, model
from minibatch.plan import config as configuration
from minibatch.plan.fingerprint import code
from minibatch.tables.canonical import canonical
from minibatch import locks

boot.set_environment(SOURCE, remote=False)
with open("model.json", encoding="utf-8") as file:
    ASKED = json.load(file)
TABLES = model.measured(ASKED)
PYTHON = '"$MINIBATCH_PYTHON"'
RESOURCES = os.path.join(workflow.basedir, "resources")
TEMPLATES = [os.path.join(RESOURCES, f"{name}.html.j2") for name in ("model", "base")]
TIMED = [model.timed(launch) for launch in model.launches()]
TRAINED = [model.trained(launch) for launch in model.confirmations()]


def asked(table):
    """The parameters of a table, by the pattern of its path."""
    return lambda wildcards: canonical(TABLES[table.format(**dict(wildcards.items()))])


onstart:
    global run_lock
    run_lock = configuration.or_exit(locks.take, ".snakemake")


rule all:
    """The report on the user's model."""
    default_target: True
    input:
        "report.html",
    message:
        "The answer is there"


rule time:
    """The times of steps in one launch, by batch size and way of training."""
    output:
        model.timed("{launch}"),
    log:
        "results/logs/steptime/{launch}.log",
    threads: workflow.cores  # nothing else runs beside a measurement
    params:
        config=asked(model.timed("{launch}")),
        code=code("minibatch.stages.model_time"),
    message:
        "Timing steps by batch size, launch {wildcards.launch}"
    shell:
        "{PYTHON} -m minibatch.stages.model_time --parameters {params.config:q}"
        " --output {output} 2>&1 | tee {log} >&2"


rule reference:
    """A run to the target, with the learning rate that suits."""
    output:
        model.REFERENCE,
    log:
        "results/logs/reference.log",
    threads: workflow.cores
    params:
        config=asked(model.REFERENCE),
        code=code("minibatch.stages.model_reference"),
    message:
        "Training to the loss, with several learning rates where none is named"
    shell:
        "{PYTHON} -m minibatch.stages.model_reference --parameters {params.config:q}"
        " --output {output} 2>&1 | tee {log} >&2"


rule noise:
    """The gradient noise on the way to the target."""
    input:
        model.REFERENCE,
    output:
        model.NOISE,
    log:
        "results/logs/noise.log",
    threads: workflow.cores
    params:
        config=asked(model.NOISE),
        code=code("minibatch.stages.model_noise"),
    message:
        "Measuring the gradient noise on the way"
    shell:
        "{PYTHON} -m minibatch.stages.model_noise --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"


rule predict:
    """The time to the target by batch size, as predicted."""
    input:
        TIMED,
        model.REFERENCE,
        model.NOISE,
    output:
        model.PREDICTED,
    log:
        "results/logs/predicted.log",
    params:
        config=canonical({"examples": ASKED["about"]["examples"]}),
        code=code("minibatch.stages.model_predict"),
    message:
        "Predicting the time to the loss"
    shell:
        "{PYTHON} -m minibatch.stages.model_predict --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"


rule train:
    """Real training at the best size, half and double of it, and the largest, in one launch."""
    input:
        model.PREDICTED,
    output:
        model.trained("{launch}"),
    log:
        "results/logs/confirm/{launch}.log",
    threads: workflow.cores
    params:
        config=asked(model.trained("{launch}")),
        code=code("minibatch.stages.model_train"),
    message:
        "Training as predicted, launch {wildcards.launch}"
    shell:
        "{PYTHON} -m minibatch.stages.model_train --parameters {params.config:q}"
        " --inputs {input} --output {output} 2>&1 | tee {log} >&2"


rule report:
    """The figure and the page."""
    input:
        TEMPLATES,
        TIMED,
        model.REFERENCE,
        model.NOISE,
        model.PREDICTED,
        TRAINED,
    output:
        page="report.html",
        answer="results/answer.parquet",
        svg="results/answer.svg",
        png="results/answer.png",
    log:
        "results/logs/report.log",
    params:
        config=canonical(ASKED | {"files": len(ASKED["files"])}),
        code=code("minibatch.stages.model_report"),
    message:
        "Writing the report"
    shell:
        "{PYTHON} -m minibatch.stages.model_report --parameters {params.config:q}"
        " --inputs {input:q} --output {output.page} 2>&1 | tee {log} >&2"
