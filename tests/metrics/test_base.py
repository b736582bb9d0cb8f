"""How columns of scores become a run's value."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.averages import mean_of, totals_of
from metrics.base import Workspace, run_value
from metrics.batch import Batch, Scores, joined
from metrics.match.exact_match import ExactMatch
from metrics.reasons import Reason
from metrics.text import PairMetric
from tests.metrics.texts import batch

numbers = st.floats(-1e12, 1e12)


@dataclass(frozen=True, kw_only=True)
class LengthDifference(PairMetric):
    name: ClassVar[str] = "length_difference"
    version: ClassVar[int] = 1
    high: ClassVar[float] = 100.0
    higher_is_better: ClassVar[bool] = False

    def pair_value(self, output, reference):
        return float(abs(len(output) - len(reference)))


def test_where_less_is_better_the_smallest_value_counts_and_an_error_has_the_largest():
    scores = LengthDifference().score(batch(["abc", None], [["a", "abcd", "abcdef"], ["a"]]))

    assert scores.values.tolist() == [1.0, 100.0]


@dataclass(frozen=True, kw_only=True)
class LengthRatio(PairMetric):
    name: ClassVar[str] = "length_ratio"
    version: ClassVar[int] = 1

    def pair_value(self, output, reference):
        return min(1.0, len(output) / len(reference)) if reference else math.nan


def test_where_no_reference_allows_a_value_there_is_a_reason_and_otherwise_the_best_counts():
    workspace = Workspace(batch(["ab", "ab"], [["", ""], ["", "abcd", "abc"]]))
    together = [metric.score_in(workspace) for metric in (LengthRatio(), ExactMatch(normalize=()))]

    assert [scores.reasons.tolist() for scores in together] == [[Reason.UNDEFINED, 0], [0, 0]]
    assert math.isnan(together[0].values[0])
    assert together[0].values[1] == pytest.approx(2 / 3)


@pytest.mark.no_cover
@given(st.lists(numbers, min_size=1, max_size=50), st.randoms())
def test_a_mean_does_not_depend_on_the_order_of_its_values(values, random):
    shuffled = random.sample(values, len(values))

    assert mean_of(np.array(values)) == mean_of(np.array([math.nan, *shuffled, math.nan]))


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=50), st.randoms())
def test_sums_do_not_depend_on_the_order_of_their_rows(rows, random):
    shuffled = random.sample(rows, len(rows))

    assert totals_of(np.array(rows)).tolist() == totals_of(np.array(shuffled)).tolist()


def test_sums_of_counts_are_exact():
    assert totals_of(np.array([[2.0**52, 1.0], [1.0, 1.0]])).tolist() == [2.0**52 + 1, 2.0]


@pytest.mark.parametrize("value", [2.0**60, 2.0**70, 0.5])
def test_sums_of_other_numbers_are_rounded_once(value):
    assert totals_of(np.array([[value], [value / 3], [value]])).tolist() == [
        math.fsum([value, value / 3, value])
    ]


def test_nothing_scored_is_no_value():
    scores = ExactMatch().score(batch(["a", "b"], [[], []]))

    assert scores.reasons.tolist() == [Reason.NO_REFERENCE] * 2
    assert math.isnan(run_value(ExactMatch(), scores))


def test_unscored_examples_are_left_out_of_the_mean():
    scores = ExactMatch().score(batch(["a", "b", "c"], [["a"], [], ["x"]]))

    assert run_value(ExactMatch(), scores) == 0.5
    assert len(scores) == 3


def test_a_metric_of_means_has_no_statistics_to_sum():
    with pytest.raises(TypeError, match="exact_match is the mean of its values"):
        ExactMatch().values_of(np.zeros(0))


def test_sides_of_a_batch_have_one_length():
    with pytest.raises(ValueError, match="differ in number"):
        Batch(outputs=["a"], expected_outputs=[], references=[[]])


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_word_and_a_sentence(reason):
    assert reason.code == reason.name.lower()
    assert reason.sentence.endswith(".")
    assert 0 <= reason <= 255


def test_codes_of_reasons_never_change():
    assert [reason.code for reason in Reason] == [
        "scored",
        "no_reference",
        "not_text",
        "reference_not_text",
        "too_long",
        "extraction_limit",
        "failed",
        "not_rated",
        "cannot_judge",
        "no_majority",
        "no_output",
        "no_verdict",
        "off_scale",
        "judge_refused",
        "judge_unreachable",
        "undefined",
        "not_submitted",
        "no_weight",
        "no_relevant",
        "too_few_attempts",
        "scorer_declined",
        "scorer_left_out",
        "scorer_repeated",
        "scorer_no_number",
        "scorer_off_range",
        "not_a_confidence",
        "metric_failed",
    ]
    assert [reason.value for reason in Reason] == list(range(len(Reason)))
    assert isinstance(run_value(ExactMatch(), ExactMatch().score(batch([], []))), float)
    assert isinstance(ExactMatch().score(batch([], [])), Scores)


def test_the_scores_of_a_single_batch_are_joined_to_themselves():
    scores = ExactMatch().score(Batch(outputs=["a"], expected_outputs=["a"], references=[[]]))

    assert joined([scores]) is scores
