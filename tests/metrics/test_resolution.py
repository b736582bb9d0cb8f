"""One value out of several people's answers."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.reasons import Reason
from metrics.statistics.agreement import Level
from metrics.statistics.resolution import Rule, resolve, rule_for, signature

NAN = math.nan


def resolved(answers, rule, *, n_units=None, decided=None):
    units = np.array([unit for unit, _ in answers], dtype=np.intp)
    values = np.array([value for _, value in answers], dtype=float)
    count = (int(units.max()) + 1 if len(units) else 0) if n_units is None else n_units
    return resolve(units, values, n_units=count, rule=rule, decided=decided)


def test_each_scale_has_its_rule():
    assert [rule_for(level) for level in Level] == ["majority", "median", "mean", "mean"]
    assert rule_for(Level.NOMINAL, is_yes_no=True) is Rule.MEAN


@pytest.mark.parametrize(
    ("rule", "values", "expected"),
    [
        (Rule.MEAN, [1, 2, 4], 7 / 3),
        (Rule.MEAN, [1, 0, 1, 1], 0.75),
        (Rule.MEDIAN, [5, 1, 2], 2),
        (Rule.MEDIAN, [5, 1, 2, 4], 3),
        (Rule.MAJORITY, [2, 7, 2], 2),
        (Rule.MAJORITY, [3, 1, 2, 3, 3], 3),
        (Rule.MAJORITY, [1, 1, 2, 1], 1),
        (Rule.MAJORITY, [4], 4),
    ],
)
def test_answers_become_one_value(rule, values, expected):
    found = resolved([(0, value) for value in values], rule)
    assert found.values.tolist() == [pytest.approx(expected)]
    assert found.reasons.tolist() == [Reason.SCORED]


def test_half_of_the_answers_are_no_majority():
    said = [[1, 2], [1, 2, 2], [1, 1, 2, 3], [3, 1, 1, 2]]
    answers = [(unit, value) for unit, values in enumerate(said) for value in values]
    found = resolved(answers, Rule.MAJORITY)
    none = Reason.NO_MAJORITY
    assert found.reasons.tolist() == [none, Reason.SCORED, none, none]
    assert np.isnan(found.values).tolist() == [True, False, True, True]


@pytest.mark.parametrize("rule", list(Rule))
def test_nobody_asked_and_nobody_able_to_judge_are_told_apart(rule):
    found = resolved([(1, NAN), (1, NAN), (2, 3.0), (2, NAN)], rule, n_units=4)
    assert found.reasons.tolist() == [
        Reason.NOT_RATED,
        Reason.CANNOT_JUDGE,
        Reason.SCORED,
        Reason.NOT_RATED,
    ]
    assert np.isnan(found.values).tolist() == [True, True, False, True]
    assert found.reasons.dtype == np.uint8


@pytest.mark.parametrize("rule", list(Rule))
def test_no_answers_at_all_resolve_to_none(rule):
    assert resolved([], rule, n_units=2).reasons.tolist() == [Reason.NOT_RATED] * 2


def test_a_decision_stands_before_any_rule():
    found = resolved([(0, 1), (0, 2), (1, 1)], Rule.MAJORITY, decided={0: 5.0, 1: 2.0})
    assert found.values.tolist() == [5.0, 2.0]
    assert found.reasons.tolist() == [Reason.SCORED, Reason.SCORED]


answers = st.lists(st.tuples(st.integers(0, 4), st.integers(1, 5)), min_size=1, max_size=40)


@given(answers, st.randoms(use_true_random=False))
def test_rules_are_those_of_the_standard_library_in_any_order(answers, random):
    shuffled = random.sample(answers, len(answers))
    for rule, reference in ((Rule.MEAN, statistics.fmean), (Rule.MEDIAN, statistics.median)):
        found = resolved(answers, rule)
        np.testing.assert_array_equal(found.values, resolved(shuffled, rule).values)
        for unit in {unit for unit, _ in answers}:
            mine = [value for owner, value in answers if owner == unit]
            assert found.values[unit] == pytest.approx(reference(mine))


@given(answers)
def test_the_majority_is_the_mode_of_more_than_half(answers):
    found = resolved(answers, Rule.MAJORITY)
    for unit in {unit for unit, _ in answers}:
        mine = [value for owner, value in answers if owner == unit]
        mode, has_one = statistics.mode(mine), mine.count(statistics.mode(mine)) > len(mine) / 2
        assert found.values[unit] == mode if has_one else np.isnan(found.values[unit])


def test_a_decision_may_be_that_a_unit_cannot_be_judged():
    found = resolved([(0, 1), (0, 2)], Rule.MEAN, decided={0: NAN})
    assert np.isnan(found.values[0])
    assert found.reasons.tolist() == [Reason.CANNOT_JUDGE]


def test_a_signature_names_question_scale_and_rule():
    written = signature(campaign="cam_1", question="Clear?", scale="ordinal", rule=Rule.MEDIAN)
    assert written == (
        "human|v1|campaign:cam_1|question:Clear?|scale:ordinal|rule:median|decided:first"
    )


def test_no_question_can_imitate_another_signature():
    sly = signature(campaign="c", question="a|scale:x\n%", scale="ratio", rule=Rule.MEAN)
    assert (
        sly == "human|v1|campaign:c|question:a%7Cscale:x%0A%25|scale:ratio|rule:mean|decided:first"
    )
