"""Numeric match, against the authors' own marking of GSM8K and by hand."""

import pytest

from metrics.catalog import MetricSpec, build
from metrics.fields import MetricParamsError
from metrics.match.numeric_match import NumericMatch
from metrics.reasons import Reason
from tests.metrics.texts import batch, expecting

# Worked answers of 175B models published with GSM8K (Cobbe et al. 2021), shortened, with the
# authors' marking.
MARKED = [
    ("9 * 2 = $<<9*2=18>>18 per day\nA: 18", "18", 1.0),
    ("he profited 195,000-130,000 = $<<195000-130000=65000>>65,000\nA: 65000", "70000", 0.0),
    ("He made 200,000-130,000 = $<<200000-130000=70000>>70,000\nA: $70,000", "70000", 1.0),
]


def test_published_answers_are_marked_as_their_authors_do():
    outputs, answers, marks = zip(*MARKED, strict=True)

    assert NumericMatch().score(expecting(outputs, answers)).values.tolist() == list(marks)


def numeric(**params):
    return build(MetricSpec(name="numeric_match", params=params))


@pytest.mark.parametrize(
    ("params", "output", "expected", "value"),
    [
        ({}, 18, 18.0, 1.0),
        ({}, "5 of 18", "18", 1.0),
        ({"number": "first"}, "5 of 18", "5", 1.0),
        ({"number": "whole"}, "5 of 18", "18", 0.0),
        ({"number": "whole"}, " $18. ", "18", 1.0),
        ({"extract": r"= (\S+)"}, "6 = 3! and 2", "3", 1.0),
        ({"absolute_tolerance": 1}, "17", "18", 1.0),
        ({"relative_tolerance": 0.05}, "17", "18", 0.0),
        ({"relative_tolerance": 0.05, "absolute_tolerance": 1}, "17", "18", 1.0),
        ({}, "50%", "50", 1.0),
        ({"percent": "hundredth"}, "50%", "0.5", 1.0),
        ({"percent": "hundredth"}, "50%", "50", 0.0),
        ({"percent": "hundredth"}, "0.5", "50%", 1.0),
    ],
)
def test_what_counts_as_the_number(params, output, expected, value):
    assert numeric(**params).score(expecting([output], [expected])).values.tolist() == [value]


def test_an_expected_output_that_is_no_number_leaves_the_example_out_whatever_the_output():
    scores = numeric().score(
        batch(["18", "none", None, "18"], [["eighteen"]] * 3 + [["18", "eighteen"]])
    )

    assert scores.reasons.tolist() == [Reason.UNDEFINED] * 3 + [Reason.SCORED]


def test_a_tolerance_below_zero_is_refused():
    with pytest.raises(MetricParamsError, match="absolute_tolerance is a number from 0 to"):
        numeric(absolute_tolerance=-1)
