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

from minibatch.plan import boot, environments, experiment, slurm
from minibatch.plan import config as configuration
from minibatch.plan.fingerprint import code
from minibatch.tables.canonical import canonical
from minibatch import locks

written = boot.start(workflow)  # config.yaml, checked, is `config` from here on
PYTHON = '"$MINIBATCH_PYTHON"'  # as a shell names it, whatever its path
PLACES = experiment.places(config)

# Each rule tracks two parameters, `config` and `code`: functions of wildcards alone, since Snakemake
# does not track parameters that are made from inputs or outputs.
TABLES = configuration.or_exit(experiment.measured, config)
HELPERS = 3  # threads that a framework has beside those that compute
# Asked for by name, since a missing file that is made on the way to others reruns nothing.
RECORDS = [path for place in PLACES for path in environments.record(*place)]


def on_a_cluster():
    """Whether jobs run on other nodes; not known before the rules are asked."""
    return workflow.remote_exec or not workflow.local_exec


def all_cores(wildcards):
    """The threads of a measurement: all, so that nothing runs beside it.

    On a cluster, what it computes with and some that dispatch and help, so that SLURM does not
    confine them all to one core; profiles/slurm keeps others away from its node.
    """
    return config["threads"] + HELPERS if on_a_cluster() else workflow.cores


# On a cluster these stay on the login node: they are light, or need the internet.
localrules:
    download,
    environment,
    standardise,
    gather_matmul,
    summary,
    figure,
    report,


wildcard_constraints:
    framework=r"\w+",
    device=r"\w+",
    environment=r"[\w-]+",
    figure=r"\w+",
    format="svg|png",
    part=r"\w+",
    run=r"\w+",
    table=r"\w+",


onstart:
    global run_lock
    run_lock = configuration.or_exit(locks.take, ".snakemake")
    configuration.or_exit(environments.check, PLACES)
    if workflow.local_exec:  # elsewhere, it is the node that counts
        configuration.or_exit(configuration.check_gpu, config, written)
    if workflow.executor_plugin.name == "slurm":
        configuration.or_exit(slurm.cancel_orphans)


# The report is there, but not with all that was asked for.
onsuccess:
    configuration.or_exit(environments.require, PLACES)


include: "workflow/rules/download.smk"
include: "workflow/rules/standardise.smk"
include: "workflow/rules/environments.smk"
include: "workflow/rules/verify.smk"
include: "workflow/rules/baseline.smk"
include: "workflow/rules/matmul.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/parallel.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        "results/report.html",
        "results/data/airfoil.dat",
        RECORDS,
        TABLES,
        SUMMARIES,
        FIGURES,
