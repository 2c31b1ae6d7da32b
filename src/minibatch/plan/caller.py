"""What of the caller's environment no job sees, so that no result depends on it."""

import getpass
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

# Switches of frameworks, of the libraries under them, and of Python; and where a launcher's ranks
# meet. SLURM's own stay: srun needs them, and torchrun does not read them.
PREFIXES = (
    *("JAX_", "XLA_", "PJRT_", "TORCH", "PYTORCH_", "INDUCTOR_", "AOT_", "ATEN_", "TRITON_"),
    *("TF_", "KERAS_", "MXNET_", "NUMBA_", "NUMPY_", "NPY_", "SKLEARN_", "CUDA_", "CUBLAS_"),
    *("CUDNN_", "NVIDIA_TF32_", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_"),
    *("DNNL_", "ONEDNN_", "MKLDNN_", "PYTHON", "MPL", "MATPLOTLIB"),
    *("PET_", "MASTER_", "GROUP_", "ROLE_", "LOCAL_RANK", "LOCAL_WORLD_", "NODE_RANK"),
)
NAMES = {"RANK", "WORLD_SIZE"}
# These choose no way to compute, or one that the machine needs.
KEPT = {
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_PATH", "CUDA_CACHE_PATH"),
    *("CUDA_MPS_PIPE_DIRECTORY", "CUDA_MPS_LOG_DIRECTORY", "OPENBLAS_CORETYPE"),
    *("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX", "PYTHONUNBUFFERED"),
    *("PYTHONUTF8", "PYTHONIOENCODING"),
}


def kept_out(name: str) -> bool:
    """Whether no job sees the caller's variable of this name."""
    return (name.startswith(PREFIXES) or name in NAMES) and name not in KEPT


def settings(caller: Mapping[str, str]) -> dict[str, str | None]:
    """What differs for jobs in the caller's environment; None for what must not be set.

    Nothing is imported from the user's own packages or the working directory. Settings and caches
    lie where they are nobody else's: under .snakemake, and what compilers write, for which a folder
    with a space in its path will not do, under that of temporary files. A user without a name is
    called by his number, and one without a home that he can write into has one under .snakemake.
    """
    own = Path(".snakemake/caches").absolute()
    compiled = Path(tempfile.gettempdir(), f"minibatch-{os.getuid()}")
    found = dict.fromkeys(filter(kept_out, caller)) | {
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "MPLCONFIGDIR": str(own / "matplotlib"),
        "KERAS_HOME": str(own / "keras"),
        "TORCHINDUCTOR_CACHE_DIR": str(compiled / "torchinductor"),
        # every launch of the process compiles the same: the later ones find it, however small
        "JAX_COMPILATION_CACHE_DIR": str(compiled / "jax"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    try:
        getpass.getuser()
    except (KeyError, OSError):
        found["USER"] = str(os.getuid())
    if not os.access(os.path.expanduser("~"), os.W_OK):
        found["HOME"] = str(own)
    return found
