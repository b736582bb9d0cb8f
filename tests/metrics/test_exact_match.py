"""Exact match, as it is used on answers of language models, and quasi-exact match as in SQuAD."""

import pytest
from hypothesis import given

from metrics.base import run_value
from metrics.catalog import MetricSpec, build
from metrics.match.exact_match import ExactMatch, QuasiExactMatch
from tests.metrics.squad import normalized
from tests.metrics.texts import batch, expecting, several_texts, texts

GRADE_SCHOOL = MetricSpec(
    name="exact_match",
    params={"extract": r"A:\s*(.+?)\s*$", "normalize": ["strip", "plain_number"]},
)


@pytest.mark.parametrize(
    ("output", "answer", "value"),
    [
        ("She has 16 - 3 = <<16-3=13>>13 left.\nA: 13", "13", 1.0),
        ("80,000 + 50,000 is more.\nA: $130,000", "130000", 1.0),
        ("A: 12\nLet me check.\nA: 13", "13", 1.0),
        ("A: 1,3", "13", 0.0),
        ("A: 13.0", "13", 0.0),
        ("The answer is 13", "13", 0.0),
        ("A:   ", "13", 0.0),
    ],
)
def test_worked_answers_to_arithmetic_problems(output, answer, value):
    assert build(GRADE_SCHOOL).score(expecting([output], [answer])).values[0] == value


def test_white_space_around_an_answer_does_not_count_and_case_does():
    scores = ExactMatch().score(expecting([" Paris\n", "paris", "Par is"], ["Paris"] * 3))

    assert scores.values.tolist() == [1.0, 0.0, 0.0]
    assert run_value(ExactMatch(), scores) == pytest.approx(1 / 3)


def test_any_reference_is_an_accepted_answer():
    scores = ExactMatch().score(
        batch(["NYC", "Boston"], [["New York", "NYC"], ["New York", "NYC"]])
    )

    assert scores.values.tolist() == [1.0, 0.0]


def test_a_number_is_compared_by_its_json_text():
    scores = ExactMatch().score(
        expecting(["18", 18, "true", True, 18], [18, "18", True, "true", 18.0])
    )

    assert scores.values.tolist() == [1.0, 1.0, 1.0, 1.0, 0.0]


@given(texts, several_texts)
def test_quasi_exact_match_is_the_exact_match_of_squad(output, references):
    expected = max(float(normalized(output) == normalized(one)) for one in references)

    assert QuasiExactMatch().score(batch([output], [references])).values[0] == expected
