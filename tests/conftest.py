import os
import threading
import time
from pathlib import Path
from queue import Queue

import numpy as np
import pytest

from minibatch import frameworks
from minibatch.sgd import surrogate

ROOT = Path(__file__).parents[1]
FOLDERS = [
    *filter(None, [os.environ.get("MINIBATCH_DATA_DIR")]),
    ROOT.parent / "shared/data",
]


# The files that take longest, in the order in which they begin, so that none is left over at the
# end for one worker alone.
FIRST = ("test_frameworks", "test_gaps", "test_faults", "test_legal_configurations", "test_reruns")


def pytest_collection_modifyitems(items):
    """Put the longest files first, and mark what waits for a device that works in its own time."""
    items.sort(key=lambda item: FIRST.index(item.path.stem) if item.path.stem in FIRST else 99)
    for item in items:
        if "device" in item.fixturenames:
            item.add_marker("timing")


@pytest.fixture
def package_on_path(monkeypatch):
    """Lets processes that a test starts import the package."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


@pytest.fixture(scope="session")
def dataset():
    """The real dataset, byte for byte."""
    for folder in FOLDERS:
        path = Path(folder).expanduser() / "airfoil_self_noise.dat"
        if path.exists():
            return path.read_bytes()
    pytest.skip("needs airfoil_self_noise.dat in MINIBATCH_DATA_DIR or ../shared/data")


@pytest.fixture(scope="session")
def real(dataset):
    """The real dataset as a raw table, shape (1503, 6)."""
    return np.array([line.split(b"\t") for line in dataset.splitlines()], dtype=float)


@pytest.fixture(params=["surrogate", "real"])
def table(request):
    """The surrogate table, then the real one."""
    return surrogate.table() if request.param == "surrogate" else request.getfixturevalue("real")


@pytest.fixture
def standardised(table):
    """The first 1500 rows of a table standardised by all of them: features and targets."""
    scaled = ((table - table.mean(axis=0)) / table.std(axis=0))[:1500]
    return scaled[:, :5], scaled[:, 5]


@pytest.fixture(scope="session")
def examples():
    """Features and targets to train on, float32: the surrogate's, so no data is needed."""
    table = surrogate.table().astype(np.float32)[:1500]
    return np.ascontiguousarray(table[:, :5]), np.ascontiguousarray(table[:, 5])


@pytest.fixture(scope="session")
def pytorch():
    return frameworks.load("pytorch")


class Device:
    """Works in its own time, as a GPU does: `submit` returns at once, `wait` when all is done."""

    def __init__(self):
        self.durations = []
        self._queue = Queue()
        threading.Thread(target=self._work, daemon=True).start()

    def submit(self, seconds):
        self._queue.put(seconds)

    def wait(self):
        self._queue.join()

    @property
    def busy(self):
        return sum(self.durations)

    def _work(self):
        while True:
            seconds = self._queue.get()
            start = time.perf_counter()
            time.sleep(seconds)
            self.durations.append(time.perf_counter() - start)
            self._queue.task_done()


@pytest.fixture
def device():
    return Device()
