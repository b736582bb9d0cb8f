"""Tool calls in the shapes of OpenAI's API, by hand."""

import json

import pytest

from metrics.catalog import MetricSpec, build
from metrics.reasons import Reason
from metrics.structured import tool_calls
from tests.metrics.texts import batch, expecting

# From OpenAI's guide to function calling, shortened: what a chat completion answers.
MESSAGE = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {
            "id": "call_12345xyz",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"location": "Paris, France"}'},
        },
        {
            "id": "call_67890abc",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"location": "Bogotá, Colombia"}'},
        },
    ],
}
PARIS = {"name": "get_weather", "arguments": {"location": "Paris, France"}}
BOGOTA = {"name": "get_weather", "arguments": {"location": "Bogotá, Colombia"}}
SEND = {"name": "send_email", "arguments": {"to": "a@example.com", "n": 1}}


def value(output, expected, **params):
    metric = build(MetricSpec(name="tool_calls", params=params))
    return metric.score(expecting([output], [expected])).values[0]


@pytest.mark.parametrize("output", [MESSAGE, MESSAGE["tool_calls"], json.dumps(MESSAGE)])
def test_openais_calls_are_the_plain_ones(output):
    assert value(output, [PARIS, BOGOTA]) == 1.0
    assert value([PARIS, BOGOTA], output) == 1.0


@pytest.mark.parametrize(
    ("output", "expected", "params", "worth"),
    [
        ([PARIS], [PARIS, BOGOTA], {}, 2 / 3),
        ([PARIS, PARIS], [PARIS], {}, 2 / 3),
        ([BOGOTA, PARIS], [PARIS, BOGOTA], {}, 1),
        ([BOGOTA, PARIS], [PARIS, BOGOTA], {"order": "same"}, 0.5),
        ([SEND, PARIS, BOGOTA], [PARIS, BOGOTA], {"order": "same"}, 0.8),
        ([BOGOTA], [PARIS], {}, 0),
        ([BOGOTA], [PARIS], {"compare": "name"}, 1),
        ([{**PARIS, "name": "weather"}], [PARIS], {"compare": "arguments"}, 1),
        ([{**PARIS, "name": "weather"}], [PARIS], {}, 0),
        (SEND, [{"name": "send_email", "arguments": {"n": 1.0, "to": "a@example.com"}}], {}, 1),
        ([{"name": "now"}], [{"name": "now", "arguments": ""}], {}, 1),
        ("[]", [], {}, 1),
        ({"tool_calls": None}, [], {}, 1),
        ("I need no tool.", [], {}, 1),
        ({"content": "none"}, [], {}, 1),
        (None, [], {}, 0),
        ([PARIS], [], {}, 0),
        ("I need no tool.", [PARIS], {}, 0),
    ],
)
def test_what_calls_are_worth(output, expected, params, worth):
    assert value(output, expected, **params) == pytest.approx(worth)


@pytest.mark.parametrize(
    "broken",
    [
        7,
        {"name": 7, "arguments": {}},
        {"name": "get_weather", "arguments": '{"location": '},
        {"name": "get_weather", "arguments": '[["deep", ' * 100},
        {"name": "get_weather", "arguments": [1]},
        {"function": "get_weather"},
    ],
)
def test_a_broken_call_of_the_system_matches_nothing_and_counts_as_one(broken):
    for order in ("any", "same"):
        assert value([PARIS, broken], [PARIS], order=order) == pytest.approx(2 / 3)
    assert value([broken, broken], [PARIS]) == 0.0


def test_an_example_that_expects_no_readable_calls_has_no_value():
    metric = build(MetricSpec(name="tool_calls"))
    expected = [
        [{"name": 7}],
        {"answer": "a"},
        "get_weather()",
        7,
        [{"name": "a", "arguments": 1}],
    ]

    scores = metric.score(expecting([[PARIS]] * 5, expected))

    assert scores.reasons.tolist() == [Reason.UNDEFINED] * 5


def test_an_example_that_expects_too_many_calls_has_no_value(monkeypatch):
    monkeypatch.setattr(tool_calls, "MAX_EXPECTED_CALLS", 1)
    metric = build(MetricSpec(name="tool_calls"))

    scores = metric.score(expecting([[PARIS], [PARIS]], [[PARIS, BOGOTA], [PARIS]]))

    assert scores.reasons.tolist() == [Reason.UNDEFINED, Reason.SCORED]


def test_arguments_too_long_to_read_are_wrong_ones(monkeypatch):
    monkeypatch.setattr(tool_calls, "MAX_JSON_CHARACTERS", 9)

    assert value(
        [{"name": "f", "arguments": '{"a": 12}'}], [{"name": "f", "arguments": {"a": 12}}]
    )
    assert not value(
        [{"name": "f", "arguments": '{"a": 123}'}], [{"name": "f", "arguments": {"a": 123}}]
    )


def test_the_best_reference_counts():
    metric = build(MetricSpec(name="tool_calls"))

    assert metric.score(batch([[PARIS]], [[[BOGOTA], [PARIS]]])).values.tolist() == [1.0]
