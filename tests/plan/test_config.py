import re
from pathlib import Path

import pytest
import yaml

from minibatch.errors import UserError
from minibatch.plan import config, sense

# Edits below name the lines of this text.
TEXT = """\
dataset:
  name: airfoil
  rows: 1500
  scaling: standardize
  offline: surrogate
  sources:
    - http://one.example/table.dat
frameworks: [pytorch]
devices: [cpu]
threads: 1
seeds: 5
matmul:
  strategies: [element, block, full]
  sizes: [64, 256]
  sizes_of_others: [256]
  launches: 4
  block: 64
  blocks: {n: 256, columns: [16, 128]}
  ceilings: {product: 512, copy_kib: [4, 64]}
  budget_seconds: 0.5
  cuda:
    sizes: [128, 256]
    sizes_of_others: [64]
    precisions: [float32, tf32]
    ceilings: {product: 1024, copy_mib: 8}
steptime: {batch_size: [10, 100, 1000], launches: 3, budget_seconds: 0.2}
training:
  target_loss: 0.25
  loaders: [framework, direct]
  runs:
    gd: {implementation: scratch, batch_size: 1500, learning_rate: 1.0, epochs: 10}
    small:
      implementation: concise
      batch_size: 10
      learning_rate: 0.05
      epochs: 2
      override:
        pytorch: {objective: mse}
    grid: {implementation: scratch, batch_size: [1, 10], learning_rate: [0.1, 1.0], epochs: 2}
    small_tenth: {base: small, schedule: tenth}
    twice: {base: gd, batch_size: 3000, copies: 2}
parallel: {ranks: [1, 2], batch_size: [20, 5000], launches: 6, budget_seconds: 0.4}
protocol: {launches: 5, repeats: 2}
sweep: {batch_size: [1500, 1000, 100, 10, 7, 1], learning_rates: 8, lowest: 1%, seeds: 80,
  seeds_of_runs: 40}
answer: {targets: [0.3, 2%], resamples: 150}
confirm: {launches: 2, seeds: 3, budget_seconds: 0.7}
"""
ROOT = Path(config.__file__).parents[3]


@pytest.fixture(autouse=True)
def _cores(monkeypatch):
    """As many as there are ranks, of which more would be warned of."""
    monkeypatch.setattr(sense.cores, "available", lambda: 2)


