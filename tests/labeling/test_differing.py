"""When people differ under each rule, on every kind of question, and by how much."""

import pytest

from labeling.known import is_right
from labeling.questions import Differing, DifferRule, Rule, read_differ_rule, read_questions

RATING = {"kind": "rating"}
NUMBER = {"kind": "number", "low": 0, "high": 10}
TONE = {"kind": "choice", "options": ["warm", "cold", "flat"]}
GRADE = {"kind": "choice", "scale": "ordinal", "options": ["poor", "fair", "good"]}
SEVERAL = {"kind": "choices", "options": ["a", "b", "c"]}
YES_NO = {"kind": "yes_no"}
WINNER = {"kind": "preference"}
GRADED = {"kind": "preference", "options": [-2, -1, 0, 1, 2]}
WORDS = {"kind": "text"}
ANY, SPREAD, NO_MAJORITY = (
    DifferRule(Rule.ANY),
    DifferRule(Rule.SPREAD, 2),
    DifferRule(Rule.NO_MAJORITY),
)


def differing(given, rule=ANY):
    errors = []
    asked = [{"name": "other", "kind": "preference"}, {"name": "q", **given}]
    [_, read] = read_questions(asked, errors, is_of_pairs=True)
    assert not errors, errors
    return Differing.of(read, rule)


@pytest.mark.parametrize(
    ("question", "answers", "any_", "spread", "no_majority"),
    [
        (RATING, [4, 4, 4], False, False, False),
        (RATING, [4, 4, 5], True, False, False),
        (RATING, [4, 4, 2], True, True, False),
        (RATING, [3, 4], True, False, True),
        (RATING, [2, 2, 4, 4], True, True, True),
        (RATING, [4, 4, 3, 5], True, True, True),
        (RATING, [4], False, False, False),
        (RATING, [], False, False, False),
        (RATING, [4, None, 4.0], False, False, False),
        (RATING, [None, 1], False, False, False),
        (NUMBER, [1.5, 3.5], True, True, True),
        (NUMBER, [1.5, 3.4], True, False, True),
        (GRADE, ["poor", "good"], True, True, True),
        (GRADE, ["poor", "fair"], True, False, True),
        # Without an order nothing is nearer than anything else.
        (TONE, ["warm", "warm", "cold"], True, True, False),
        (YES_NO, [True, False], True, True, True),
        (SEVERAL, [["a", "b"], ["b", "a"]], False, False, False),
        (SEVERAL, [["a", "b"], ["a"], ["a"]], True, True, False),
        # A tie and "both bad" have the same winner: none.
        (WINNER, ["tie", "both_bad"], False, False, False),
        (WINNER, ["first", "first", "tie"], True, True, False),
        (GRADED, [1, 2], False, False, False),
        (GRADED, [1, -1], True, True, True),
        (WORDS, ["one", "other"], False, False, False),
    ],
)
def test_people_differ_under_the_rule(question, answers, any_, spread, no_majority):
    found = [differing(question, rule).differ(answers) for rule in (ANY, SPREAD, NO_MAJORITY)]
    assert found == [any_, spread, no_majority]


@pytest.mark.parametrize(
    ("question", "answers", "distance"),
    [
        (RATING, [1, 5], 1.0),
        (RATING, [2, 4, 5], (2 + 3 + 1) / 3 / 4),
        (NUMBER, [2, 7, None], 0.5),
        (TONE, ["warm", "warm", "cold"], 2 / 3),
        # MASI, as in alpha: one option of three shared, and neither set holds the other.
        (SEVERAL, [["a", "b"], ["b", "c"]], 8 / 9),
        (WINNER, ["first", "tie", "both_bad"], 2 / 3),
        (GRADED, [2, -2, 1], (4 + 1 + 3) / 3 / 4),
        (WORDS, ["one", "other"], 0.0),
        (RATING, [3], 0.0),
    ],
)
def test_the_distance_is_a_share_of_the_largest_there_is(question, answers, distance):
    [found] = differing(question).distances([answers])
    assert found == pytest.approx(distance)


def test_of_a_number_without_ends_the_largest_distance_is_that_of_all_answers():
    told = differing({"kind": "number"})
    assert told.distances([[20, 30], [10], [50, None], []]) == [0.25, 0.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("answers", "spread", "differ"),
    [
        ([0.7, 0.4], 0.3, True),
        ([0.8, 0.5], 0.3, True),
        ([0.1, 1.2], 1.1, True),
        ([0.1, 0.39], 0.3, False),
        ([2, 2.3], 0.3, True),
    ],
)
def test_the_spread_of_decimals_is_that_of_what_was_written(answers, spread, differ):
    by_tenths = {"kind": "choice", "scale": "interval", "options": sorted(answers)}
    for question in (NUMBER, by_tenths):
        told = differing(question, DifferRule(Rule.SPREAD, spread))
        assert told.differ(answers) is differ


def test_the_tolerance_of_a_control_counts_in_what_was_written():
    asked = differing(NUMBER).question
    assert is_right(asked, 0.8, 0.5, tolerance=0.3)
    assert not is_right(asked, 0.8, 0.5, tolerance=0.29)


def test_a_rule_is_kept_as_it_was_asked_for():
    assert DifferRule.of({}) == ANY
    for given in ({"rule": "spread", "spread": 2.0}, {"rule": "any"}, {"rule": "no_majority"}):
        assert DifferRule.of(read_differ_rule(given).stored()).stored() == given


@pytest.mark.parametrize(
    "given",
    [
        *(None, [], {}, {"rule": "spread"}, {"rule": "spread", "spread": 0}),
        *({"rule": "most"}, {"rule": ["any"]}, {"rule": "any", "more": 1}),
        *({"rule": "spread", "spread": True}, {"rule": "spread", "spread": 1e99}),
    ],
)
def test_another_rule_is_refused_with_a_sentence(given):
    with pytest.raises(ValueError, match=r"\w{3,}.*\.$"):
        read_differ_rule(given)
