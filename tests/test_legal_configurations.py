"""Whatever config.yaml may hold, its results become summaries, figures and a page that make sense.

Configurations are drawn from the schema. Their tables hold made-up measurements, some of runs that
diverged, some without rows since a check failed; what follows is made as the workflow makes it.
An example makes one figure, summary or page and what that needs, so that there are hundreds.
"""

import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache, cached_property
from pathlib import Path
from random import Random

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st
from matplotlib.artist import Artist
from matplotlib.axis import Axis

from configurations import any_configuration, legal
from measurements import SHARES, SUBJECTS, Tables
from minibatch.errors import UserError
from minibatch.plan import config as configuration
from minibatch.plan import experiment, sense, targets
from minibatch.sgd import surrogate
from minibatch.stages import figure, report, summary
from minibatch.summaries import gradient_law

ROOT = Path(__file__).parents[1]
TEMPLATES = [f"workflow/resources/{name}.html.j2" for name in ("report", "page", "base")]
FIGURES = [*targets.COMPARING, *targets.OF_THE_FIRST]
# What an example makes, and how often, relatively: more of what few configurations have, less of
# what takes longest. The other summaries are made for these.
KINDS = dict.fromkeys(FIGURES, 2.0) | dict.fromkeys(["loss_by_epoch", "loss_by_time"], 4)
KINDS |= {"product_device": 14}
KINDS |= dict.fromkeys([*targets.OF_VARIANTS], 5)
KINDS |= {
    "protocol": 40,
    "published": 4,
    "ladder": 2,
    "agreement": 1.5,
    "statements": 2,
    "report": 1.8,
}
NONSENSE = re.compile(r"\b(nan|None|NaT|NA|0 of 0|1 epochs|1 steps)\b|inf×|∞×")
SEARCH = {
    "deadline": None,
    "derandomize": True,  # the same examples in every run
    "database": None,
    "phases": [Phase.explicit, Phase.generate],  # an example is small, and minutes to shrink it
    "suppress_health_check": [*HealthCheck],
}


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory):
    """A working folder with the files that are no tables; where its jobs run."""
    folder = tmp_path_factory.mktemp("legal")
    for path in (targets.PUBLISHED, *TEMPLATES):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    (folder / "results/figures").mkdir(parents=True)
    for name in FIGURES:
        for place in ("", "-cpu", "-cuda"):
            (folder / f"results/figures/{name}{place}.svg").write_text("<svg/>")
    (folder / "results/data").mkdir()
    source = {"surrogate": False, "address": "http://a", "retrieved": "today", "failures": {}}
    (folder / targets.SOURCE).write_text(json.dumps(source))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(surrogate, "table", cache(surrogate.table))
        patch.setattr(gradient_law, "BATCHES", 200)  # a tenth, since the drawn ones take longest
        yield


class Written:
    """A configuration that becomes a file when somebody asks for a line of it."""

    def __init__(self, config: dict):
        self._config = config

    @cached_property
    def _files(self) -> configuration.Files:
        Path("config.yaml").write_text(yaml.safe_dump(self._config, sort_keys=False))
        return configuration.Files(["config.yaml"])

    def locate(self, key) -> str:
        return self._files.locate(key)


def refused(config: dict) -> list[str]:
    """The lines with which a configuration is refused; none if it is legal."""
    try:
        configuration.check(config, Written(config))
    except UserError as error:
        return str(error).splitlines()
    sense.warnings(config)
    return []


