import hashlib
import json

import pytest

from minibatch.tables.canonical import canonical, digest


def test_the_order_of_keys_does_not_matter_at_any_depth():
    one = {"b": {"y": [1, 2], "x": None}, "a": 0.1}
    other = {"a": 0.1, "b": {"x": None, "y": [1, 2]}}
    assert canonical(one) == canonical(other) == '{"a":0.1,"b":{"x":null,"y":[1,2]}}'


@pytest.mark.parametrize(
    "other",
    [
        {"a": 2, "b": 1},
        {"a": 1},
        {"a": 1, "b": 2, "c": None},
        {"a": "1", "b": 2},
        {"a": 1, "b": 2.0000000000000004},
        {"a": 1, "b": [2]},
    ],
)
def test_values_that_differ_have_texts_and_digests_that_differ(other):
    assert canonical(other) != canonical({"a": 1, "b": 2})
    assert digest(other) != digest({"a": 1, "b": 2})


def test_the_order_in_a_list_matters():
    assert digest([1, 2]) != digest([2, 1])


def test_the_text_reads_back_as_the_value():
    value = {"λ": [0.1, 1e-300, 5], "quote": 'a "b" \n'}
    assert json.loads(canonical(value)) == value


def test_the_digest_is_the_start_of_the_sha256_of_the_text():
    expected = hashlib.sha256('{"a":"λ","b":[1,2]}'.encode()).hexdigest()[:16]
    assert digest({"b": [1, 2], "a": "λ"}) == expected
