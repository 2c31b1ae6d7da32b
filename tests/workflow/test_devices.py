"""A study on the CPU and on a GPU, as far as a machine without one can tell, and whole on one."""

import os

import pytest
from project import RUNS, Project

from minibatch.plan import gpu

TO_CUDA = "results/verify/pytorch/cuda.parquet"
ON_CUDA = {
    TO_CUDA,
    "results/verify/pytorch/cuda/compiled.parquet",
    "results/verify/pytorch/cuda.json",
    *(f"results/parallel/cuda{launch}.parquet" for launch in ("", "/1", "/2")),
    "results/matmul/pytorch/cuda.parquet",
    *(f"results/steptime/pytorch/cuda{end}.parquet" for end in ("/1", "/2", "")),
    *(f"results/confirm/pytorch/cuda{end}.parquet" for end in ("/1", "/2", "")),
    "results/predicted/pytorch/cuda.parquet",
    *(f"results/matmul/pytorch/cuda/{part}.parquet" for part in (1, 2)),
    *(f"results/train/pytorch/cuda/{run}.parquet" for run in RUNS),
}
DRIVER = "#!/bin/sh\necho NVIDIA H200\n"  # what nvidia-smi says where there is one

without_gpu = pytest.mark.skipif(bool(gpu.names()), reason="needs a machine without a GPU")


def add_cuda(config):
    config["devices"] = ["cpu", "cuda"]


@pytest.fixture
def asked(finished):
    """A project after a whole run on the CPU, which then asks for a GPU, too."""
    finished.configure(add_cuda)
    return finished


def measured(paths):
    """Those among some paths that are measured, and not made from other tables."""
    stages = ("verify", "matmul", "steptime", "predicted", "confirm", "train", "parallel")
    return {path for path in paths if path.split("/")[1] in stages}


def test_a_gpu_added_measures_on_it_and_nothing_anew_on_the_cpu(asked):
    assert measured(asked.pending()) == ON_CUDA


def test_a_framework_without_an_environment_for_gpus_is_named_and_not_measured_there(asked):
    asked.configure(lambda config: config.update(frameworks=["pytorch", "mxnet", "jax"]))
    said = asked.snakemake("--dry-run").stderr
    assert "mxnet is not measured on cuda: there is no workflow/envs/mxnet-cuda.txt" in said
    rows = asked.rows()
    assert {".envs/jax-cuda.json", ".envs/jax.json", ".envs/mxnet.json"} < rows.keys()
    assert "results/verify/jax/cuda.parquet" in rows
    assert not [path for path in rows if "mxnet/cuda" in path or "mxnet-cuda" in path]


@without_gpu
def test_without_a_gpu_it_fails_before_any_job_in_a_line_with_the_remedy(asked):
    before = asked.files()
    said = asked.fail()
    [line] = [line for line in said.splitlines() if "GPU" in line]
    assert line.startswith("config.yaml:")
    assert line.endswith(
        "devices.1: this machine has no NVIDIA GPU (nvidia-smi finds none); remove cuda, or let a "
        "cluster's nodes measure: snakemake --workflow-profile profiles/slurm"
    )
    assert "rule verify" not in said
    assert asked.files() == before


@without_gpu
def test_a_gpu_that_the_framework_cannot_use_fails_its_jobs_in_a_line_and_spares_the_cpus(
    asked, monkeypatch
):
    program = asked.folder.parent / f"{asked.folder.name}-bin/nvidia-smi"
    program.parent.mkdir()
    program.write_text(DRIVER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    before = asked.files()
    said = asked.fail()
    assert "error: torch 2.13.0" in said
    assert "finds no GPU on" in said
    assert "take cuda out of devices in config.yaml" in said
    assert asked.files() == before


@pytest.mark.gpu
@pytest.mark.skipif(not gpu.names(), reason="needs an NVIDIA GPU, and nvidia-smi finds none")
def test_the_study_runs_on_both_and_shows_them_side_by_side(tmp_path):
    project = Project(tmp_path)
    try:
        project.configure(add_cuda)
        project.configure(lambda config: config["parallel"].update(ranks=[1]))
        project.run()
        for device in ("cpu", "cuda"):
            assert project.verdicts("pytorch", device).passed.all()
        products = project.read("results/summary/matmul.parquet")
        assert set(products[products.device == "cuda"].precision) == {"float32", "tf32", "bfloat16"}
        for table in ("training", "steptime", "stepcost", "ladder"):
            assert set(project.read(f"results/summary/{table}.parquet").device) == {"cpu", "cuda"}
        assert (project.folder / "results/figures/product_device.svg").exists()
        [model] = {name for name in gpu.names() if name in project.report()}
        assert model
        assert "Nothing to be done" in project.run()
    finally:
        project.close()
