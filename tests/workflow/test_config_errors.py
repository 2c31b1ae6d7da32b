"""Mistakes in the configuration end a run before its first job, in a line each."""

import pytest
from project import Project

CHATTER = ("Using workflow specific profile", "Config file config.yaml is extended")


@pytest.fixture(scope="module")
def results(tmp_path_factory, undisturbed):
    """A project with results, which no test here changes."""
    project = Project(tmp_path_factory.mktemp("mistaken"), undisturbed)
    yield project
    project.close()


@pytest.fixture
def mistaken(results):
    """Write a configuration into it; what was there comes back."""
    path = results.folder / "config.yaml"
    written, before = path.read_text(), results.files()
    yield results
    path.write_text(written)
    assert results.files() == before


def refused(project, *arguments):
    """The lines with which snakemake refuses to run."""
    said = project.fail(*arguments).splitlines()
    return [line for line in said if not line.startswith(CHATTER)]


MISTAKES = {
    "an unknown key": (
        "target_loss: 0.3\n",
        "target_loss: 0.3\n  target_los: 0.4\n",
        "training.target_los: unknown key; did you mean target_loss?",
    ),
    "broken YAML": ("seeds: 2", "seeds: 2: 3", "broken YAML: mapping values are not allowed here"),
    "a key twice": (
        "    sgd: {",
        "    gd: {",
        "gd stands here a second time (first in line {above}); rename or remove one",
    ),
    "a number too small": (
        "learning_rate: 0.005",
        "learning_rate: -0.005",
        "training.runs.sgd.learning_rate: -0.005 is not above 0",
    ),
    "a number as text": (
        "learning_rate: 0.005",
        "learning_rate: 5e-3",
        "training.runs.sgd.learning_rate: '5e-3' is not a number or a list"
        "; YAML takes it for text, write 0.005",
    ),
    "a batch larger than an epoch": (
        "batch_size: 1,",
        "batch_size: 1501,",
        "training.runs.sgd.batch_size: 1501 is above the 1500 examples of an epoch "
        "(dataset.rows × copies)",
    ),
    "a batch of the timed steps larger than the data": (
        "steptime: {batch_size: [1, 7,",
        "steptime: {batch_size: [1, 1501,",
        "steptime.batch_size.1: 1501 is above the 1500 examples (dataset.rows)",
    ),
    "a key of an earlier version": (
        "  loaders: [framework, direct]\n",
        "  loaders: [framework, direct]\n  baseline: {batch_size: [1], learning_rate: 0.05}\n",
        "training.baseline: went to steptime, which times all implementations; remove it here",
    ),
    "a run of an earlier version": (
        "    compiled_100:\n",
        "    compiled:\n",
        "training.runs.compiled: went to steptime, which times all implementations; remove it here",
    ),
    "a loader for a compiled run": (
        "      loaders: [direct]\n",
        "      loaders: [framework]\n",
        "training.runs.compiled_100.loaders: a compiled run indexes by itself; "
        "write loaders: [direct]",
    ),
    "a run for the second framework": (
        "grid:\n      frameworks: first",
        "grid:\n      frameworks: second",
        "training.runs.grid.frameworks: 'second' is unknown; known: first",
    ),
    "an unknown framework": (
        "[pytorch]",
        "[pytroch]",
        "frameworks.0: unknown framework 'pytroch'; did you mean pytorch?",
    ),
    "an unknown base": (
        "{base: minibatch_100, frameworks: first, copies: 2}",
        "{base: minibatch_1000, frameworks: first, copies: 2}",
        "training.runs.minibatch_100_twice.base: there is no run 'minibatch_1000'; "
        "did you mean minibatch_100?",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_with_its_place(mistaken, mistake):
    old, new, expected = MISTAKES[mistake]
    right = (mistaken.folder / "config.yaml").read_text()
    mistaken.replace("config.yaml", old, new)
    wrong = (mistaken.folder / "config.yaml").read_text()
    pairs = zip(right.splitlines(), wrong.splitlines(), strict=False)
    line = next(number for number, (one, other) in enumerate(pairs, start=1) if one != other)
    [said] = refused(mistaken)
    assert said == f"config.yaml:{line}: " + expected.format(above=line - 1)


def test_each_of_two_mistakes_has_its_line(mistaken):
    mistaken.replace("config.yaml", "seeds: 2", "seeds: 1")
    mistaken.replace("config.yaml", "schedule: tenth", "schedule: thenth")
    one, other = refused(mistaken)
    assert one.endswith("seeds: 1 is too small; at least 2")
    assert other.endswith("gd_tenth.schedule: 'thenth' is unknown; did you mean tenth?")


def test_a_mistake_on_the_command_line_is_blamed_on_it(mistaken):
    said = refused(mistaken, "--config", "seeds=1", "parallel={budget_seconds: -1}")
    assert sorted(said) == [
        "--config: parallel.budget_seconds: -1 is not above 0",
        "--config: seeds: 1 is too small; at least 2",
    ]


def test_what_the_command_line_gives_within_a_key_changes_that_alone(mistaken):
    measured, made = "results/parallel/cpu.parquet", "results/summary/parallel.parquet"
    changed = mistaken.pending("--config", "parallel={budget_seconds: 0.002}")
    assert {measured, made} < changed
    assert not [path for path in changed if path.startswith("results/steptime/")]
    assert mistaken.pending("--config", "parallel={budget_seconds: 0.001}", "seeds=2") == set()


def test_a_mistake_in_a_further_file_names_that_file(mistaken, tmp_path):
    further = tmp_path / "more.yaml"
    further.write_text("# More seeds.\nseeds: many\n")
    [said] = refused(mistaken, "--configfile", str(further))
    assert said == f"{further}:2: seeds: 'many' is not a whole number"


def test_a_missing_file_is_one_line(mistaken):
    (mistaken.folder / "config.yaml").unlink()
    assert refused(mistaken) == ["config.yaml: No such file or directory"]


def test_a_learning_rate_that_diverges_is_announced_once(undisturbed):
    [warning] = [line for line in undisturbed.said.splitlines() if "learning rate above" in line]
    assert warning.endswith("so that full-batch descent diverges: gd (1)")


def test_another_version_than_the_pinned_one_is_one_line_before_the_first_job(results):
    before = results.files()
    path = results.folder / "workflow/envs/main.txt"
    pins = path.read_text()
    path.write_text(pins.replace("numba==0.68.1", "numba==0.68.0"))
    said = results.fail().splitlines()
    path.write_text(pins)
    [line] = [line for line in said if "is installed" in line]
    assert line == (
        "error: numba 0.68.1 is installed, and workflow/envs/main.txt asks for numba==0.68.0; "
        "call make, with conda: conda env update"
    )
    assert not any(line.startswith("rule ") for line in said)
    assert results.files() == before
