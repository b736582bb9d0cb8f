"""Contains and starts with, against Python's own search and by hand."""

import math

import pytest
from hypothesis import given

from metrics.match.containment import Contains, StartsWith
from metrics.reasons import Reason
from tests.metrics.texts import batch, expecting, several_texts, texts


@given(texts, several_texts)
def test_it_is_the_search_for_each_reference_that_is_not_empty(output, references):
    kept = [one.strip() for one in references if one.strip()]
    for metric, holds in ((Contains, str.__contains__), (StartsWith, str.startswith)):
        found = [holds(output.strip(), one) for one in kept]
        any_one, each = (
            metric(require=require).score(batch([output], [references])).values[0]
            for require in ("any", "all")
        )

        assert any_one == (float(any(found)) if kept else pytest.approx(math.nan, nan_ok=True))
        assert each == (float(all(found)) if kept else pytest.approx(math.nan, nan_ok=True))


def test_case_counts_unless_the_steps_say_otherwise():
    examples = expecting(["It is PARIS."], ["paris"])

    assert Contains().score(examples).values.tolist() == [0.0]
    assert Contains(normalize=("lowercase",)).score(examples).values.tolist() == [1.0]


def test_an_expected_output_of_nothing_is_not_found_everywhere():
    scores = Contains().score(expecting(["anything"], ["  "]))

    assert scores.reasons.tolist() == [Reason.UNDEFINED]
