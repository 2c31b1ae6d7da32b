"""The GPUs of this machine, whatever framework may use them."""

import subprocess


def names() -> list[str]:
    """Their models, as NVIDIA's driver names them; none where there is no driver."""
    ask = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        said = subprocess.run(ask, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return [line.strip() for line in said.splitlines() if line.strip()]
