"""Figures about each annotator: by definition in loops, and CR1 as statsmodels states it."""

import math

import krippendorff
import numpy as np
import pytest

from metrics.statistics.agreement import Answers, Level, SetDistance, Undefined, agreement
from metrics.statistics.agreement.annotators import agreeing, habits, option_rates, severity
from metrics.statistics.agreement.leaving_out import left_out
from metrics.statistics.groups import Groups
from tests.metrics.agreement.tables import NAN, columns, rated

GROUPS = np.tile(np.arange(60) // 4, 4)
TABLE = rated(units=60, annotators=4, missing=0.3)
TABLE[3] = np.minimum(TABLE[3] + 1, 4)


def read(table=TABLE, groups=GROUPS, **more):
    return Answers.of(**columns(table), groups=groups, **more)


def package(table, level):
    return krippendorff.alpha(table, level_of_measurement=level.value)


def beside(annotator, of_others, of_own=lambda own, _: own):
    """For each unit that others answered too: what the annotator has less what the others have."""
    for unit, answers in enumerate(TABLE.T):
        own, others = answers[annotator], np.delete(answers, annotator)
        others = others[~np.isnan(others)]
        if not math.isnan(own) and len(others):
            yield unit, of_own(own, others) - of_others(others)


def assert_averaged(found, rows):
    units, values = np.array(list(rows)).T
    assert found.units == len(values)
    assert found.value == pytest.approx(values.mean())
    groups = Groups.of(units.astype(int) // 4, len(units))
    error = groups.standard_error((values - values.mean()) / len(values))
    assert found.standard_error == pytest.approx(error)
    assert found.low < found.value < found.high


@pytest.mark.parametrize("annotator", range(4))
def test_severity_is_the_mean_difference_from_the_mean_of_the_others(annotator):
    found = severity(read(), width=4)[annotator]
    assert_averaged(found, beside(annotator, np.mean))
    assert found.annotator == annotator
    assert (found.low > 0.3) == (annotator == 3)


@pytest.mark.parametrize("annotator", range(4))
def test_options_are_chosen_more_or_less_often_than_by_the_others(annotator):
    rates = option_rates(read(), [0, 1, 2, 3, 4])
    found = rates[4][annotator]
    share = beside(annotator, lambda o: (o == 4).mean(), lambda own, _: float(own == 4))
    assert_averaged(found, share)
    assert sum(of_option[annotator].value for of_option in rates) == pytest.approx(0)


@pytest.mark.parametrize("annotator", range(4))
def test_the_share_that_agrees_is_that_of_the_others(annotator):
    found = agreeing(read())[annotator]
    alike = beside(annotator, lambda _: 0.0, lambda own, others: (others == own).mean())
    assert_averaged(found, alike)
    assert 0 < found.low < found.high < 1


@pytest.mark.parametrize("level", [Level.NOMINAL, Level.ORDINAL, Level.INTERVAL])
def test_alpha_without_one_is_alpha_of_the_others_and_so_is_its_jackknife(level):
    whole = agreement(**columns(TABLE), groups=GROUPS, level=level)
    for one in left_out(read(), level):
        others = np.delete(TABLE, one.annotator, axis=0)
        assert one.alpha == pytest.approx(package(others, level), abs=1e-9)
        assert one.difference == pytest.approx(one.alpha - whole.alpha)
        assert one.low < one.difference < one.high
    gone = left_out(read(), level)[3]
    keep = [np.delete(TABLE, range(4 * g, 4 * g + 4), axis=1) for g in range(15)]
    without = [package(left[:3], level) - package(left, level) for left in keep]
    center, error = gone.difference - 14 * (np.mean(without) - gone.difference), np.std(without)
    # Near the middle of so wide a range Fisher's z is nearly straight.
    assert (gone.high + gone.low) / 2 == pytest.approx(center, abs=0.005)
    assert (gone.high - gone.low) / 2 == pytest.approx(2.15 * error * math.sqrt(14), rel=0.3)


def test_who_shares_nothing_and_who_alone_makes_pairs_is_said_in_words():
    # 0 and 1 share units, 2 stands alone.
    table = [[1, 2, 1, NAN], [1, 1, 2, NAN], [NAN, NAN, NAN, 3]]
    answers = Answers.of(**columns(table))
    reasons = [one.undefined for one in left_out(answers, Level.NOMINAL)]
    assert reasons == [Undefined.NO_OTHERS, Undefined.NO_OTHERS, Undefined.ALONE]
    alone = severity(answers)[2]
    assert (alone.value, alone.undefined) == (None, Undefined.ALONE)
    assert alone.no_interval == Undefined.ALONE.sentence
    same = Answers.of(**columns([[1, 2, 1], [1, 1, 1], [1, 1, 1]]))
    assert left_out(same, Level.NOMINAL)[0].undefined is Undefined.NO_VARIATION


@pytest.mark.parametrize(
    ("table", "level", "why"),
    [
        ([[1, NAN]], Level.NOMINAL, Undefined.ONE_ANNOTATOR),
        ([[1, 1], [1, 1]], SetDistance.MASI, Undefined.NO_VARIATION),
        ([[-1, 1], [1, 1]], Level.RATIO, Undefined.NEGATIVE_VALUES),
    ],
)
def test_without_alpha_nobody_can_be_left_out(table, level, why):
    found = left_out(Answers.of(**columns(table)), level)
    assert [one.undefined for one in found] == [why] * len(table)


def test_too_many_values_for_a_ratio_leave_nobody_out(monkeypatch):
    monkeypatch.setattr("metrics.statistics.agreement.coincidences.MAX_DOMAIN", 3)
    assert left_out(read(), Level.RATIO)[0].undefined is Undefined.TOO_MANY_VALUES


def test_who_always_equals_the_others_has_an_interval_of_width():
    # Tenths leave rounding behind, which is no spread.
    answers = Answers.of(**columns(np.array([[0.1, 0.2, 0.3] * 20] * 4) * 10))
    unseen = 1 - 0.05 ** (1 / 60)
    mild, alike = severity(answers)[0], agreeing(answers)[0]
    assert (mild.value, mild.low, mild.high) == pytest.approx((0, -2 * unseen, 2 * unseen))
    assert (alike.value, alike.low, alike.high) == pytest.approx((1, 1 - unseen, 1))
    few = severity(Answers.of(**columns([[1, 2], [1, 2]]), groups=[0] * 4, are_clusters=True))
    assert few[0].no_interval == "An interval needs at least 10 clusters: there is 1."


def test_habits_follow_the_order_of_answering():
    found = habits(
        Answers.of(
            units=[0, 1, 2, 3, 4, 5, 0, 1],
            annotators=["Ann"] * 6 + ["Bo"] * 2,
            values=[4, 2, 4, 4, 1, 4, 3, NAN],
            order=[9, 8, 7, 6, 5, 4, 2, 3],
        )
    )
    ann, bo = found
    assert (ann.annotator, ann.answers, ann.longest_run, ann.run_of) == ("Ann", 6, 2, 4)
    assert (ann.usual, ann.usual_share) == (4, pytest.approx(4 / 6))
    assert (bo.annotator, bo.answers, bo.longest_run, bo.usual_share) == ("Bo", 1, 1, 1.0)


def test_nobody_has_figures_without_answers():
    nothing = Answers.of(units=[], annotators=[], values=[])
    assert (severity(nothing), agreeing(nothing), habits(nothing)) == ([], [], [])
