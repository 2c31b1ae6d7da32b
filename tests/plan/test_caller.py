"""What the caller's machine is set to does not reach the jobs."""

import os
import subprocess
import sys

import pytest

from minibatch.plan import boot, caller

SWITCHES = [
    "JAX_DISABLE_JIT",
    "JAX_ENABLE_X64",
    "JAX_PLATFORMS",
    "XLA_FLAGS",
    "TORCHDYNAMO_DISABLE",
    "TORCH_COMPILE_DISABLE",
    "TORCHINDUCTOR_MAX_AUTOTUNE",
    "PYTORCH_NO_CUDA_MEMORY_CACHING",
    "ATEN_CPU_CAPABILITY",
    "NUMBA_DISABLE_JIT",
    "NUMBA_OPT",
    "TF_XLA_FLAGS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_FUNCTION_JIT_COMPILE_DEFAULT",
    "KERAS_BACKEND",
    "MXNET_EXEC_BULK_EXEC_TRAIN",
    "NPY_DISABLE_CPU_FEATURES",
    "CUDA_LAUNCH_BLOCKING",
    "NVIDIA_TF32_OVERRIDE",
    "OMP_PROC_BIND",
    "OMP_WAIT_POLICY",
    "KMP_AFFINITY",
    "GOMP_CPU_AFFINITY",
    "MKL_CBWR",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ONEDNN_MAX_CPU_ISA",
    "MPLBACKEND",
    "MATPLOTLIBRC",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONOPTIMIZE",
    "PYTHONHASHSEED",
    "PET_NNODES",
    "TORCHELASTIC_RUN_ID",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "GROUP_RANK",
    "NODE_RANK",
    "MASTER_ADDR",
    "MASTER_PORT",
    "ROLE_RANK",
]
NEEDED = [
    "PATH",
    "HOME",
    "LD_LIBRARY_PATH",
    "TMPDIR",
    "CUDA_VISIBLE_DEVICES",
    "CUDA_HOME",
    "OPENBLAS_CORETYPE",
    "SLURM_JOB_ID",
    "SLURM_PROCID",
    "NCCL_SOCKET_IFNAME",
    "MINIBATCH_DATA_DIR",
    "UV_CACHE_DIR",
    "CXX",
    "PYTHONUNBUFFERED",
]
RANDOM = "raise ImportError('the one in the folder')"
SAY = """
import json, random, sys, numpy, pandas
print(sys.flags.no_user_site, sys.flags.optimize, sys.warnoptions)
"""


def environment(**variables):
    """The environment of a job whose caller has these variables, too."""
    found = os.environ | variables
    for name, value in (caller.settings(found) | {"PYTHONPATH": "src"}).items():
        if value is None:
            found.pop(name, None)
        else:
            found[name] = value
    return found


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_of_the_callers_reaches_no_job(name):
    assert environment(**{name: "1"}).get(name) != "1"


@pytest.mark.parametrize("name", NEEDED)
def test_what_a_job_needs_reaches_it(name):
    assert environment(**{name: "/tmp"})[name] == "/tmp"


def test_all_of_it_is_set_for_the_jobs_of_snakemake(monkeypatch):
    monkeypatch.setenv("JAX_DISABLE_JIT", "1")
    found = boot.settings("/here/src", remote=False)
    assert found["JAX_DISABLE_JIT"] is None
    assert found.items() >= caller.settings(os.environ).items()


def test_a_job_imports_nothing_from_the_working_directory_nor_of_the_users_own(tmp_path):
    """Whose packages of any name, and modules named as one of the standard library, break it."""
    (tmp_path / "random.py").write_text(RANDOM)
    site = tmp_path / f"lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"
    (site / "numpy").mkdir(parents=True)
    (site / "numpy/__init__.py").write_text(RANDOM)
    variables = {"PYTHONUSERBASE": str(tmp_path), "PYTHONOPTIMIZE": "2", "PYTHONWARNINGS": "error"}
    (tmp_path / "job.py").write_text(SAY)
    done = subprocess.run(
        [sys.executable, "-m", "json.tool", "--help"],
        cwd=tmp_path,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        [sys.executable, "-c", SAY],
        cwd=tmp_path,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "1 0 []\n"), done.stderr


def test_a_user_without_a_name_and_a_home_has_a_name_and_a_home_for_jobs(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("USER", "LOGNAME", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", lambda _: {}["uid not found"])
    monkeypatch.setenv("HOME", "/nonexistent")
    found = caller.settings(os.environ)
    assert found["USER"] == str(os.getuid())
    assert found["HOME"].startswith(f"{tmp_path}/.snakemake/")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USER", "somebody")
    assert not caller.settings(os.environ).keys() & {"USER", "HOME"}
