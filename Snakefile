# Which batch size of SGD is best on this machine, and why: section 12.5 of Dive into Deep Learning.
#
#     snakemake --cores 4        measure, and write results/report.html
#     config.yaml                the whole experiment
#     workflow/rules             one file a stage, in the order below
#     src/minibatch/stages       what each stage does
import os
import site
import sys

from snakemake.utils import min_version

min_version("9.27")
# Nothing is imported from the user's own packages or folders, whatever lies there.
OUTSIDE = {"", os.getcwd(), workflow.basedir, site.getusersitepackages()}
OUTSIDE |= {*os.environ.get("PYTHONPATH", "").split(os.pathsep)}
sys.path[:] = [f"{workflow.basedir}/src", *(path for path in sys.path if path not in OUTSIDE)]

from minibatch.plan import boot, cores, environments, experiment, gate, slurm, targets
from minibatch.plan import config as configuration
from minibatch.plan.fingerprint import code
from minibatch.tables.canonical import canonical
from minibatch import locks

written = boot.start(workflow)  # config.yaml, checked, is `config` from here on
PYTHON = '"$MINIBATCH_PYTHON"'  # as a shell names it, whatever its path
PLACES = experiment.places(config)
TABLES = configuration.or_exit(experiment.measured, config)
SUMMARIES = targets.summaries(config)
FIGURES = targets.figures(config)
# Asked for by name, since a missing file that is made on the way to others reruns nothing.
RECORDS = [path for place in PLACES for path in environments.record(*place)]
OUTCOMES = [gate.outcome(*place) for place in PLACES]
CHECKED_AGAIN = gate.again(PLACES)


def settled(paths):
    """Some inputs; while verdicts among them are checked again, what was made after them stays."""
    return [ancient(path) if path in CHECKED_AGAIN else path for path in paths]


def verified(table):
    """What is read for a table that is measured after the gate, by the pattern of its path."""
    return lambda wildcards: settled(TABLES[table.format(**dict(wildcards.items()))]["inputs"])


# Each rule tracks two parameters, `config` and `code`: functions of wildcards alone, since Snakemake
# does not track parameters that are made from inputs or outputs (workflow/README.md).
def asked(table):
    """The parameters that the configuration asks of a table, by the pattern of its path."""
    return lambda wildcards: canonical(TABLES[table.format(**dict(wildcards.items()))])


def here():
    """The cores of this machine; None where a cluster's nodes compute. Known in a rule's turn."""
    return None if workflow.remote_exec or not workflow.local_exec else workflow.cores


def all_cores(wildcards):
    """The threads of a measurement, so that nothing runs beside it."""
    return cores.measuring(config, here())


# On a cluster these stay on the login node: they are light, or need the internet.
localrules:
    environment,
    gather,
    predict,
    summary,
    figure,
    report,


wildcard_constraints:
    framework=r"\w+",
    device=r"\w+",
    environment=r"[\w-]+",
    run=r"\w+",
    launch=r"\d+",


onstart:
    global run_lock
    run_lock = configuration.or_exit(locks.take, ".snakemake")
    configuration.or_exit(environments.check, PLACES)
    if workflow.local_exec:  # elsewhere, it is the node that counts
        configuration.or_exit(configuration.check_gpu, config, written)
    if workflow.executor_plugin.name == "slurm":
        configuration.or_exit(slurm.require_plain_path, sys.executable)
        configuration.or_exit(slurm.cancel_orphans)


# The report is there, but not with all that was asked for.
onsuccess:
    configuration.or_exit(environments.require, PLACES)
    gate.go_on(CHECKED_AGAIN)


if experiment.own(config):

    include: "workflow/rules/table.smk"

else:

    include: "workflow/rules/download.smk"
    include: "workflow/rules/standardise.smk"
    include: "workflow/rules/ceilings.smk"
    include: "workflow/rules/matmul.smk"
    include: "workflow/rules/train.smk"
    include: "workflow/rules/finals.smk"
    include: "workflow/rules/variants.smk"
    include: "workflow/rules/protocol.smk"
    include: "workflow/rules/parallel.smk"


include: "workflow/rules/environments.smk"
include: "workflow/rules/verify.smk"
include: "workflow/rules/baseline.smk"
include: "workflow/rules/steptime.smk"
include: "workflow/rules/sweep.smk"
include: "workflow/rules/predict.smk"
include: "workflow/rules/confirm.smk"
include: "workflow/rules/gather.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    """Everything: measure, summarise, draw, and write the report."""
    default_target: True
    input:
        targets.page(config),
        targets.dataset(config),
        RECORDS,
        OUTCOMES,
        TABLES,
        expand("results/summary/{table}.parquet", table=SUMMARIES),
        expand("results/figures/{figure}.{format}", figure=FIGURES, format=["svg", "png"]),
    message:
        "All is there that was asked for"
