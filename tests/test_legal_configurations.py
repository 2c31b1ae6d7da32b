"""Whatever config.yaml may hold, its results become summaries, figures and a page that make sense.

Configurations are drawn from the schema. Their tables hold made-up measurements, some of runs that
diverged, some without rows since a check failed; all that follows is made as the workflow makes it.
"""

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from configurations import any_configuration, legal
from measurements import SUBJECTS, Tables, measure
from minibatch.errors import UserError
from minibatch.plan import config as configuration
from minibatch.plan import experiment, targets
from minibatch.stages import figure, report, summary

ROOT = Path(__file__).parents[1]
NONSENSE = re.compile(r"\b(nan|None|NaT|NA|0 of 0|1 epochs|1 steps)\b|inf×|∞×")
SEARCH = {
    "deadline": None,
    "derandomize": True,  # the same examples in every run
    "database": None,
    "suppress_health_check": [*HealthCheck],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working folder with the files that are no tables; where its jobs run."""
    made = tmp_path_factory.mktemp("legal")
    for path in ("workflow/resources/published.csv", "workflow/resources/report.html.j2"):
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, made / path)
    (made / "results/figures").mkdir(parents=True)
    (made / "results/data").mkdir()
    source = {"surrogate": False, "address": "http://a", "retrieved": "today", "failures": {}}
    (made / "results/data/airfoil.json").write_text(json.dumps(source))
    before = Path.cwd()
    os.chdir(made)
    yield made
    os.chdir(before)


def refused(config: dict) -> list[str]:
    """The lines with which a configuration is refused; none if it is legal."""
    path = Path("config.yaml")
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    try:
        configuration.check(config, configuration.Files([str(path)]))
    except UserError as error:
        return str(error).splitlines()
    configuration.warnings(config)
    return []


def made_from(config: dict, closed: dict, seed: int = 0, wanted=lambda name: True) -> list[str]:  # noqa: ARG005
    """Make summaries, the figures that are wanted, and the page; all that they say.

    Nothing, where no framework passed its checks, which is a line of its own.
    """
    said = []

    def save(drawn, output):
        drawn.draw_without_rendering()  # where matplotlib warns of what does not fit
        texts = drawn.findobj(lambda artist: hasattr(artist, "get_text"))
        said.extend(f"{output.stem}: {text.get_text()}" for text in texts if text.get_visible())
        event(f"drawn: {output.stem.partition('-')[0]}")

    with pytest.MonkeyPatch.context() as patch:
        tables = Tables(measure(config, seed, closed), patch)
        patch.setattr(figure, "save", save)
        for name, target in targets.summaries(config).items():
            output = f"results/summary/{name}.parquet"
            try:
                _make(summary, target, output)
            except UserError as error:
                return [] if "no framework passed its checks" in str(error) else [str(error)]
            assert tables.found[output].attrs["parameters"] == target.parameters
        for name, target in targets.figures(config).items():
            if wanted(name):
                _make(figure, target, f"results/figures/{name}.svg")
            Path(f"results/figures/{name}.svg").write_text("<svg/>")
        page = targets.report(config)
        read = ["workflow/resources/report.html.j2", *page.inputs]
        _make(report, targets.Target(read, page.parameters), "results/report.html")
    text = re.sub(r"<[^>]*>", " ", Path("results/report.html").read_text(encoding="utf-8"))
    return [*said, *(f"report: {line.strip()}" for line in text.splitlines() if line.strip())]


def _make(stage, target: targets.Target, output: str) -> None:
    stage.make(target.parameters, [Path(path) for path in target.inputs], Path(output))


@settings(max_examples=8, **SEARCH)
@given(legal(), st.integers(0, 2**32), st.data())
def test_a_legal_configuration_has_summaries_figures_and_a_page_that_say_nothing_senseless(
    folder,  # noqa: ARG001
    config,
    seed,
    data,
):
    lines = refused(config)
    event(f"refused: {lines[0].split(': ')[-1][:40]}" if lines else "accepted")
    assume(not lines)
    places = experiment.places(config)
    subjects = st.sampled_from([*SUBJECTS, "tf32", "bfloat16"])
    closed = data.draw(st.dictionaries(st.sampled_from(places), subjects, max_size=1))
    third = data.draw(st.integers(0, 2))
    said = made_from(config, closed, seed, lambda name: hash_of(name) % 3 == third)
    assert [line for line in said if NONSENSE.search(line)] == []


def hash_of(name: str) -> int:
    return sum(map(ord, name.partition("-")[0]))


@settings(max_examples=30, **SEARCH)
@given(any_configuration())
def test_what_is_no_legal_configuration_is_refused_line_by_line(folder, config):  # noqa: ARG001
    for line in refused(config):
        assert re.match(r"config\.yaml:\d+: [a-z_.0-9]+: \S", line)
