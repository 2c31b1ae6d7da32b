"""The Makefile in a folder with an odd name, with an interpreter that stands in for Python.

It makes environments that hold a program in place of Python, which says how it was called.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ODD = "a $HOME; 'b' \"c\" *?#%&{d}(1) ü \\ `e`"
# Called as `python -m venv [--clear] FOLDER`, it makes an environment with itself as interpreter;
# as `-m pip`, it fills it, or whatever folder else its settings name.
PYTHON = """#!/bin/sh
folder=$(dirname "$0")
case "$*" in
  "-m venv --clear "*) rm -rf "$4"; mkdir -p "$4/bin"; cp "$0" "$4/bin/python";;
  "-m venv "*) mkdir -p "$3/bin"; cp "$0" "$3/bin/python";;
  *"-m pip install"*) touch "${PIP_TARGET:-${TARGET_IN_A_FILE:-$folder}}/installed";;
  *"-m snakemake"*|*"-m minibatch.progress"*|*"-m minibatch.answer"*)
    [ -e "$folder/installed" ] && echo "$PYTHONPATH: $*";;
esac
"""


class Folder:
    def __init__(self, path):
        self.path = path
        path.mkdir(parents=True)
        (path / "workflow/envs").mkdir(parents=True)
        for name in ("Makefile", "requirements.txt", "requirements.lock", "workflow/envs/main.txt"):
            shutil.copy2(ROOT / name, path / name)
        self.python = path.parent / "python"
        self.python.write_text(PYTHON)
        self.python.chmod(0o755)

    def make(self, *arguments, **variables):
        command = ["make", f"PYTHON={self.python}", *arguments]
        outer = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")  # of the make that calls these tests
        environment = {k: v for k, v in os.environ.items() if k not in outer} | variables
        return subprocess.run(
            command, cwd=self.path, env=environment, capture_output=True, text=True, check=False
        )

    def run(self, *arguments, **variables):
        done = self.make(*arguments, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path / ODD)


def test_the_study_runs_in_a_folder_whatever_its_name(folder):
    said = folder.run()
    assert "src: -P -m minibatch.progress --cores 4\n" in said
    assert said.endswith(f"The report: {folder.path}/results/report.html\n")


def test_a_trial_draws_one_figure_of_pytorch_alone(folder):
    said = folder.run("trial")
    figure = "results/figures/loss_by_time.png"
    assert (
        f"src: -P -m minibatch.progress --cores 4 --config frameworks=[pytorch] -- {figure}\n"
        in said
    )
    assert said.endswith(f"The figure: {folder.path}/{figure}\n")


def test_an_answer_is_asked_for_with_the_values_as_they_stand(folder):
    said = folder.run("answer", DATA="~/my table.csv", TARGET="$y", DROP="a b,-c", NAME="")
    asked = "minibatch.answer --data=~/my table.csv --target=$y --drop=a b,-c\n"
    assert f"src: -P -m {asked}" in said


def test_an_environment_is_made_once(folder):
    assert "-m venv" in folder.run()
    assert "-m venv" not in folder.run()


@pytest.mark.parametrize("gone", [Path.unlink, lambda path: path.write_text("#!/gone\n")])
def test_an_environment_whose_python_is_gone_is_made_anew(folder, gone):
    folder.run()
    gone(folder.path / ".venv/bin/python")
    assert "-m venv --clear .venv" in folder.run()
    assert "-m venv" not in folder.run()


def test_the_environment_of_a_folder_that_was_moved_is_made_anew(folder):
    folder.run()
    folder.path = folder.path.rename(folder.path.with_name("moved"))
    assert "-m venv --clear .venv" in folder.run()


def test_an_environment_that_another_folder_shares_is_left_as_it_is(folder, tmp_path):
    folder.run()
    other = Folder(tmp_path / "other")
    (other.path / ".venv").symlink_to(folder.path / ".venv")
    assert "-m venv" not in other.run()


SETTINGS = ("PIP_TARGET", "PIP_PREFIX", "PIP_ROOT", "PIP_USER", "PIP_DRY_RUN", "PIP_NO_DEPS")


def test_the_callers_settings_of_pip_and_python_do_not_reach_them(folder, tmp_path):
    settings = dict.fromkeys((*SETTINGS, "PYTHONHOME", "PYTHONPATH"), str(tmp_path))
    folder.run(**settings)
    assert not (tmp_path / "installed").exists()
    with (folder.path / "Makefile").open("a") as file:
        file.write("\nprint:\n\t@env\n")
    said = folder.run("print", **settings, PIP_INDEX_URL="http://index").splitlines()
    assert not [line for line in said if line.partition("=")[0] in settings]
    assert "PIP_INDEX_URL=http://index" in said


def test_an_environment_that_stays_empty_is_an_error_in_one_line(folder, tmp_path):
    for _ in range(2):
        done = folder.make(TARGET_IN_A_FILE=str(tmp_path))
        assert done.returncode == 2
        [line] = [line for line in done.stdout.splitlines() if line.startswith("error:")]
        assert "pip has filled another folder than .venv" in line


def test_clean_empties_folders_on_other_disks_and_keeps_the_links(folder, tmp_path):
    paths = {name: tmp_path / f"disk{name}" for name in ("results", ".envs", ".snakemake")}
    for name, path in paths.items():
        (path / "train").mkdir(parents=True)
        (path / "train/README.md").touch()
        (folder.path / name).symlink_to(path)
    (paths["results"] / "README.md").touch()
    folder.run("clean")
    assert [*paths["results"].iterdir()] == [paths["results"] / "README.md"]
    for name in (".envs", ".snakemake"):
        assert (folder.path / name).is_symlink()
        assert [*paths[name].iterdir()] == []


def test_clean_does_without_folders_that_are_not_there(folder):
    (folder.path / "results").mkdir()
    (folder.path / "answers/mine/results").mkdir(parents=True)
    folder.run("clean")
    assert (folder.path / "answers/mine/results").exists()  # answers to others' questions stay


def test_every_target_is_in_the_help(folder):
    shown = {line.split()[1] for line in folder.run("help").splitlines()}
    lines = (ROOT / "Makefile").read_text().splitlines()
    [phony] = [line for line in lines if line.startswith(".PHONY:")]
    assert shown == {*phony.split()[1:]} - {"stale"}
