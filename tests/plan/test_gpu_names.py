"""Where a GPU is asked for: what this machine has, and what is said where it has none."""

import os
import platform
from types import SimpleNamespace

import pytest

from minibatch import frameworks
from minibatch.errors import UserError
from minibatch.plan import config, gpu

TEXT = "frameworks: [pytorch]\ndevices:\n  - cpu\n  - cuda\n"
ASKED = {"frameworks": ["pytorch"], "devices": ["cpu", "cuda"]}


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a program of that name, with so many lines of shell, first on a PATH without others."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(text):
        path = tmp_path / "nvidia-smi"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    return put


# Two GPUs, as nvidia-smi lists them when it is asked for their names and for nothing else.
TWO = """
[ "$*" = "--query-gpu=name --format=csv,noheader" ] || exit 2
echo "NVIDIA H200"
echo "NVIDIA A100-SXM4-80GB "
"""


def test_gpus_are_named_as_the_driver_names_them(nvidia_smi):
    nvidia_smi(TWO)
    assert gpu.names() == ["NVIDIA H200", "NVIDIA A100-SXM4-80GB"]


@pytest.mark.usefixtures("nvidia_smi")
def test_without_nvidia_smi_there_is_no_gpu():
    assert gpu.names() == []


@pytest.mark.parametrize(
    "text",
    [
        "echo 'NVIDIA-SMI has failed because it could not communicate with the driver'; exit 9",
        "echo 'No devices were found' >&2; exit 6",
        "exit 0",
        "echo",
    ],
)
def test_where_nvidia_smi_finds_none_there_is_no_gpu(nvidia_smi, text, capfd):
    nvidia_smi(text)
    assert gpu.names() == []
    assert capfd.readouterr() == ("", "")


def test_an_nvidia_smi_that_cannot_be_run_is_no_gpu(nvidia_smi, tmp_path):
    nvidia_smi(TWO)
    (tmp_path / "nvidia-smi").write_bytes(b"\0")
    assert gpu.names() == []


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text(TEXT)
    return config.Files([str(path)])


@pytest.mark.usefixtures("nvidia_smi")
def test_a_gpu_that_is_asked_for_and_missing_is_one_line_with_its_place(files, tmp_path):
    with pytest.raises(UserError) as caught:
        config.check_gpu(ASKED, files)
    said = str(caught.value)
    assert said.startswith(f"{tmp_path}/config.yaml:4: devices.1: this machine has no NVIDIA GPU")
    assert "remove cuda" in said
    assert "profiles/slurm" in said
    assert "\n" not in said


@pytest.mark.usefixtures("nvidia_smi")
def test_nobody_misses_a_gpu_where_none_is_asked_for(files):
    config.check_gpu(ASKED | {"devices": ["cpu"]}, files)


def test_a_gpu_that_is_asked_for_and_there_is_no_problem(files, nvidia_smi):
    nvidia_smi(TWO)
    config.check_gpu(ASKED, files)


def framework(model):
    return SimpleNamespace(version=lambda: "torch 2", gpu=lambda: model)


def test_a_table_names_the_version_and_the_gpu_with_its_machine():
    about = frameworks.provenance(framework("NVIDIA H200"), "cuda")
    gpus = [f"NVIDIA H200 in {platform.node()}"]
    assert about == {"frameworks": ["torch 2"], "gpus": gpus}


@pytest.mark.parametrize("model", ["NVIDIA H200", None])
def test_what_is_measured_on_the_cpu_names_no_gpu(model):
    about = frameworks.provenance(framework(model), "cpu")
    assert about == {"frameworks": ["torch 2"], "gpus": []}


@pytest.mark.parametrize("visible", [None, "", "7"])
def test_a_framework_that_sees_no_gpu_is_one_line_with_what_to_look_at(monkeypatch, visible):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with pytest.raises(UserError) as caught:
        frameworks.provenance(framework(None), "cuda")
    said = str(caught.value)
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
    assert said.startswith(f"torch 2 finds no GPU on {platform.node()} (CUDA_VISIBLE_DEVICES: ")
    assert f"CUDA_VISIBLE_DEVICES: {shown})" in said
    assert "take cuda out of devices in config.yaml" in said
    assert "\n" not in said


def test_pytorch_sees_no_gpu_where_it_is_shown_none(pytorch, monkeypatch):
    monkeypatch.setattr(pytorch.torch.cuda, "is_available", lambda: False)
    assert pytorch.gpu() is None
    with pytest.raises(UserError, match=r"^torch .* finds no GPU on "):
        frameworks.provenance(pytorch, "cuda")
