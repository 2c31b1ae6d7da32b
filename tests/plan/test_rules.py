"""The rules as they are written, without calling Snakemake."""

import re
from pathlib import Path

import pytest

WORKFLOW = Path(__file__).parents[2] / "workflow"
FILES = [WORKFLOW.parent / "Snakefile", *sorted(WORKFLOW.glob("rules/*.smk"))]
README = (WORKFLOW / "README.md").read_text(encoding="utf-8")
RULES = {
    name: body
    for path in FILES
    for name, body in re.findall(
        r"^rule (\w+):\n(.*?)(?=^\S|\Z)", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
}


MEASURING = ["verify", "baseline", "ceilings", "matmul", "steptime", "confirm", "train", "protocol"]
MEASURING += ["sweep", "finals", "variants"]  # which use all there are
OF_RANKS = "lambda wc: cores.of_a_rank(config, here(), wc.device)"
THREADS = dict.fromkeys(MEASURING, "all_cores") | {"parallel": OF_RANKS}


def test_the_table_of_the_readme_has_every_rule_once_and_no_other():
    assert sorted(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE)) == sorted(RULES)


def test_the_flow_names_every_rule_but_the_one_that_asks_for_all():
    flow = re.search(r"(?:^ {4}.*\n)+", README, re.MULTILINE).group()
    assert set(re.findall(r"\w+", flow)) == RULES.keys() - {"all"}


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_says_in_a_sentence_what_it_makes(rule):
    assert re.match(r' {4}"""[A-Z].{10,}\."""\n', RULES[rule])


@pytest.mark.parametrize("rule", sorted(RULES.keys() - {"all"}))
def test_a_rule_tracks_two_parameters_made_from_wildcards_alone(rule):
    body = RULES[rule].partition("    params:\n")[2].partition("    message:\n")[0]
    assert set(re.findall(r"^ {8}(\w+)=", body, re.MULTILINE)) - {"python"} == {"config", "code"}
    assert not re.search(r"lambda [^:]*,", body)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_rules_call_is_a_function_of_wildcards_alone(path):
    assert not re.search(r"lambda [^:\n]*,|def \w+\(wildcards,", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", THREADS)
def test_a_measurement_takes_all_cores_so_that_nothing_runs_beside_it(rule):
    [threads] = re.findall(r"^ {4}threads: *(.*?)(?: {2}#.*)?$", RULES[rule], re.MULTILINE)
    assert threads == THREADS[rule]


def test_every_rule_but_the_light_ones_takes_cores():
    whole = "\n".join(path.read_text(encoding="utf-8") for path in FILES)
    light = "".join(re.findall(r"^localrules:\n((?: {4}\w+,\n)+)", whole, re.MULTILINE))
    assert RULES.keys() - THREADS.keys() == {"all", *re.findall(r"\w+", light)}
