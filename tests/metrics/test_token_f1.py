"""Token F1 and its normalization, against SQuAD 1.1's published evaluation rules."""

from collections import Counter

import pytest
from hypothesis import given

from metrics.base import run_value
from metrics.match.token_f1 import TokenF1
from tests.metrics.squad import normalized
from tests.metrics.texts import batch, expecting, several_texts, texts


def f1(output, reference):
    got, want = normalized(output).split(), normalized(reference).split()
    if not got or not want:
        return float(got == want)
    shared = sum((Counter(got) & Counter(want)).values())
    if shared == 0:
        return 0.0
    precision, recall = 1.0 * shared / len(got), 1.0 * shared / len(want)
    return (2 * precision * recall) / (precision + recall)


@given(texts, several_texts)
def test_the_best_reference_counts_by_squads_rules(output, references):
    scores = TokenF1().score(batch([output], [references]))

    assert scores.values[0] == max(f1(output, reference) for reference in references)


@pytest.mark.parametrize(
    ("output", "expected", "value"),
    [
        ("The Eiffel Tower!", "eiffel tower", 1.0),
        ("in Paris, France", "Paris", 0.5),
        ("London", "Paris", 0.0),
        ("", "", 1.0),
        ("the", "An.", 1.0),
        ("Paris", "", 0.0),
        ("", "Paris", 0.0),
        ("to be or not to be", "to be", 0.5),
    ],
)
def test_single_answers(output, expected, value):
    assert TokenF1().score(expecting([output], [expected])).values[0] == value


def test_the_runs_value_is_the_mean():
    scores = TokenF1().score(expecting(["Paris", "in Paris, France", None], ["Paris"] * 3))

    assert run_value(TokenF1(), scores) == 0.5
