"""The profile for SLURM, where its requirements are not installed, and where they are."""

from io import StringIO

import yaml
from project import ROOT
from snakemake.profiles import ProfileConfigFileParser

PROFILE = ROOT / "profiles/slurm/config.yaml"


def test_the_profile_for_slurm_names_the_requirements_that_it_lacks_in_one_line(project):
    said = project.fail("--workflow-profile", "profiles/slurm").splitlines()
    [line] = [line for line in said if not line.startswith("Using workflow specific profile")]
    assert line.startswith("profiles/slurm needs requirements-slurm.txt: install it")


def test_with_its_requirements_it_is_read_as_written(monkeypatch, tmp_path):
    (tmp_path / "snakemake_executor_plugin_slurm.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    stream = StringIO(PROFILE.read_text())
    stream.name = str(PROFILE)
    found = ProfileConfigFileParser().parse(stream)
    written = yaml.safe_load(PROFILE.read_text())
    assert found["executor"] == "slurm"
    default = [f"{key}={value}" for key, value in written["default-resources"].items()]
    assert found["default-resources"] == default
    assert found.keys() == {key for key in written if not key.startswith("__")}