class Made:
    """What follows from the measurements of a configuration, made when it is asked for."""

    def __init__(self, config: dict, tables: Tables, patch):
        self._tables, self._drawn = tables, []
        patch.setattr(figure, "save", lambda drawn, _: self._drawn.append(drawn))
        jobs = [
            (summary, "results/summary/{}.parquet", targets.summaries(config)),
            (figure, "results/figures/{}.svg", targets.figures(config)),
            (report, "results/{}.html", {"report": targets.report(config)}),
        ]
        self._jobs = {
            path.format(name): (stage, target)
            for stage, path, found in jobs
            for name, target in found.items()
        }

    def paths(self, kind: str) -> list[str]:
        """What there is of a kind: a figure may be drawn once a device."""
        return [path for path in self._jobs if Path(path).stem.partition("-")[0] == kind]

    def said(self, path: str, *, rendered: bool) -> list[str]:
        """All that a figure, a summary or the page says.

        A figure that is `rendered` is laid out, where matplotlib warns of what does not fit.
        """
        self._make(path)
        if path.endswith(".parquet"):
            return _cells(self._tables.found[path])
        if path.endswith(".svg"):
            drawn = self._drawn.pop()
            if rendered:
                drawn.draw_without_rendering()
            return [*_texts(drawn, ticks=rendered)]
        return re.sub(r"<[^>]*>", " ", Path(path).read_text(encoding="utf-8")).splitlines()

    def _make(self, path: str) -> None:
        stage, target = self._jobs[path]
        for needed in target.inputs:
            if needed.startswith("results/summary/") and needed not in self._tables.found:
                self._make(needed)
        read = [*target.inputs, *(TEMPLATES if stage is report else [])]
        stage.make(target.parameters, [Path(path) for path in read], Path(path))


def _cells(table: pd.DataFrame) -> list[str]:
    """The text in a table."""
    columns = table.select_dtypes(["object", "str"])
    return [str(cell) for name in columns for cell in columns[name].dropna()]


def _texts(artist: Artist, *, ticks: bool) -> Iterator[str]:
    """The visible text in a figure; that at ticks takes longest, since it makes them."""
    if hasattr(artist, "get_text") and artist.get_visible():
        yield artist.get_text()
    parts = artist.get_children() if ticks or not isinstance(artist, Axis) else [artist.label]
    for part in parts:
        yield from _texts(part, ticks=ticks)


def makes_sense(config: dict, random: Random, *, rendered: bool) -> str:
    """Assert that one thing that follows from a legal configuration says nothing senseless.

    Returns its kind; or nothing, where no framework passed its checks, which is one line.
    """
    closed = {}
    if random.random() < 0.2:
        subject = random.choice([*SUBJECTS, "tf32", "bfloat16"])
        closed = {random.choice(experiment.places(config)): subject}
    with pytest.MonkeyPatch.context() as patch:
        made = Made(config, Tables(config, random.getrandbits(32), closed, patch), patch)
        kinds = {kind: often for kind, often in KINDS.items() if made.paths(kind)}
        [kind] = random.choices(list(kinds), list(kinds.values()))
        path = random.choice(made.paths(kind))
        try:
            said = made.said(path, rendered=rendered)
        except UserError as error:
            if "no framework passed its checks" not in str(error):
                raise
            return "none passed"
    assert [line for line in said if NONSENSE.search(line)] == []
    return kind


@st.composite
def drawn(draw, configuration: Callable, most: int) -> tuple[dict, Random]:
    """A configuration, and what decides the rest of an example."""
    random = draw(st.randoms(use_true_random=True))
    return configuration(random, most), random


def test_what_follows_from_a_legal_configuration_makes_sense():
    reached = Counter()

    @settings(max_examples=340, **SEARCH)
    @given(drawn(legal, most=2))
    def search(example):
        config, random = example
        kind = "refused" if refused(config) else makes_sense(config, random, rendered=False)
        reached[kind] += 1
        event(kind)

    search()
    assert min(reached[kind] for kind in KINDS) >= 5, reached
    assert reached["refused"] + reached["none passed"] <= 0.1 * reached.total(), reached


@settings(max_examples=12, **SEARCH)
@given(drawn(legal, most=4))
def test_figures_have_room_for_what_a_larger_configuration_shows(example):
    config, random = example
    if not refused(config):
        event(makes_sense(config, random, rendered=True))


