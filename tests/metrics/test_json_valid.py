"""Whether outputs are JSON, against verdicts of the published JSONTestSuite (Seriot 2016)."""

import time

import pytest

from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.reasons import Reason
from metrics.structured.strict_json import MAX_JSON_CHARACTERS, canonical, unfenced
from tests.metrics.texts import batch

# Texts of its y_ files (valid), n_ files (not), and of its i_ files those with another rule here.
VALID = (
    *("[]", " [] ", '["a"]', "[123e65]", "[0e+1]", "[-0]", "[1E-2]", '""', "null", "true", "42"),
    *('{"a":[]}', '{"":0}', '["\\u0060\\u012a\\u12AB"]', '["\\ud801\\udc37"]', '["\x7f"]'),
)
INVALID = (
    *("[1,]", "[,1]", "[1 true]", "['a']", "[-01]", "[.5]", "[2.]", "[NaN]", "[Infinity]", "[+1]"),
    *(
        '{"a":1,}',
        "{a:1}",
        '{"a":/*b*/1}',
        '["\t"]',
        '["\\x00"]',
        "[1]x",
        "",
        " ",
        "[",
        "\ufeff[]",
    ),
    *("*", '["\\uD800\\u"]', "nul", "[\u2060]", '{"a":1 "b":2}', "# []", '["a\0a"]'),
)
STRICTER = (
    *('{"a":1,"a":1}', '["\\uD800"]', "[123123e100000]", "[1e-400]", "[9223372036854775808]"),
    *('["\\u0000"]', "[" * 65 + "]" * 65, "[" + "9" * 400 + "]"),
)


def valid(outputs, **params):
    metric = build(MetricSpec(name="json_valid", params=params))
    return metric.score(batch(outputs, [[]] * len(outputs)))


@pytest.mark.parametrize("text", VALID)
def test_json_is_valid(text):
    assert valid([text]).values.tolist() == [1.0]


@pytest.mark.parametrize("text", [*INVALID, *STRICTER, "\ud800", '["\ud800"]'])
def test_anything_else_is_not(text):
    assert valid([text]).values.tolist() == [0.0]


def test_an_output_submitted_as_json_is_valid_and_a_missing_one_is_not():
    assert valid([{"a": 1}, [], 0, False, None]).values.tolist() == [1, 1, 1, 1, 0]


def test_the_value_may_have_to_be_an_object_or_a_list():
    outputs = ["{}", "[]", "42", [1], "{"]

    assert valid(outputs, type="object").values.tolist() == [1, 0, 0, 0, 0]
    assert valid(outputs, type="list").values.tolist() == [0, 1, 0, 1, 0]


def test_the_value_at_a_path_is_what_counts():
    outputs = [{"a": '{"b": 1}'}, {"a": "{"}, {"b": 1}, "{}"]

    assert valid(outputs, path="a").values.tolist() == [1, 0, 0, 1]
    with pytest.raises(MetricParamsError, match="joined by dots"):
        valid([], path="a..b")


@pytest.mark.parametrize(
    ("text", "inside"),
    [
        ("```json\n[1]\n```", "[1]\n"),
        (" ```JSON\r\n[1]\r\n``` \n", "[1]\r\n"),
        ("```\n[1]```", "[1]"),
        ("```json\n[1]", None),
        ("```python\n[1]\n```", None),
        ("```json\n[1]\n```\n```json\n[2]\n```", None),
        ("See:\n```json\n[1]\n```", None),
        ("```json [1] ```", None),
        ("``````", None),
        ("[1]", None),
    ],
)
def test_one_fence_is_taken_off_where_it_is_allowed(text, inside):
    assert unfenced(text) == (text if inside is None else inside)
    assert valid([text]).values.tolist() == [float(text == "[1]")]
    assert valid([text], fence=True).values[0] == float(inside is not None or text == "[1]")


@pytest.mark.parametrize(
    "bomb", ["[" * 900_000, '{"a":' * 150_000, "[" * 900_000 + "]" * 9, "[[],"]
)
def test_bombs_are_invalid_and_end(bomb):
    started = time.process_time()

    assert valid([bomb]).values.tolist() == [0.0]
    assert time.process_time() - started < 1


def test_a_text_too_long_to_read_has_a_reason():
    scores = valid(["1" + " " * MAX_JSON_CHARACTERS, "1"])

    assert scores.reasons.tolist() == [Reason.TOO_LONG, Reason.SCORED]


def test_equal_values_have_one_canonical_text():
    assert canonical({"b": [1.0, None], "a": "é"}) == canonical({"a": "é", "b": (1, None)})
    assert canonical([1.5, True]) != canonical([1.5, 1])
    assert canonical(-(2.0**63)) == canonical(-(2**63))
    assert canonical(1e308) == "1e+308"
