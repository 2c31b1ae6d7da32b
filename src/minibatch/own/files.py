"""Whether files that an answer rests on are as they were."""

import hashlib
from pathlib import Path

LARGE = 10 * 2**20  # bytes from which on the content is not read, only size and time


def state(path: str | Path) -> str:
    """What changes with a file; "" where there is none."""
    path = Path(path)
    if not path.is_file():
        return ""
    about = path.stat()
    if about.st_size >= LARGE:
        return f"{about.st_size} bytes of {about.st_mtime_ns}"
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