@settings(max_examples=60, **SEARCH)
@given(drawn(any_configuration, most=4))
def test_what_is_no_legal_configuration_is_refused_line_by_line(example):
    config, _ = example
    for line in refused(config):
        assert re.match(r"config\.yaml:\d+: [a-z_.0-9]+: \S", line)


# What a configuration may say, and once was senseless or a traceback: the study in small, with
# another value at a key; a figure or summary, and what it says then, or does not.
CONFIG = yaml.safe_load((ROOT / "tests/workflow/config.yaml").read_text(encoding="utf-8"))
for name in ("sgd", "minibatch_10", "concise_10", "minibatch_100_replacement"):
    del CONFIG["training"]["runs"][name]  # the others take less time
RUN = {"implementation": "scratch", "batch_size": 10, "learning_rate": 0.05, "epochs": 2}
COMPILED = RUN | {"implementation": "compiled", "loaders": ["direct"]}
CONCISE = RUN | {"implementation": "concise"}
FROM_SCRATCH = "No run was measured that is written from scratch"
LESS = "Batch size 100 takes less time than the full batch to a loss."
CASES = {
    "no run on all examples": ("training.runs", {"sgd": RUN}, "loss_by_epoch", "floor ends sgd"),
    "compiled runs alone": ("training.runs", {"x": COMPILED}, "loss_by_time", FROM_SCRATCH),
    "concise runs alone": ("training.runs", {"x": CONCISE}, "loss_by_time", FROM_SCRATCH),
    "a size that is not timed": (
        "steptime.batch_size",
        [1, 7, 1500],
        "loss_by_time",
        "Undecided which run",
    ),
    "one loader": ("training.loaders", ["direct"], "loss_by_time", "not Whatever the loader"),
    "one product": ("matmul.strategies", ["full"], "product_size", "GFLOP/s by size\n"),
    "no block": ("matmul.strategies", ["element", "column"], "roofline", "How fast products are"),
    "one block width": ("matmul.blocks.columns", [4], "product_size", "GFLOP/s by size\n"),
    "no full batch": ("sweep.batch_size", [1, 7, 100], "statements", LESS),
    "one target": ("answer.targets", [0.3], "steps_to_target", "not loss of floor"),
    "no run to vary": ("training.runs", {"x": COMPILED}, "exercise_2_schedule", "not epoch"),
}


def changed(config: dict, key: str, value) -> dict:
    """A configuration with another value at a key such as matmul.block."""
    first, _, rest = key.partition(".")
    return config | {first: changed(config[first], rest, value) if rest else value}


def everything(config: dict, fates: Sequence[float] = SHARES) -> dict[str, str]:
    """All that summaries, figures and the page say, by kind; asserts that none is senseless."""
    assert refused(config) == []
    said = defaultdict(str)
    with pytest.MonkeyPatch.context() as patch:
        made = Made(config, Tables(config, 0, {}, patch, fates), patch)
        for kind in KINDS:
            for path in made.paths(kind):
                said[kind] += "\n".join([*made.said(path, rendered=False), ""])
    assert [line for line in "\n".join(said.values()).splitlines() if NONSENSE.search(line)] == []
    return said


@pytest.mark.parametrize(("key", "value", "kind", "line"), CASES.values(), ids=CASES)
def test_what_a_configuration_leaves_out_or_has_twice_is_shown_so(key, value, kind, line):
    said = everything(changed(CONFIG, key, value))[kind]
    there = line.removeprefix("not ")
    assert (there in said) == (there == line)


def test_where_every_run_diverges_no_batch_size_is_first():
    said = everything(CONFIG, fates=[0, 0, 0, 0, 0.5, 0.5])
    assert "Every run diverges with at least one of 200 seeds" in said["loss_by_epoch"]
    assert "No run reaches a mean loss of 0.3" in said["loss_by_time"]
