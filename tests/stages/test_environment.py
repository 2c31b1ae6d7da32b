"""Environments are built by the real uv: from wheels made here, and two from the real index."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from minibatch.stages import environment

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def wheel(folder, name, version="1.0", platform="any", needs=()):
    """A wheel of one module that knows its version, for a platform."""
    about = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"VERSION = {version!r}\n",
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        + "".join(f"Requires-Dist: {other}\n" for other in needs),
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-{platform}\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{about}/RECORD"])
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-{platform}.whl", "w") as archive:
        for path, text in (files | {f"{about}/RECORD": record}).items():
            archive.writestr(path, text)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder of wheels in the place of the package index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    wheel(folder, "lonely", "1.0")
    wheel(folder, "lonely", "2.0")
    wheel(folder, "pair", needs=["lonely"])
    wheel(folder, "apple", platform="macosx_12_0_arm64")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def folder(tmp_path):
    """Where the environment goes: in a folder that is not there yet."""
    return tmp_path / "envs/fake"


def build(folder, *requirements, python=PYTHON, constraints=()):
    return environment.build(folder, python, [*requirements], [*constraints])


def run(folder, code, **variables):
    """What the environment's interpreter prints."""
    done = subprocess.run(
        [str(folder / "bin/python"), "-c", code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def one_line(made, status):
    """The reason of what was not built."""
    assert made.keys() == {"status", "detail"}
    assert made["status"] == status
    assert made["detail"]
    assert "\n" not in made["detail"]
    return made["detail"]


@pytest.mark.usefixtures("index")
def test_an_environment_has_its_pins_what_they_need_and_nothing_else(folder):
    made = build(folder, "pair==1.0", "lonely==1.0")
    assert made == {"status": "ready", "packages": {"lonely": "1.0", "pair": "1.0"}}
    code = "import sys, pair, lonely; print(lonely.VERSION, *sys.version_info[:2])"
    assert run(folder, code) == f"1.0 {PYTHON.replace('.', ' ')}"
    finds = "import importlib.util; print(importlib.util.find_spec('{}'))"
    assert all(run(folder, finds.format(name)) == "None" for name in ("torch", "numpy", "pip"))


LOCKED = ("lonely==1.0 ; sys_platform != 'none'", "lonely==9.0 ; sys_platform == 'none'")


@pytest.mark.usefixtures("index")
def test_what_the_pins_bring_along_has_the_version_of_the_lock_and_else_the_newest(folder):
    made = build(folder, "pair==1.0", constraints=LOCKED)
    assert made == {"status": "ready", "packages": {"lonely": "1.0", "pair": "1.0"}}
    made = build(folder, "pair==1.0", constraints=["apple==1.0"])  # which nothing brings along
    assert made == {"status": "ready", "packages": {"lonely": "2.0", "pair": "1.0"}}


@pytest.mark.usefixtures("index")
def test_a_pin_that_contradicts_the_lock_failed(folder):
    assert "lonely" in one_line(build(folder, "lonely==2.0", constraints=LOCKED), "failed")


@pytest.mark.usefixtures("index")
def test_a_second_build_replaces_the_first_with_all_that_was_in_it(folder):
    build(folder, "pair==1.0", "lonely==2.0")
    (folder / "left-over").touch()
    assert build(folder, "lonely==1.0") == {"status": "ready", "packages": {"lonely": "1.0"}}
    assert not (folder / "left-over").exists()
    assert run(folder, "import lonely; print(lonely.VERSION)") == "1.0"


@pytest.mark.parametrize("left", ["empty", "half", "file in the way", "stand-in"])
@pytest.mark.usefixtures("index")
def test_what_a_killed_or_failed_build_left_does_no_harm(folder, left):
    folder.mkdir(parents=True)
    if left == "half":
        (folder / "bin").mkdir()
        (folder / "bin/python").symlink_to("/nowhere")
        (folder / "lib").mkdir()
    if left == "file in the way":
        (folder / "bin").write_text("")
    if left == "stand-in":
        (folder / "bin").mkdir()
        (folder / "bin/python").write_text(environment.STAND_IN)
    assert build(folder, "lonely==1.0")["status"] == "ready"
    assert run(folder, "import lonely; print(lonely.VERSION)") == "1.0"


@pytest.mark.parametrize(
    ("requirement", "said"),
    [
        ("lonely==3.0", "lonely==3.0"),
        ("nonesuch==1.0", "nonesuch"),
        ("lonely==", "version specifier"),
    ],
)
@pytest.mark.usefixtures("index")
def test_what_cannot_be_installed_failed_for_a_reason_in_one_line(folder, requirement, said):
    assert said in one_line(build(folder, requirement), "failed")


@pytest.mark.usefixtures("index")
def test_pins_that_contradict_each_other_failed(folder):
    assert "lonely" in one_line(build(folder, "lonely==1.0", "lonely==2.0"), "failed")


def test_a_broken_wheel_failed(folder, index):
    (index / "broken-1.0-py3-none-any.whl").write_bytes(b"no archive")
    one_line(build(folder, "broken==1.0"), "failed")


@pytest.mark.usefixtures("index")
def test_an_interpreter_that_is_not_there_failed(folder):
    assert "3.99" in one_line(build(folder, "lonely==1.0", python="3.99"), "failed")


@pytest.mark.skipif(sys.platform == "darwin", reason="the wheel is for macOS")
@pytest.mark.usefixtures("index")
def test_a_package_for_another_platform_is_left_out(folder):
    made = build(folder, "apple==1.0", "lonely==1.0")
    assert "macosx_12_0_arm64" in one_line(made, "left out")


@pytest.mark.usefixtures("index")
def test_a_package_that_a_marker_excludes_is_not_missed(folder):
    made = build(folder, 'apple==1.0; sys_platform == "none"', "lonely==1.0")
    assert made == {"status": "ready", "packages": {"lonely": "1.0"}}


@pytest.mark.usefixtures("index")
def test_the_settings_of_a_project_around_it_do_not_matter(folder, tmp_path, monkeypatch):
    (tmp_path / "uv.toml").write_text('pip = { only-binary = "no"\n')  # broken, even
    monkeypatch.chdir(tmp_path)
    assert build(folder, "lonely==1.0")["status"] == "ready"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("UV_OVERRIDE", "{}/lonely"), ("UV_EXCLUDE", "{}/lonely"), ("UV_RESOLUTION", "lowest")),
        *(("UV_PRERELEASE", "allow"), ("UV_REQUIRE_HASHES", "1"), ("UV_CONFIG_FILE", "/nowhere")),
        *(("UV_WORKING_DIR", "{}"), ("UV_PROJECT", "/nowhere"), ("UV_VENV_SEED", "1")),
        *(("UV_TARGET", "{}"), ("UV_SYSTEM_PYTHON", "1"), ("UV_PYTHON", "/nowhere")),
        *(("UV_PROJECT_ENVIRONMENT", "{}"), ("VIRTUAL_ENV", "{}"), ("UV_NO_DEPS", "1")),
    ],
)
def test_the_callers_settings_of_uv_choose_neither_folder_nor_versions(
    name, value, index, tmp_path, monkeypatch
):
    wheel(index, "lonely", "3.0rc1")
    wheel(index, "pip")
    other = tmp_path / "other"
    other.mkdir()
    (other / "lonely").write_text("lonely" + "==1.0" * (name == "UV_OVERRIDE"))
    monkeypatch.setenv(name, value.format(other))
    monkeypatch.chdir(tmp_path)
    made = build(Path("envs/fake"), "pair")
    assert made == {"status": "ready", "packages": {"lonely": "2.0", "pair": "1.0"}}
    assert [path.name for path in other.iterdir()] == ["lonely"]


