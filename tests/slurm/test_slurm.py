"""The study on a real SLURM."""

import math
import signal
from itertools import pairwise

import pytest
from cluster import RUNS, Cluster, drained, slurm
from project import assert_same

GD, SGD = "results/train/pytorch/cpu/gd.parquet", "results/train/pytorch/cpu/sgd.parquet"
EACH_ITS_JOB = "--group-components=measured-{device}=1"
SHORT = {"baseline", "ceilings", "confirm", "matmul", "steptime", "train"}
ALONE = {"finals", "parallel", "sweep", "variants", "verify"}  # in SLURM jobs of their own
ALONE_JOBS = len(ALONE) + 1  # two launches of the ranks
MEASURING = SHORT | ALONE
LIGHT = {"download", "standardise", "gather", "predict"}
UUID = "00000000-0000-4000-8000-000000000000"
RANKS, RANKS_ON_GPUS = (f"results/parallel/{device}/1.parquet" for device in ("cpu", "cuda"))
PACK = 4  # measurements in one SLURM job, as the profile has it


@pytest.fixture
def unfinished(finished):
    """A project in which one table is missing."""
    finished.remove(GD)
    return finished


def assert_healed(project, local):
    """The tables that are there where nothing went wrong."""
    assert_same(project.traces(*RUNS), local.traces(*RUNS))


@pytest.fixture(scope="module", autouse=True)
def limited(tmp_path_factory, studied):
    """A project whose only job exceeds its time limit while the other tests run, and its process.

    SLURM's shortest limit is a minute.
    """
    project = Cluster(tmp_path_factory.mktemp("limited"), studied)
    project.replace("profiles/slurm/config.yaml", "else 5) *", "else 1) *")
    project.remove(GD)
    try:
        with project.paused("measuring", GD) as run:
            project.stage().suspend()  # for good, and only this one
            project.resume()
            yield project, run
    finally:
        project.close()


# The study


def test_what_measures_goes_through_sbatch_and_what_is_light_does_not(studied):
    stages = {True: set(), False: set()}
    for stage, job, *_ in studied.notes():
        stages[job is not None].add(stage)
    assert stages[True] == MEASURING
    assert stages[False] >= LIGHT | {"summary", "figure", "report"}
    assert not stages[False] & MEASURING


def test_short_measurements_share_a_job_and_run_one_after_another(studied):
    spans = {}
    for stage, job, _, begin, end in studied.notes():
        if stage in SHORT:
            spans.setdefault(job, []).append((begin, end))
    short = len(RUNS) + 4 * 2  # launches: products, their bounds, steps with and without framework
    jobs = math.ceil(short / PACK) + 1  # one of real runs, which follow on the others
    assert len(spans) == len(studied.jobs()) - ALONE_JOBS == jobs
    assert max(map(len, spans.values())) == PACK
    for times in spans.values():
        assert all(end <= begin for (_, end), (begin, _) in pairwise(sorted(times)))


def test_each_measuring_job_has_a_cpu_node_to_itself_and_time_for_all_that_it_measures(studied):
    limits = []
    for job in studied.jobs():
        assert (job["Partition"], job["JobState"]) == ("cpu", "COMPLETED")
        assert job["NodeList"] in ("cn1", "cn2")
        assert job["NumCPUs"] == "8"  # whatever it asked for
        assert job["MinMemoryNode"] == "4000M"
        limits.append(job["TimeLimit"])
    assert sorted(limits) == ["00:05:00"] * 6 + ["00:10:00", "00:15:00"] + ["00:20:00"] * 2
    asked = sorted((job["NumTasks"], job["CPUs/Task"]) for job in studied.jobs())
    assert asked == [("1", "4")] * 8 + [("2", "1")] * 2  # a task for each rank


def test_the_results_are_those_of_a_local_run(studied, local):
    assert_same(studied.traces(*RUNS), local.traces(*RUNS))
    assert {row["status"] for row in studied.rows().values()} == {"ok"}
    assert studied.rows().keys() == studied.files().keys()


