"""Matching a pattern, against Google's RE2 called directly and by hand."""

import time

import pytest
import re2
from hypothesis import given
from hypothesis import strategies as st

from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.patterns import MAX_WORK
from metrics.reasons import Reason
from tests.metrics.texts import batch, expecting


def regex(**params):
    return build(MetricSpec(name="regex_match", params=params))


def blank(outputs):
    return batch(outputs, [[]] * len(outputs))


@given(
    st.sampled_from([r"^a+b?$", r"(?i)b\s*1", r"\d{2}|é", "", r"[^x]+", r"a.*?b"]),
    st.text(alphabet="aabbB: 1\nxé", max_size=14),
)
def test_one_pattern_or_each_examples_own_is_what_re2_finds(pattern, output):
    searched = float(re2.search(pattern, output) is not None)
    whole = float(re2.fullmatch(pattern, output) is not None)

    assert regex(pattern=pattern).score(blank([output])).values[0] == searched
    assert regex(pattern=pattern, match="whole").score(blank([output])).values[0] == whole
    if pattern:
        assert regex().score(expecting([output], [pattern])).values[0] == searched


def test_any_usable_reference_may_match():
    scores = regex().score(batch(["cat", "cat", "cat"], [["dog", "c.t"], ["(", "dog"], ["(", ""]]))

    assert scores.values[:2].tolist() == [1.0, 0.0]
    assert scores.reasons.tolist() == [0, 0, Reason.UNDEFINED]


def test_what_no_pattern_can_be_tried_on_has_a_reason():
    outputs = ["a", "a", {"a": 1}]
    scores = regex().score(expecting(outputs, [None, {"a": 1}, "a"]))
    one = regex(pattern="a").score(expecting([*outputs, None], [None] * 4))

    assert scores.reasons.tolist() == [
        Reason.NO_REFERENCE,
        Reason.REFERENCE_NOT_TEXT,
        Reason.NOT_TEXT,
    ]
    assert one.reasons.tolist() == [0, 0, Reason.NOT_TEXT, 0]
    assert one.values[3] == 0.0


def test_the_text_of_a_json_output_is_found_by_its_path():
    scores = regex(pattern="^x", path="a.0").score(blank([{"a": ["xy"]}, {"a": []}]))

    assert scores.values.tolist() == [1.0, 0.0]


def test_a_pattern_of_death_ends_with_a_value_and_too_much_work_with_a_reason():
    started = time.process_time()
    scores = regex(pattern="(a+)+$").score(blank(["a" * 100_000 + "!", "a" * (MAX_WORK // 3)]))

    assert time.process_time() - started < 2
    assert scores.values[0] == 0.0
    assert scores.reasons.tolist() == [0, Reason.EXTRACTION_LIMIT]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("(a", "pattern is not a usable pattern: missing )"),
        ("(?=a)", "Looking ahead or behind is not possible"),
        ("a" * 1001, "pattern is 1,001 characters long"),
        (r"\Qa", r"pattern uses \Q"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused(pattern, sentence):
    with pytest.raises(MetricParamsError) as refused:
        regex(pattern=pattern)

    assert sentence in str(refused.value)