def problems(folder, text):
    """What is wrong with a configuration: the lines, without the name of the file."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        config.check(yaml.safe_load(text), config.Files([str(path)]))
    lines = str(caught.value).splitlines()
    assert all(line.startswith(f"{path}:") for line in lines)
    return [line.removeprefix(f"{path}:") for line in lines]


def edited(old, new, text=TEXT):
    assert text.count(old) == 1
    return text.replace(old, new)


def valid(folder, text):
    path = folder / "config.yaml"
    path.write_text(text)
    config.check(yaml.safe_load(text), config.Files([str(path)]))
    return True


def test_the_configuration_that_is_shipped_is_valid(monkeypatch):
    monkeypatch.chdir(ROOT)
    text = Path("config.yaml").read_text(encoding="utf-8")
    config.check(yaml.safe_load(text), config.Files(["config.yaml"]))


def test_the_configuration_that_the_tests_below_edit_is_valid(tmp_path):
    assert valid(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rows: 1500", "rows: 1503"),
        ("learning_rate: 1.0,", "learning_rate: 1,"),
        ("batch_size: 3000", "batch_size: 1"),
        ("    - http://one", "    - https://two.example/x\n    - http://one"),
        ("  sources:\n    - http://one.example/table.dat", "  sources: []"),
        ("[cpu]", "[cpu, cuda]"),
        ("[cpu]", "[cuda]"),
        ("[float32, tf32]", "[bfloat16, tf32, float32]"),
        ("sizes: [128, 256]", "sizes: [128]"),  # nobody asked for GPUs
        ("budget_seconds: 0.5", "budget_seconds: 1"),
        ("gd: {implem", "gd: {sampling: replacement, schedule: tenth, objective: mse, implem"),
        ("sizes_of_others: [256]", "sizes_of_others: [1, 4096]"),  # unlike blocks.n, any
        ("[10, 100, 1000]", "[1, 1500, 7]"),
        ("launches: 4", "launches: 2"),
        ("[0.3, 2%]", "[100 %, 1.5, 1.0%]"),
        ("budget_seconds: 0.2", "budget_seconds: 1"),
        ("[1, 2]", "[4, 1]"),
        ("[1, 2]", "[1]"),
        ("[20, 5000]", "[20, 1500000]"),  # unlike a run's, any
        ("gd: {implem", "gd: {loaders: [direct], seeds: 2, frameworks: first, implem"),
        ("{objective: mse}", "{loaders: [framework], seeds: 9}"),
        ("implementation: concise", "implementation: compiled\n      loaders: [direct]"),
        ("small, schedule", "small, implementation: compiled, loaders: [direct], schedule"),
        ("{objective: mse}", "{implementation: compiled, loaders: [direct]}"),
    ],
)
def test_other_values_that_make_sense_are_valid(tmp_path, old, new):
    assert valid(tmp_path, edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        # a name that is misspelt
        (
            "threads: 1\n",
            "thraeds: 1\nthreads: 1\n",
            "10: thraeds: unknown key; did you mean threads?",
        ),
        ("rows: 1500", "rows: 1500\n  row: 3", "4: dataset.row: unknown key; did you mean rows?"),
        (
            "n: 256, columns",
            "n: 256, colums: 3, columns",
            "18: matmul.blocks.colums: unknown key; did you mean columns?",
        ),
        (
            "small, schedule: tenth",
            "small, shedule: tenth",
            "40: training.runs.small_tenth.shedule: unknown key; did you mean schedule?",
        ),
        (
            "{objective: mse}",
            "{objectve: mse}",
            "38: training.runs.small.override.pytorch.objectve: "
            "unknown key; did you mean objective?",
        ),
        (
            "{objective: mse}",
            "{base: gd}",
            "38: training.runs.small.override.pytorch.base: unknown key; known: "
            "implementation, loaders, seeds, objective, batch_size, learning_rate, epochs, "
            "schedule, sampling, copies",
        ),
        (
            "[pytorch]",
            "[pytroch]",
            "8: frameworks.0: unknown framework 'pytroch'; did you mean pytorch?",
        ),
        (
            "pytorch: {obj",
            "pytroch: {obj",
            "38: training.runs.small.override.pytroch: unknown framework; did you mean pytorch?",
        ),
        ("[cpu]", "[cup]", "9: devices.0: 'cup' is unknown; did you mean cpu?"),
        (
            "strategies: [element",
            "strategies: [elemnt",
            "13: matmul.strategies.0: 'elemnt' is unknown; did you mean element?",
        ),
        (
            "launches: 4",
            "launches: 4\n  largest: {element: 64}",
            "17: matmul.largest: is gone: slow strategies take as much as the budget allows; "
            "remove it",
        ),
        (
            "copy_kib: [4, 64]",
            "copy_mib: 256",
            "19: matmul.ceilings.copy_mib: unknown key; did you mean copy_kib?",
        ),
        ("launches: 4", "launches: 1", "16: matmul.launches: 1 is too small; at least 2"),
        (
            "scaling: standardize",
            "scaling: standardise",
            "4: dataset.scaling: 'standardise' is unknown; did you mean standardize?",
        ),
        (
            "implementation: concise",
            "implementation: consice",
            "33: training.runs.small.implementation: 'consice' is unknown; did you mean concise?",
        ),
        (
            "base: small",
            "base: smal",
            "40: training.runs.small_tenth.base: there is no run 'smal'; did you mean small?",
        ),
        (
            "base: small",
            "base: twice",
            "40: training.runs.small_tenth.base: twice has a base itself; name gd",
        ),
        # a value of the wrong type
        ("threads: 1\n", "threads: two\n", "10: threads: 'two' is not a whole number"),
        ("threads: 1\n", "threads: yes\n", "10: threads: True is not a whole number"),
        ("threads: 1\n", "threads: 1.5\n", "10: threads: 1.5 is not a whole number"),
        ("threads: 1\n", "threads:\n", "10: threads: None is not a whole number"),
        ("[cpu]", "cpu", "9: devices: 'cpu' is not a list"),
        ("[pytorch]", "[1]", "8: frameworks.0: 1 is not text"),
        (
            "- http://one",
            "- ftp://one",
            "7: dataset.sources.0: 'ftp://one.example/table.dat' is not an address "
            "that begins with http:// or https://",
        ),
        (
            "learning_rate: 0.05",
            "learning_rate: 5e-2",
            "35: training.runs.small.learning_rate: '5e-2' is not a number or a list; "
            "YAML takes it for text, write 0.05",
        ),
        (
            "[0.1, 1.0]",
            "[0.1, 1e0]",
            "39: training.runs.grid.learning_rate.1: '1e0' is not a number; "
            "YAML takes it for text, write 1",
        ),
        # a value out of bounds
        ("rows: 1500", "rows: 1504", "3: dataset.rows: 1504 is too large; at most 1503"),
        ("seeds: 5", "seeds: 0", "11: seeds: 0 is too small; at least 2"),
        (
            "learning_rate: 0.05",
            "learning_rate: 0",
            "35: training.runs.small.learning_rate: 0 is not above 0",
        ),
        (
            "learning_rate: 0.05",
            "learning_rate: -0.1",
            "35: training.runs.small.learning_rate: -0.1 is not above 0",
        ),
        (
            "[0.1, 1.0]",
            "[0.1, -1.0]",
            "39: training.runs.grid.learning_rate.1: -1.0 is not above 0",
        ),
        (
            "{objective: mse}",
            "{learning_rate: -1}",
            "38: training.runs.small.override.pytorch.learning_rate: -1 is not above 0",
        ),
        (
            "batch_size: 10\n",
            "batch_size: 0\n",
            "34: training.runs.small.batch_size: 0 is too small; at least 1",
        ),
        (
            "batch_size: 1500",
            "batch_size: 1501",
            "31: training.runs.gd.batch_size: 1501 is above the 1500 examples of an epoch "
            "(dataset.rows × copies)",
        ),
        (
            "[1, 10]",
            "[1, 1501]",
            "39: training.runs.grid.batch_size: 1501 is above the 1500 examples of an epoch "
            "(dataset.rows × copies)",
        ),
        (
            "batch_size: 3000",
            "batch_size: 3001",
            "41: training.runs.twice.batch_size: 3001 is above the 3000 examples of an epoch "
            "(dataset.rows × copies)",
        ),
        (
            "n: 256, columns",
            "n: 128, columns",
            "18: matmul.blocks.n: 128 is not among matmul.sizes",
        ),
        # a compiled run does not go through a loader
        *(
            (
                "implementation: concise",
                f"implementation: compiled{loaders}",
                f"{line}: training.runs.small.loaders: "
                "a compiled run indexes by itself; write loaders: [direct]",
            )
            for loaders, line in [
                ("", 32),
                ("\n      loaders: [framework]", 34),
                ("\n      loaders: [direct, framework]", 34),
            ]
        ),
        (
            "small, schedule",
            "small, implementation: compiled, schedule",
            "40: training.runs.small_tenth.loaders: "
            "a compiled run indexes by itself; write loaders: [direct]",
        ),
        (
            "{objective: mse}",
            "{implementation: compiled}",
            "32: training.runs.small.loaders: "
            "a compiled run indexes by itself; write loaders: [direct]",
        ),
        (
            "gd: {implem",
            "gd: {loaders: [drect], implem",
            "31: training.runs.gd.loaders.0: 'drect' is unknown; did you mean direct?",
        ),
        (
            "gd: {implem",
            "gd: {loaders: direct, implem",
            "31: training.runs.gd.loaders: 'direct' is not a list",
        ),
        (
            "gd: {implem",
            "gd: {loaders: [], implem",
            "31: training.runs.gd.loaders: empty; name at least one",
        ),
        # how often, and in which frameworks, a run is done
        (
            "gd: {implem",
            "gd: {seeds: 1, implem",
            "31: training.runs.gd.seeds: 1 is too small; at least 2",
        ),
        (
            "gd: {implem",
            "gd: {seeds: 3.0, implem",
            "31: training.runs.gd.seeds: 3.0 is not a whole number",
        ),
        (
            "gd: {implem",
            "gd: {frameworks: frist, implem",
            "31: training.runs.gd.frameworks: 'frist' is unknown; did you mean first?",
        ),
        (
            "gd: {implem",
            "gd: {frameworks: [pytorch], implem",
            "31: training.runs.gd.frameworks: ['pytorch'] is unknown; known: first",
        ),
        (
            "{objective: mse}",
            "{frameworks: first}",
            "38: training.runs.small.override.pytorch.frameworks: unknown key; known: "
            "implementation, loaders, seeds, objective, batch_size, learning_rate, epochs, "
            "schedule, sampling, copies",
        ),
        # the sizes of the frameworks after the first
        ("  sizes_of_others: [256]\n", "", "12: matmul: sizes_of_others missing"),
        (
            "sizes_of_others: [256]",
            "sizes_of_others: []",
            "15: matmul.sizes_of_others: empty; name at least one",
        ),
        (
            "sizes_of_others: [256]",
            "sizes_of_others: 256",
            "15: matmul.sizes_of_others: 256 is not a list",
        ),
        (
            "sizes_of_others: [256]",
            "sizes_of_others: [0]",
            "15: matmul.sizes_of_others.0: 0 is too small; at least 1",
        ),
        # the times of steps
        (
            "steptime: {batch_size: [10, 100, 1000], launches: 3, budget_seconds: 0.2}\n",
            "",
            "1: steptime missing",
        ),
        (
            "{batch_size: [10, 100",
            "{batch_sise: [10, 100",
            "26: steptime.batch_sise: unknown key; did you mean batch_size?",
        ),
        ("launches: 3, ", "", "26: steptime: launches missing"),
        ("[10, 100, 1000]", "10", "26: steptime.batch_size: 10 is not a list"),
        ("[10, 100, 1000]", "[10, 100]", "26: steptime.batch_size: too few; at least 3"),
        (
            "[10, 100, 1000]",
            "[10, 10, 100]",
            "26: steptime.batch_size: [10, 10, 100] has a value twice",
        ),
        (
            "[10, 100, 1000]",
            "[10, 0, 100]",
            "26: steptime.batch_size.1: 0 is too small; at least 1",
        ),
        (
            "[10, 100, 1000]",
            "[10, 1501, 100]",
            "26: steptime.batch_size.1: 1501 is above the 1500 examples (dataset.rows)",
        ),
        # a sweep that cannot be multiplied with times, and targets that it cannot reach
        (
            "[1500, 1000, 100, 10, 7, 1]",
            "[1, 10, 5000]",
            "44: sweep.batch_size.2: 5000 is above the 1500 examples (dataset.rows)",
        ),
        (
            "[1500, 1000, 100, 10, 7, 1]",
            "[1, 10, 100]",
            "44: sweep.batch_size: 2 of these are among steptime.batch_size; at least 3 have to be",
        ),
        ("lowest: 1%", "lowest: 0.01", "44: sweep.lowest: 0.01 is not text"),
        ("lowest: 1%", "lowest: 1", "44: sweep.lowest: 1 is not text"),
        ("lowest: 1%", "lowest: one%", "44: sweep.lowest: 'one%' is not a share such as 0.5%"),
        ("lowest: 1%", "lowest: 0%", "44: sweep.lowest: not from 0.01% to 100%"),
        ("seeds: 80", "seeds: 90", "44: sweep.seeds: 90 is not a multiple of 40"),
        ("seeds: 80", "seeds: 0", "44: sweep.seeds: 0 is too small; at least 40"),
        ("2%]", "0.9%]", "46: answer.targets.1: 0.9% is below sweep.lowest, 1%"),
        ("2%]", "-2%]", "46: answer.targets.1: '-2%' is not a share such as 0.5%"),
        ("[0.3, 2%]", "[2%, 2.0 %]", "46: answer.targets.1: 2.0 % is there twice"),
        ("2%]", ".inf]", "46: answer.targets.1: not a finite number"),
        ("[0.3, 2%]", "[0]", "46: answer.targets.0: 0 is not above 0"),
        ("[0.3, 2%]", "[]", "46: answer.targets: empty; name at least one"),
        ("resamples: 150", "resamples: 10", "46: answer.resamples: 10 is too small; at least 100"),
        ("launches: 3", "launches: 1", "26: steptime.launches: 1 is too small; at least 2"),
        ("launches: 3", "launches: 2.0", "26: steptime.launches: 2.0 is not a whole number"),
        (
            "budget_seconds: 0.2",
            "budget_seconds: 0",
            "26: steptime.budget_seconds: 0 is not above 0",
        ),
        (
            "budget_seconds: 0.2",
            "budget_seconds: 2e-1",
            "26: steptime.budget_seconds: '2e-1' is not a number; "
            "YAML takes it for text, write 0.2",
        ),
        # the ranks
        (
            "parallel: {ranks: [1, 2], batch_size: [20, 5000], launches: 6, budget_seconds: 0.4}\n",
            "",
            "1: parallel missing",
        ),
        ("[1, 2]", "[]", "42: parallel.ranks: empty; name at least one"),
        ("[1, 2]", "2", "42: parallel.ranks: 2 is not a list"),
        (
            "[1, 2]",
            "[2, 4]",
            "42: parallel.ranks: 1 is missing, which the others are compared with",
        ),
        ("[1, 2]", "[1, 0]", "42: parallel.ranks.1: 0 is too small; at least 1"),
        ("[20, 5000]", "[20, 0]", "42: parallel.batch_size.1: 0 is too small; at least 1"),
        ("[20, 5000]", "[]", "42: parallel.batch_size: empty; name at least one"),
        ("launches: 6, ", "", "42: parallel: launches missing"),
        ("launches: 6", "launches: 1", "42: parallel.launches: 1 is too small; at least 2"),
        (
            "budget_seconds: 0.4",
            "budget_seconds: 0",
            "42: parallel.budget_seconds: 0 is not above 0",
        ),
        (
            "ranks: [1, 2]",
            "rank: [1, 2]",
            "42: parallel.rank: unknown key; did you mean ranks?",
        ),
        # GPUs
        (
            "    precisions: [float32, tf32]\n",
            "",
            "21: matmul.cuda: precisions missing",
        ),
        (
            "[float32, tf32]",
            "[tf32, bfloat16]",
            "24: matmul.cuda.precisions: float32 is missing, which the others are compared with",
        ),
        (
            "[float32, tf32]",
            "[float32, tf23]",
            "24: matmul.cuda.precisions.1: 'tf23' is unknown; did you mean tf32?",
        ),
        (
            "[float32, tf32]",
            "[float32, float32]",
            "24: matmul.cuda.precisions: ['float32', 'float32'] has a value twice",
        ),
        (
            "    sizes_of_others: [64]",
            "    sizes_of_other: [64]",
            "23: matmul.cuda.sizes_of_other: unknown key; did you mean sizes_of_others?",
        ),
        (
            "product: 1024",
            "product: 0",
            "25: matmul.cuda.ceilings.product: 0 is too small; at least 1",
        ),
        ("[cpu]", "[cpu, cpu]", "9: devices: ['cpu', 'cpu'] has a value twice"),
        ("[cpu]", "[cpu, coda]", "9: devices.1: 'coda' is unknown; did you mean cuda?"),
        # nothing, or the same twice
        ("[pytorch]", "[]", "8: frameworks: empty; name at least one"),
        ("[1, 10]", "[]", "39: training.runs.grid.batch_size: empty; name at least one"),
        ("[64, 256]", "[64, 256, 64]", "14: matmul.sizes: [64, 256, 64] has a value twice"),
        ("seeds: 5\n", "", "1: seeds missing"),
        (
            "small, schedule: tenth}",
            "gd}\n    new: {implementation: scratch, epochs: 1}",
            "41: training.runs.new: batch_size, learning_rate missing",
        ),
        (
            "    gd: {",
            "    Gd: {",
            "30: training.runs: the name 'Gd' is not made of small letters, digits and _",
        ),
    ],
)
def test_a_mistake_is_one_line_with_the_place_the_key_and_what_is_wrong(tmp_path, old, new, line):
    assert line in problems(tmp_path, edited(old, new))


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("old", "new", "line", "key"),
    [
        *(
            (
                "  loaders: [framework, direct]\n",
                f"  loaders: [framework, direct]\n  {name}: {{batch_size: [1]}}\n",
                30,
                f"training.{name}",
            )
            for name in ("floor", "baseline")
        ),
        ("    small:\n", "    concise:\n", 32, "training.runs.concise"),
        ("    grid: {", "    compiled: {", 39, "training.runs.compiled"),
    ],
)
def test_what_earlier_versions_timed_says_where_it_went_and_nothing_else_is_said(
    tmp_path, whole, old, new, line, key
):
    """Whether the section that has replaced it is there or not."""
    text = edited(old, new)
    if not whole:  # in place of a line, so that the others keep their numbers
        text = re.sub("^steptime: .*$", "", text, flags=re.MULTILINE)
    gone = "went to steptime, which times all implementations; remove it here"
    assert problems(tmp_path, text) == [f"{line}: {key}: {gone}"]


@pytest.mark.parametrize("value", [".nan", ".inf", "1.0e+999"])
@pytest.mark.parametrize(
    ("old", "key", "line"),
    [
        ("learning_rate: 0.05", "training.runs.small.learning_rate", 35),
        ("budget_seconds: 0.5", "matmul.budget_seconds", 20),
        ("budget_seconds: 0.4", "parallel.budget_seconds", 42),
        ("target_loss: 0.25", "training.target_loss", 28),
        ("budget_seconds: 0.2", "steptime.budget_seconds", 26),
        ("budget_seconds: 0.7", "confirm.budget_seconds", 47),
    ],
)
def test_what_is_not_finite_is_refused(tmp_path, old, key, line, value):
    text = edited(old, f"{old.partition(':')[0]}: {value}")
    assert f"{line}: {key}: not a finite number" in problems(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("rows: 1500", "rows: 1500.0", "3: dataset.rows: 1500.0 is not a whole number"),
        ("threads: 1\n", "threads: 1.0\n", "10: threads: 1.0 is not a whole number"),
        ("seeds: 5", "seeds: 5.0", "11: seeds: 5.0 is not a whole number"),
        ("[64, 256]", "[64.0, 256]", "14: matmul.sizes.0: 64.0 is not a whole number"),
        (
            "epochs: 10}",
            "epochs: 10.0}",
            "31: training.runs.gd.epochs: 10.0 is not a whole number",
        ),
    ],
)
def test_a_count_with_a_decimal_point_is_refused(tmp_path, old, new, line):
    assert line in problems(tmp_path, edited(old, new))


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("seeds: 5", "seeds 5\nx: [", "12: broken YAML: "),
        ("threads: 1\n", "threads: 1: 2\n", "10: broken YAML: mapping values are not allowed here"),
        ("[cpu]", "[cpu", "10: broken YAML: "),
        ("  budget_seconds", "\tbudget_seconds", "20: broken YAML: "),
        (
            "    small:",
            "    gd:",
            "32: gd stands here a second time (first in line 31); rename or remove one",
        ),
        ("seeds: 5", "threads: 5", "11: threads stands here a second time (first in line 10)"),
        ("small_tenth", "10", "40: the key 10 is not a word; name it with one"),
        ("seeds: 5", "on: 5", "11: the key on is not a word; name it with one"),
        ("seeds: 5", "seeds: !number 5", "11: "),
        ("seeds: 5", "seeds: 2024-13-45", "11: "),
    ],
)
def test_text_that_is_no_configuration_is_one_line_with_its_line_number(tmp_path, old, new, line):
    path = tmp_path / "config.yaml"
    path.write_text(edited(old, new))
    with pytest.raises(UserError) as caught:
        config.Files([str(path)])
    assert str(caught.value).startswith(f"{path}:{line}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty, or not a table of keys"),
        (b"# nothing\n", "empty, or not a table of keys"),
        (b"- a\n- b\n", "empty, or not a table of keys"),
        (b"airfoil\n", "empty, or not a table of keys"),
        ("dataset: é".encode("latin-1"), "not a text file in UTF-8"),
        (b"seeds: \x01\n", "broken YAML: "),
        (None, "No such file or directory"),
    ],
)
def test_a_file_that_is_empty_missing_or_no_text_is_one_line(tmp_path, content, said):
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        config.Files([str(path)])
    assert str(caught.value).startswith(f"{path}: {said}")
    assert "\n" not in str(caught.value)


def test_several_mistakes_are_several_lines(tmp_path):
    text = edited("threads: 1\n", "threads: two\n")
    text = edited("batch_size: 1500", "batch_sise: 1500", text)
    text = edited("[cpu]", "[cup]", text)
    assert sorted(problems(tmp_path, text)) == [
        "10: threads: 'two' is not a whole number",
        "31: training.runs.gd.batch_sise: unknown key; did you mean batch_size?",
        "9: devices.0: 'cup' is unknown; did you mean cpu?",
    ]


def test_a_mistake_that_several_frameworks_share_is_said_once(tmp_path, monkeypatch):
    monkeypatch.setattr(sense.frameworks, "names", lambda: ["pytorch", "other"])
    text = edited("[pytorch]", "[pytorch, other]")
    assert len(problems(tmp_path, edited("rows: 1500", "rows: 1000", text))) == 3


def test_a_batch_of_an_override_above_the_examples_is_named_where_it_stands(tmp_path):
    text = edited("{objective: mse}", "{batch_size: 2000}")
    assert problems(tmp_path, text)[0].startswith(
        "38: training.runs.small.override.pytorch.batch_size: 2000 is above the 1500 examples"
    )


def test_a_run_of_the_first_framework_alone_is_checked_with_its_values_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(sense.frameworks, "names", lambda: ["pytorch", "other"])
    text = edited("[pytorch]", "[pytorch, other]")
    text = edited(
        "{objective: mse}\n", "{objective: mse}\n        other: {batch_size: 2000}\n", text
    )
    assert len(problems(tmp_path, text)) == 2  # of the run, and of its variant
    only = edited(
        "implementation: concise", "implementation: concise\n      frameworks: first", text
    )
    assert valid(tmp_path, only)


def test_a_mistake_in_a_second_file_is_named_there(tmp_path):
    first, second = tmp_path / "config.yaml", tmp_path / "more.yaml"
    first.write_text(TEXT)
    second.write_text("# more\nthreads: two\n")
    merged = yaml.safe_load(TEXT) | {"threads": "two"}
    with pytest.raises(UserError) as caught:
        config.check(merged, config.Files([first, second]))
    assert str(caught.value) == f"{second}:2: threads: 'two' is not a whole number"


def test_a_warning_names_the_runs_that_diverge_as_the_chapters_and_no_others():
    [warning] = sense.warnings(yaml.safe_load(TEXT))
    assert warning == (
        "warning: learning rate above 2/λmax = 0.9531, so that full-batch descent diverges: gd (1)"
    )


def test_the_shipped_configuration_warns_of_gd_alone():
    [warning] = sense.warnings(yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8")))
    assert warning.partition("diverges: ")[2] == "gd (1)"


@pytest.mark.parametrize(("cores", "warned"), [(1, True), (2, False)])
def test_more_ranks_than_cores_are_warned_of(monkeypatch, cores, warned):
    monkeypatch.setattr(sense.cores, "available", lambda: cores)
    found = sense.warnings(yaml.safe_load(edited("learning_rate: 1.0,", "learning_rate: 0.1,")))
    line = "warning: parallel.ranks: snakemake may use 1 core here, on which 2 ranks take turns"
    assert found == ([line] if warned else [])


@pytest.mark.parametrize(
    ("old", "key"),
    [("learning_rate: 1.0,", "learning_rate"), ("batch_size: 1500,", "batch_size")],
)
def test_a_number_that_no_float_can_hold_is_one_line(tmp_path, old, key):
    digits = "9" * 400
    path = tmp_path / "config.yaml"
    path.write_text(edited(old, f"{key}: {digits},"))
    with pytest.raises(UserError) as caught:
        config.check(yaml.safe_load(path.read_text()), config.Files([path]))
    [line] = str(caught.value).splitlines()
    assert line.endswith(f"{key}: a number of so many digits is too large; less than 2^63")


@pytest.mark.parametrize(
    ("rate", "warned"),
    [
        ("0.95", False),
        ("0.96", True),
        ("0.47, objective: mse", False),  # twice the gradient, half the limit
        ("0.48, objective: mse", True),
    ],
)
def test_the_warning_begins_at_the_stability_limit(rate, warned):
    text = edited("learning_rate: 1.0,", f"learning_rate: {rate},")
    assert bool(sense.warnings(yaml.safe_load(text))) == warned


def test_a_problem_ends_the_program_with_its_lines_and_nothing_else_does():
    def fail(text):
        raise UserError(text)

    with pytest.raises(SystemExit) as caught:
        config.or_exit(fail, "one\ntwo")
    assert caught.value.code == "one\ntwo"
    assert config.or_exit(max, 1, 2) == 2


# GPUs.

BOTH = edited("[cpu]", "[cpu, cuda]")


def test_the_size_of_the_blocks_is_among_those_of_each_device_that_is_used(tmp_path):
    text = edited("n: 256, columns", "n: 128, columns", BOTH)
    assert problems(tmp_path, text) == ["18: matmul.blocks.n: 128 is not among matmul.sizes"]
    text = edited("n: 256, columns", "n: 64, columns", BOTH)
    assert problems(tmp_path, text) == ["18: matmul.blocks.n: 64 is not among matmul.cuda.sizes"]
    assert valid(tmp_path, edited("[cpu, cuda]", "[cpu]", text))
    text = edited("[cpu]", "[cuda]")
    assert valid(tmp_path, edited("n: 256, columns", "n: 128, columns", text))


def test_a_device_on_which_no_framework_runs_is_a_mistake(tmp_path):
    text = edited("[pytorch]", "[mxnet]", BOTH)
    assert problems(tmp_path, text) == ["9: devices.1: none of mxnet runs on cuda"]
    assert valid(tmp_path, edited("[pytorch]", "[mxnet, jax]", BOTH))


def test_a_framework_that_lacks_an_environment_for_a_device_is_warned_of():
    text = edited("[pytorch]", "[pytorch, tensorflow, mxnet, jax]", BOTH)
    text = edited("learning_rate: 1.0,", "learning_rate: 0.1,", text)
    assert sense.warnings(yaml.safe_load(text)) == [
        "warning: mxnet is not measured on cuda: there is no workflow/envs/mxnet-cuda.txt"
    ]
    assert sense.warnings(yaml.safe_load(edited("[cpu, cuda]", "[cpu]", text))) == []


def test_the_shipped_configuration_is_valid_for_gpus_too(tmp_path):
    text = (ROOT / "config.yaml").read_text(encoding="utf-8")
    text = edited("devices: [cpu] ", "devices: [cpu, cuda] ", text)
    assert valid(tmp_path, text)
    first, second = sense.warnings(yaml.safe_load(text))
    assert "mxnet is not measured on cuda" in first
    assert second.endswith("diverges: gd (1)")


def test_ranks_are_compared_with_the_cores_of_this_machine_on_the_cpu_alone(monkeypatch):
    monkeypatch.setattr(sense.cores, "available", lambda: 1)
    text = edited("learning_rate: 1.0,", "learning_rate: 0.1,")
    assert sense.warnings(yaml.safe_load(edited("[cpu]", "[cuda]", text))) == []
    [warning] = sense.warnings(yaml.safe_load(edited("[cpu]", "[cuda, cpu]", text)))
    assert "1 core here, on which 2 ranks take turns" in warning


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "frameworks: [pytorch]\ndevices: [cpu]",
            "frameworks: [mxnet, pytorch]\ndevices: [cuda]",
            "8: frameworks.0: mxnet does the exercises, but does not run on cuda; "
            "name another one first",
        ),
    ],
)
def test_what_would_leave_nothing_to_show_is_refused(tmp_path, old, new, line):
    assert problems(tmp_path, edited(old, new)) == [line]
