"""Side balance and control accuracy of annotators, against scipy's exact tests."""

import math

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.controls import control_accuracy
from metrics.statistics.sides import side_balance

NAN = math.nan


def wilson_of(successes, n):
    return tuple(stats.binomtest(successes, n).proportion_ci(method="wilson"))


def test_a_side_that_is_favored_has_scipys_exact_interval_and_p():
    # Left won 17 of 20 of Ann's, 9 of 20 of Bo's; each system stood left half the time.
    left = [1.0] * 17 + [0.0] * 3 + [0.5] * 5 + [1.0] * 9 + [0.0] * 11 + [NAN] * 2
    is_first_left = np.arange(len(left)) % 2 == 0
    outcomes = np.where(is_first_left, left, 1 - np.array(left))
    annotators = ["Ann"] * 25 + ["Bo"] * 22
    ann, bo = side_balance(annotators=annotators, outcomes=outcomes, is_first_left=is_first_left)
    assert (ann.annotator, ann.preferences, ann.first_left) == ("Ann", 25, 13)
    assert (ann.left_wins, ann.right_wins, ann.ties) == (17, 3, 5)
    assert (bo.preferences, bo.first_left) == (20, 10)
    for one, wins in ((ann, 17), (bo, 9)):
        exact = stats.binomtest(wins, 20)
        assert one.left_share == wins / 20
        assert (one.low, one.high) == pytest.approx(tuple(exact.proportion_ci()))
        assert one.p_value == pytest.approx(exact.pvalue)
    assert (ann.p_adjusted, bo.p_adjusted) == pytest.approx((2 * ann.p_value, bo.p_value))
    assert (ann.tie_share, ann.tie_low, ann.tie_high) == pytest.approx((0.2, *wilson_of(5, 25)))


@pytest.mark.parametrize(("left", "n"), [(0, 6), (6, 6), (5, 10), (1, 1)])
def test_one_side_always_and_both_alike_have_exact_intervals(left, n):
    outcomes = [1.0] * left + [0.0] * (n - left)
    (found,) = side_balance(annotators=[7] * n, outcomes=outcomes, is_first_left=[True] * n)
    exact = stats.binomtest(left, n)
    assert (found.low, found.high) == pytest.approx(tuple(exact.proportion_ci()))
    assert found.p_value == pytest.approx(exact.pvalue)


def test_nothing_to_count_is_said_in_words():
    nothing, ties, won = side_balance(
        annotators=[1, 2, 3], outcomes=[NAN, 0.5, 1.0], is_first_left=[True, False, True]
    )
    assert (nothing.tie_share, nothing.reason) == (None, "No preference yet.")
    assert (ties.left_share, ties.p_value, ties.p_adjusted) == (None, None, None)
    assert (ties.tie_share, ties.reason) == (1.0, "No preference with a winner yet.")
    assert (won.left_share, won.p_value, won.p_adjusted, won.reason) == (1.0, 1.0, 1.0, "")


def test_control_accuracy_has_scipys_wilson_interval():
    ann, bo, cy = control_accuracy(
        annotators=["Ann"] * 12 + ["Bo"] * 4 + ["Cy"],
        are_right=[1] * 9 + [0] * 3 + [1] * 3 + [NAN] * 2,
    )
    assert (ann.answered, ann.right, ann.accuracy, ann.caution) == (12, 9, 0.75, "")
    assert (ann.low, ann.high) == pytest.approx(wilson_of(9, 12))
    assert (bo.answered, bo.cannot_judge, bo.accuracy) == (3, 1, 1.0)
    assert (bo.low, bo.high) == pytest.approx(wilson_of(3, 3))
    assert bo.caution == "Too few to say: 3 control units."
    assert (cy.accuracy, cy.low, cy.cannot_judge) == (None, None, 1)
    assert cy.reason == "No control unit answered yet."
    (ten,) = control_accuracy(annotators=[1] * 10, are_right=[1] * 10)
    assert (ten.accuracy, ten.caution) == (1.0, "")
    (one,) = control_accuracy(annotators=[1], are_right=[0])
    assert (one.accuracy, one.caution) == (0.0, "Too few to say: 1 control unit.")


def test_columns_that_make_no_sense_are_refused():
    sides = {"annotators": [1], "is_first_left": [True]}
    for outcomes, complaint in (([1, 0], "differ in length"), ([0.3], "1, 0.5 or 0")):
        with pytest.raises(ValueError, match=complaint):
            side_balance(**sides, outcomes=outcomes)
    for answers, complaint in (([1, 0], "differ in length"), ([0.5], "right, 1, or wrong, 0")):
        with pytest.raises(ValueError, match=complaint):
            control_accuracy(annotators=[1], are_right=answers)
