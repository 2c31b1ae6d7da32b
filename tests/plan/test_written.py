import pytest

from minibatch.errors import UserError
from minibatch.plan.written import Files


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("seeds: 5\ndataset:\n  rows: 1500\n  scaling: whiten\n")
    return path


def test_what_an_option_gives_is_yaml(path):
    options = ["dataset={rows: 1000, scaling: whiten}", "seeds=3", "rate=0.5", "on=true", "empty="]
    assert Files([path], options).given() == [
        {"dataset": {"rows": 1000, "scaling": "whiten"}},
        {"seeds": 3},
        {"rate": 0.5},
        {"on": True},
        {"empty": None},
    ]


@pytest.mark.parametrize(
    ("key", "place"),
    [
        (("seeds",), "--config: "),
        (("dataset", "rows"), "--config: "),
        (("dataset", "scaling"), "{path}:4: "),
        (("unknown",), "--config: "),
        ((), "{path}:1: "),
    ],
)
def test_an_option_is_named_for_what_it_changes_and_no_more(path, key, place):
    files = Files([path], ["seeds=3", "dataset={rows: 1000}", "unknown=1"])
    assert files.locate(key) == place.format(path=path)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (
            "dataset={rows: 1000",
            "dataset: broken YAML: expected ',' or '}', but got '<stream end>'",
        ),
        ("dataset={rows: 1, rows: 2}", "dataset: rows stands here a second time"),
        ("runs={1: 2}", "runs: the key 1 is not a word; name it with one"),
    ],
)
def test_an_option_that_is_no_yaml_is_named(path, option, said):
    with pytest.raises(UserError, match=r"^--config: ") as caught:
        Files([path], [option])
    assert str(caught.value).startswith(f"--config: {said}")