@pytest.mark.usefixtures("index")
def test_nothing_is_compiled_from_source(folder, index):
    (index / "source-1.0.tar.gz").write_bytes(b"")
    assert "source" in one_line(build(folder, "source==1.0"), "failed")


def make(folder, *requirements):
    """The record that the stage writes."""
    record = folder.with_suffix(".json")
    parameters = {"python": PYTHON, "requirements": [*requirements], "constraints": []}
    environment.make(parameters, [], record)
    return json.loads(record.read_text(encoding="utf-8"))


@pytest.mark.usefixtures("index")
def test_the_stage_builds_beside_its_record(folder):
    assert make(folder, "lonely==2.0") == {"status": "ready", "packages": {"lonely": "2.0"}}
    assert run(folder, "import lonely; print(lonely.VERSION)") == "2.0"


# Left by a build that installed something, by one that had no interpreter, and by none at all.
@pytest.mark.parametrize("before", ["ready", "failed", "nothing"])
@pytest.mark.usefixtures("index")
def test_where_it_fails_the_stage_leaves_a_stand_in_that_starts_the_main_interpreter(
    folder, before, caplog
):
    if before != "nothing":
        make(folder, "lonely==2.0" if before == "ready" else "lonely==4.0")
        caplog.clear()
    made = make(folder, "lonely==3.0")
    assert made["status"] == "failed"
    assert caplog.messages == [f"warning: fake is not measured: {made['detail']}"]
    started = run(
        folder,
        "import sys; print(sys.executable, sys.argv)",
        MINIBATCH_PYTHON=sys.executable,
    )
    assert started == f"{sys.executable} ['-c']"
    # the interpreter that uv linked to is still itself
    assert run(folder, "import numpy; print('here')", MINIBATCH_PYTHON=sys.executable) == "here"
    assert make(folder, "lonely==1.0")["status"] == "ready"
    assert run(folder, "import lonely; print(lonely.VERSION)") == "1.0"


