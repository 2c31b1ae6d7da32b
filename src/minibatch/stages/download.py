"""Fetch the dataset, or make a surrogate: results/data/airfoil.dat, and airfoil.json beside it."""

import hashlib
import io
import json
import logging
import os
import sys
import threading
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from minibatch import command
from minibatch.errors import UserError
from minibatch.sgd import surrogate
from minibatch.tables.files import write_text
from minibatch.tables.notes import AGAIN

NAME = "airfoil_self_noise.dat"
SHA1 = "d9dfd00ed1ff52487b87aceb5ff20462d8e0801c"  # with \n as line ending
FOLDER = "MINIBATCH_DATA_DIR"
MOST_BYTES = 10_000_000  # far above the dataset's 60 kB: what is longer is something else
SILENCE_SECONDS = 16.0  # until all addresses together are given up where none answers


class Failure(Exception):
    """Why one source gave no dataset."""


def download(
    sources: Iterable[tuple[str, Callable[[], bytes]]],
) -> tuple[bytes | None, str | None, dict[str, str]]:
    """Take the first (address, fetch) that gives the dataset, with \\n as line ending.

    Returns the dataset, its address, and why each source before it failed; without one that
    gives it, the first two are None.
    """
    failures: dict[str, str] = {}
    for address, fetch in sources:
        logging.info("Trying %s", address)
        try:
            return verified(fetch()), address, failures
        except Failure as failure:
            logging.info("  %s", failure)
            failures[address] = str(failure)
    return None, None, failures


def verified(content: bytes) -> bytes:
    """The content with \\n as line ending; Failure unless it is the dataset."""
    normal = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    found = hashlib.sha1(normal).hexdigest()
    if found != SHA1:
        raise Failure(f"refused, not the dataset: SHA-1 expected {SHA1}, found {found}")
    return normal


def read_file(path: Path) -> bytes:
    """Read a local copy."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Failure(f"cannot be read: {error.strerror}") from None


def fetch(address: str, patience: float) -> bytes:
    """Fetch an address; of a zip archive, the dataset in it.

    Raises Failure where nothing answers, or nothing more arrives, for `patience` seconds.
    """
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # its warnings repeat our failures
    with requests.Session() as session:
        for scheme in ("http://", "https://"):
            session.mount(scheme, HTTPAdapter(max_retries=1))
        try:
            with _within(
                patience, lambda: session.get(address, stream=True, timeout=patience / 2)
            ) as response:
                response.raise_for_status()
                content = _receive(response)
        except (requests.RequestException, HTTPError, TimeoutError) as error:
            raise Failure(_reason(error)) from None
    return _unzip(content) if content.startswith(b"PK\x03\x04") else content


def make_surrogate() -> str:
    """The surrogate table as text, in the layout of the dataset."""
    return "".join("\t".join(map(repr, row)) + "\n" for row in surrogate.table().tolist())


def _within(seconds: float, function: Callable):
    """Call a function, but wait this many seconds at most: looking up a name has no limit."""
    outcome: list = []

    def work():
        try:
            outcome.append(function())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no answer within {seconds:.0f} s")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def _receive(response: requests.Response) -> bytes:
    """Read the body, and say how far it is twice a second."""
    total = response.headers.get("Content-Length", "?")
    content, said = b"", time.monotonic()
    for chunk in response.iter_content(chunk_size=4096):
        content += chunk
        if len(content) > MOST_BYTES:
            raise Failure(f"refused, not the dataset: longer than {MOST_BYTES:,} bytes")
        if time.monotonic() - said > 0.5:
            said = time.monotonic()
            logging.info("  %s of %s bytes", len(content), total)
    logging.info("  received %s bytes", len(content))
    return content


def _unzip(content: bytes) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive, archive.open(NAME) as file:
            return file.read(MOST_BYTES)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        LookupError,
        ValueError,
        RuntimeError,
        OSError,
    ) as error:
        raise Failure(f"refused, no zip archive with {NAME} in it: {error}") from None


def _reason(error: Exception) -> str:
    """The innermost message of a chain of network errors, in one line."""
    while error.args and isinstance(getattr(error.args[0], "reason", error.args[0]), Exception):
        error = getattr(error.args[0], "reason", error.args[0])
    return " ".join(str(error).split())


def make(parameters: dict, inputs: list[Path], output: Path) -> None:  # noqa: ARG001
    """Write the dataset, or the surrogate, and where it came from."""
    beside = output.with_suffix(".json")
    addresses = parameters["sources"]
    patience = SILENCE_SECONDS / max(len(addresses), 1)
    sources = [(address, lambda a=address: fetch(a, patience)) for address in addresses]
    if folder := os.environ.get(FOLDER):
        local = Path(folder).expanduser() / NAME
        sources.insert(0, (f"{FOLDER}={local}", lambda: read_file(local)))
    content, address, failures = download(sources)

    about = {"address": address, "surrogate": False, "failures": failures}
    reasons = "; ".join(f"{address}: {reason}" for address, reason in failures.items())
    if content is None and output.exists() and beside.exists() and _is_dataset(output):
        logging.warning("warning: no source gave the dataset (%s); the one here stays", reasons)
        return
    if content is None and parameters["offline"] == "fail":
        raise UserError(
            f"no source gave the dataset ({reasons}); put {NAME} into a folder and set {FOLDER} "
            "to it, or set dataset.offline to surrogate in config.yaml"
        )
    if content is None:
        logging.warning("warning: SURROGATE DATA, because no source gave the dataset:")
        for address, reason in failures.items():
            logging.warning("warning:   %s: %s", address, reason)
        logging.warning("warning: for the real data, with a network: %s", AGAIN)
        content, about["surrogate"] = make_surrogate().encode(), True
    about["retrieved"] = datetime.now(UTC).isoformat(timespec="seconds")
    write_text(beside, json.dumps(about, indent=2) + "\n")
    write_text(output, content.decode())


def _is_dataset(path: Path) -> bool:
    try:
        return bool(verified(path.read_bytes()))
    except Failure:
        return False


if __name__ == "__main__":
    sys.exit(command.run(make))