def test_a_second_run_has_nothing_to_do_with_slurm_or_without(finished):
    assert "Nothing to be done" in finished.run()
    assert "Nothing to be done" in super(type(finished), finished).run("--cores=1")
    assert finished.jobs() == []


# Placement

PLACED = '''
rule placed:
    output:
        "placed/{device}/{part}",
    shell:
        """
        echo "${{CUDA_VISIBLE_DEVICES-none}} $SLURM_JOB_ID" > {output}
        touch met.{wildcards.device}.{wildcards.part}
        until [ $(ls | grep -c '^met[.]cuda') -ge MEETING ]; do sleep 0.1; done
        """
'''
ON_GPUS = [f"placed/cuda/{part}" for part in "abc"]


def add_rule(project, meeting):
    """Add the rule above, so many of whose GPU jobs are at work at once."""
    with (project.folder / "Snakefile").open("a") as file:
        file.write(PLACED.replace("MEETING", str(meeting)))


def placed(project, path):
    """The visible GPUs of a job of the rule above, and what SLURM says of it."""
    gpus, number = (project.folder / path).read_text().split()
    [job] = [job for job in project.jobs() if job["JobId"] == number]
    return gpus, job


def test_gpu_jobs_get_a_gpu_each_and_cpu_jobs_none(finished):
    add_rule(finished, meeting=len(ON_GPUS))
    finished.run("placed/cpu/a", *ON_GPUS)
    gpus, job = placed(finished, "placed/cpu/a")
    assert (gpus, job["Partition"], job["NumCPUs"]) == ("none", "cpu", "8")
    assert "TresPerJob" not in job
    of_jobs = [placed(finished, path) for path in ON_GPUS]
    assert {gpus for gpus, _ in of_jobs} == {"0", "1", "2"}
    assert {(job["Partition"], job["NumCPUs"]) for _, job in of_jobs} == {("gpu", "1")}
    assert {job["TresPerJob"] for _, job in of_jobs} == {"gres:gpu:1"}


def test_gpu_jobs_that_share_a_job_share_one_gpu(finished):
    add_rule(finished, meeting=0)
    finished.replace("profiles/slurm/config.yaml", "  train: measured", "  placed: measured")
    finished.replace("profiles/slurm/config.yaml", "  train: {alone", "  placed: {alone")
    finished.run(*ON_GPUS[:2])
    [job] = finished.jobs()
    assert (job["Partition"], job["TresPerJob"]) == ("gpu", "gres:gpu:1")
    assert (job["TimeLimit"], job["MinMemoryNode"]) == ("00:20:00", "16000M")


def test_gpu_jobs_of_the_study_land_on_gpus_and_say_that_nothing_computes_there(finished):
    """A GPU of start.sh is none: what is seen here is the way to it, and a clear end."""
    finished.configure(lambda config: config.update(devices=["cpu", "cuda"]))
    before = finished.files()
    said = finished.fail("results/verify/pytorch/cuda.parquet", RANKS_ON_GPUS, "--retries=0")
    jobs = finished.jobs()
    for job in jobs:
        assert (job["Partition"], job["NodeList"], job["JobState"]) == ("gpu", "gn1", "FAILED")
        assert (job["TimeLimit"], job["MinMemoryNode"]) == ("00:10:00", "16000M")
    gpus = {job["TresPerJob"]: job["NumTasks"] for job in jobs}
    assert gpus == {"gres:gpu:1": "1", "gres:gpu:2": "2"}  # the ranks have one each
    assert "(CUDA_VISIBLE_DEVICES: 0,1); see whether nvidia-smi does" in said
    assert finished.files() == before


# Ranks


def test_ranks_are_tasks_of_srun_and_may_be_on_several_nodes(finished):
    """The stage itself has compared their steps with those of the reference."""
    finished.remove(RANKS)
    finished.run(RANKS, "--set-resources=parallel:nodes=2")
    [job] = finished.jobs()
    assert (job["NodeList"], job["NumTasks"], job["NumCPUs"]) == ("cn[1-2]", "2", "16")
    nodes = [node for stage, _, node, *_ in finished.notes() if stage == "parallel"]
    assert sorted(nodes) == ["cn1", "cn2"]
    assert sorted(finished.read(RANKS).ranks.unique()) == [1, 2]