def test_without_an_interpreter_the_stage_still_leaves_the_stand_in(folder, monkeypatch):
    monkeypatch.setattr(environment, "UV", [sys.executable, "-c", "import sys; sys.exit(2)"])
    assert make(folder, "lonely") == {"status": "failed", "detail": "uv gave no reason"}
    assert run(folder, "print(1)", MINIBATCH_PYTHON=sys.executable) == "1"


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        (
            "error: No solution found when resolving dependencies\n"
            "  cause: Because a==1 has no wheels with a matching platform tag\n\n"
            "hint: Wheels are available for `a` (v1) on the following platform: `win32`\n",
            "Wheels are available for `a` (v1) on the following platform: `win32`",
        ),
        (
            "error: Request failed after 3 retries\n  cause: Failed to fetch: `https://p/six/`\n"
            "  cause: dns error\n  cause: failed to lookup address information\n\n"
            "hint: look at your network\n",
            "failed to lookup address information",
        ),
        ("error: No interpreter found for Python 3.99\n", "No interpreter found for Python 3.99"),
        ("Killed\n", "Killed"),
        ("", "uv gave no reason"),
    ],
)
def test_the_most_telling_line_of_what_uv_said_is_the_reason(said, detail):
    assert environment._reason(said) == detail


@pytest.fixture
def online(tmp_path):
    """The real index, or no test."""
    made = build(tmp_path / "online", "six==1.17.0")
    if made["status"] != "ready":
        pytest.skip(f"needs the package index: {made['detail']}")
    return made


def test_the_real_index_gives_a_real_package(online):
    assert online == {"status": "ready", "packages": {"six": "1.17.0"}}


@pytest.mark.skipif(sys.platform != "linux", reason="macOS has these wheels")
@pytest.mark.usefixtures("online")
def test_a_framework_without_wheels_for_this_platform_is_left_out(folder):
    detail = one_line(build(folder, "tensorflow-macos==2.16.2"), "left out")
    assert detail == (
        "Wheels are available for `tensorflow-macos` (v2.16.2) on the following platform: "
        "`macosx_12_0_arm64`"
    )


@pytest.mark.usefixtures("online")
def test_a_version_that_the_real_index_does_not_have_failed(folder):
    assert "six==99.0" in one_line(build(folder, "six==99.0"), "failed")
