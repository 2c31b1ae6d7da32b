import os
import subprocess
import sys

import pytest

from minibatch.tables import cores

pytestmark = pytest.mark.usefixtures("package_on_path")

SAY = "from minibatch.tables import cores, provenance as p; print(p.collect()['machines'][0])"
PLENTY = 64


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Says how many cores there are where control groups have these files, by path."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: range(PLENTY))

    def available(own, files):
        for path, text in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        (tmp_path / "own").write_text(own)
        return cores.available(tmp_path, tmp_path / "own")

    return available


def test_a_process_that_is_confined_to_one_core_has_one():
    core = min(os.sched_getaffinity(0))
    said = subprocess.run(
        [sys.executable, "-c", SAY],
        preexec_fn=lambda: os.sched_setaffinity(0, [core]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.strip().endswith(", 1 core")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", PLENTY),
        ("300000 100000", 3),
        ("150000 100000", 1),
        ("20000 100000", 1),
        ("9900000 100000", PLENTY),
        ("", PLENTY),
    ],
)
def test_a_share_of_the_processors_time_is_that_many_cores(groups, limit, expected):
    assert groups("0::/\n", {"cpu.max": limit}) == expected


def test_a_share_of_a_group_around_counts_too(groups):
    files = {"a/cpu.max": "200000 100000", "a/b/cpu.max": "max 100000"}
    assert groups("0::/a/b\n", files) == 2


@pytest.mark.parametrize(("quota", "expected"), [("-1", PLENTY), ("250000", 2)])
def test_the_first_version_of_control_groups_is_read_as_well(groups, quota, expected):
    files = {"cpu/job/cpu.cfs_quota_us": quota, "cpu/job/cpu.cfs_period_us": "100000"}
    assert groups("3:memory:/x\n2:cpu,cpuacct:/job\n", files) == expected


def test_without_control_groups_the_affinity_counts(groups, tmp_path):
    assert groups("", {}) == PLENTY
    assert cores.available(tmp_path / "none", tmp_path / "none") == PLENTY