# Failures


def test_a_failing_job_is_retried_with_more_and_reported_and_takes_nothing_from_others(unfinished):
    unfinished.remove(SGD)
    (unfinished.folder / "fail").write_text(GD)
    said = unfinished.fail(GD, SGD, "--retries=1", EACH_ITS_JOB)
    assert "error: the test lets this fail" in said
    assert "results/logs/train/pytorch/cpu/gd.log" in said
    failed = [job for job in unfinished.jobs() if job["JobState"] == "FAILED"]
    assert [job["TimeLimit"] for job in failed] == ["00:05:00", "00:10:00"]
    assert [job["MinMemoryNode"] for job in failed] == ["4000M", "8000M"]
    assert sorted(unfinished.states()) == ["COMPLETED", "FAILED", "FAILED"]
    assert SGD in unfinished.files()
    assert GD not in unfinished.files()


def test_a_job_that_is_cancelled_by_hand_is_submitted_again(unfinished, local):
    with unfinished.paused("writing", GD) as run:
        slurm("scancel", unfinished.jobs()[0]["JobId"])
        unfinished.resume()
        assert run.finish() == 0
    assert unfinished.states() == ["CANCELLED", "COMPLETED"]
    assert_healed(unfinished, local)


def test_a_job_waits_for_a_drained_node(unfinished, local):
    with drained("cn1", "cn2"), unfinished.started(GD) as run:
        run.wait_for(lambda: unfinished.states() == ["PENDING"])
        run.wait_for(lambda: "drain" in unfinished.jobs()[0]["Reason"].lower())
        slurm("scontrol", "update", "nodename=cn1", "state=resume")
        assert run.finish() == 0
    assert unfinished.states() == ["COMPLETED"]
    assert_healed(unfinished, local)


def test_ctrl_c_cancels_the_jobs(unfinished):
    with unfinished.paused("measuring", GD) as run:
        run.send_signal(signal.SIGINT)
        assert run.finish() == 1
    run.wait_for(lambda: unfinished.states() == ["CANCELLED"])
    unfinished.resume()
    assert GD not in unfinished.files()


def hold(name, folder):
    """Submit a job that waits for ever; its number."""
    job = ["--hold", f"--job-name={name}", f"--chdir={folder}", "--wrap=true"]
    return slurm("sbatch", "--parsable", *job).strip()


def test_after_a_killed_snakemake_the_next_cancels_its_jobs_and_makes_whole_tables(
    unfinished, local, limited
):
    unfinished.remove(SGD)
    both = (GD, SGD, EACH_ITS_JOB)
    with drained("cn2"), unfinished.paused("writing", *both) as killed:
        killed.wait_for(lambda: sorted(unfinished.states()) == ["PENDING", "RUNNING"])
        killed.kill()
        killed.finish()
    orphans = [job["JobId"] for job in unfinished.jobs()]
    names = [f"minibatch_{UUID}", "my_own"]
    folders = [unfinished.folder.parent, unfinished.folder]
    others = [hold(name, folder) for name, folder in zip(names, folders, strict=True)]
    with unfinished.started(*both) as run:
        run.wait_for(lambda: unfinished.states()[:2] == ["CANCELLED", "CANCELLED"])
        unfinished.resume()
        assert run.finish() == 0
    assert f"left behind: {' '.join(orphans)}\n" in run.said()
    assert unfinished.states() == ["CANCELLED"] * 2 + ["PENDING"] + ["COMPLETED"] * 2
    # what is another folder's, or no snakemake's, stays
    beside = {job["JobId"] for job in limited[0].jobs()}
    assert set(slurm("squeue", "--noheader", "--format=%A").split()) - beside == set(others)
    slurm("scancel", *others)
    assert_healed(unfinished, local)


def test_a_job_that_exceeds_its_time_limit_is_retried_with_more(limited, local):
    project, run = limited
    assert run.finish() == 0
    assert project.states() == ["TIMEOUT", "COMPLETED"]
    assert [job["TimeLimit"] for job in project.jobs()] == ["00:01:00", "00:02:00"]
    assert_healed(project, local)
