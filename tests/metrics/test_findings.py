"""The outcome rule, in its order."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.findings import Gaps, Outcome, decide, find_gaps, pairs_to_find
from metrics.statistics.pairs import Compared, compare
from metrics.statistics.yardstick import Column
from tests.metrics.shapes import (
    PENALTY,
    POINTS,
    RATIO,
    SHARE,
    YES_NO,
    binary_pairs,
    column,
    corpus,
)

NOTHING = Compared(
    baseline=0.5,
    candidate=0.5,
    gain=0.0,
    n=100,
    n_lost=10,
    n_won=10,
    clusters=None,
    low=-0.04,
    high=0.04,
    low90=-0.03,
    high90=0.03,
    p_value=0.9,
    standard_error=0.02,
)
LOSS = replace(NOTHING, gain=-0.1, low=-0.14, high=-0.06, low90=-0.13, high90=-0.07, p_value=0.001)
GAIN = replace(NOTHING, gain=0.1, low=0.06, high=0.14, low90=0.07, high90=0.13, p_value=0.001)


def test_the_published_answers_of_gsm8k_regressed():
    # openai/grade-school-math, 6b_verification against 175b_finetuning.
    compared = compare(*binary_pairs(both=306, lost=209, won=152, neither=652), YES_NO)
    assert decide(compared).outcome is Outcome.REGRESSED


@pytest.mark.parametrize(
    ("compared", "outcome"),
    [
        (LOSS, Outcome.REGRESSED),
        (GAIN, Outcome.IMPROVED),
        (NOTHING, Outcome.INSUFFICIENT_EVIDENCE),
    ],
)
def test_an_interval_on_one_side_of_zero_with_a_small_p_decides(compared, outcome):
    assert decide(compared).outcome is outcome


@pytest.mark.parametrize("compared", [LOSS, GAIN])
def test_under_twenty_pairs_nothing_is_decided(compared):
    decision = decide(replace(compared, n=19), margin=1.0)
    assert decision.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decision.reason == "19 pairs are too few: an outcome needs 20."
    assert decide(replace(compared, n=20)).outcome is not Outcome.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize("missing", ["low", "high", "p_value"])
def test_without_an_interval_or_a_p_nothing_is_decided(missing):
    undefined = replace(LOSS, **{missing: None}, reason="The metric is undefined on one side.")
    decision = decide(undefined)
    assert decision.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decision.reason == "The metric is undefined on one side."


@pytest.mark.parametrize("compared", [LOSS, GAIN])
def test_where_p_contradicts_the_interval_nothing_is_decided(compared):
    decision = decide(compared, p_adjusted=0.051)
    assert decision.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decision.reason == (
        "The interval leaves zero out, but p is above 0.05 among all the findings explored."
    )
    alone = decide(replace(compared, p_value=0.051))
    assert alone.reason == "The interval leaves zero out, but p is above 0.05."


@pytest.mark.parametrize("compared", [LOSS, GAIN])
def test_a_p_of_five_percent_is_small_enough(compared):
    assert decide(compared, p_adjusted=0.05).outcome is decide(compared).outcome


def test_a_small_p_without_the_interval_decides_nothing():
    decision = decide(replace(NOTHING, gain=-0.01, p_value=0.04))
    assert decision.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decision.reason == "p is at most 0.05, but the interval has room for zero."


def test_five_lost_of_a_hundred_and_none_won_are_such_a_case():
    # statsmodels' mcnemar(exact=True) halves to the mid-p of 1/32 here; Bonett & Price (2012)
    # have 0.049 ± 0.0492.
    compared = compare(*binary_pairs(both=95, lost=5), YES_NO)
    assert (compared.p_value, compared.p_exact) == pytest.approx((1 / 32, 1 / 16))
    assert compared.high > 0.0
    assert decide(compared).outcome is Outcome.INSUFFICIENT_EVIDENCE


def test_equivalence_needs_a_margin_and_the_90_percent_interval_within():
    assert decide(NOTHING, margin=0.031).outcome is Outcome.EQUIVALENT
    assert decide(NOTHING, margin=0.03).outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decide(replace(NOTHING, low90=-0.05), margin=0.04).outcome is not Outcome.EQUIVALENT
    unknown = replace(NOTHING, low90=None, high90=None)
    assert decide(unknown, margin=1.0).outcome is Outcome.INSUFFICIENT_EVIDENCE


def test_a_regression_inside_the_margin_is_a_regression_and_says_so():
    inside, outside = decide(LOSS, margin=0.2), decide(LOSS, margin=0.1)
    assert inside.outcome is outside.outcome is Outcome.REGRESSED
    assert (inside.is_within_margin, outside.is_within_margin) == (True, False)
    assert "smaller than the margin" in inside.reason


def test_identical_systems_are_equivalent_once_there_is_a_margin():
    same = column(np.linspace(0, 1, 300))
    compared = compare(same, same, SHARE)
    assert decide(compared).outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decide(compared, margin=0.02).outcome is Outcome.EQUIVALENT


def test_the_equivalence_test_is_two_one_sided_t_tests():
    rng = np.random.default_rng(4)
    before = rng.uniform(0.3, 0.6, 80)
    after = before + rng.normal(0.004, 0.05, 80)
    compared = compare(column(before), column(after), SHARE)
    for margin in (0.01, 0.013, 0.0135, 0.014, 0.02):
        above = stats.ttest_rel(after, before - margin, alternative="greater").pvalue
        below = stats.ttest_rel(after, before + margin, alternative="less").pvalue
        is_equivalent = decide(compared, margin=margin).outcome is Outcome.EQUIVALENT
        assert is_equivalent == (max(above, below) < 0.05)


# Gaps.


@pytest.mark.parametrize(
    ("baseline", "candidate", "matter"),
    [
        (0, 0, False),
        (10, 10, False),
        (50, 50, False),
        (51, 51, True),
        (0, 10, False),
        (0, 11, True),
    ],
)
def test_gaps_matter_when_large_or_uneven(baseline, candidate, matter):
    assert Gaps(pairs=1000, baseline=baseline, candidate=candidate).matter is matter


def test_there_are_no_gaps_without_pairs():
    assert not Gaps(pairs=0, baseline=0, candidate=0).matter


def test_gaps_that_cannot_turn_the_outcome_leave_it():
    before = column([0.0] * 190 + [math.nan] * 10)
    after = column([1.0] * 150 + [0.0] * 50)
    gaps = find_gaps(before, after, YES_NO)
    assert (gaps.pairs, gaps.baseline, gaps.candidate) == (200, 10, 0)
    assert gaps.best.gain == pytest.approx(0.75)
    assert gaps.worst.gain == pytest.approx(0.70)
    decision = decide(compare(before, after, YES_NO), gaps=gaps)
    assert decision.outcome is Outcome.IMPROVED
    assert decision.reason.endswith("However the gaps are filled.")


def test_gaps_that_could_turn_the_outcome_leave_it_open():
    before = column([1.0] * 20 + [0.0] * 80)
    after = column([math.nan] * 20 + [0.0] * 70 + [1.0] * 10)
    compared = compare(before, after, YES_NO)
    assert decide(compared).outcome is Outcome.IMPROVED
    decision = decide(compared, gaps=find_gaps(before, after, YES_NO))
    assert decision.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decision.reason.startswith("0 and 20 of 100 examples are unscored")


def test_gaps_are_filled_with_the_ends_of_the_range():
    before, after = column([5.0] * 30), column([4.0] * 27 + [math.nan] * 3)
    gaps = find_gaps(before, after, PENALTY)
    assert gaps.best.gain == pytest.approx((27 * 1 + 3 * 5) / 30)
    assert gaps.worst.gain == pytest.approx((27 * 1 - 3 * 20) / 30)


def test_each_unscored_attempt_is_filled():
    before = Column(values=np.full((20, 2), 0.5))
    after = Column(values=np.full((20, 2), 0.5))
    after.values[0, 1] = after.values[1] = math.nan
    gaps = find_gaps(before, after, SHARE, clusters=np.arange(20))
    assert (gaps.baseline, gaps.candidate) == (0, 2)
    assert gaps.best.gain == pytest.approx(3 * 0.5 / 40)
    assert gaps.best.clusters == 20


def test_a_system_gains_nothing_by_attempts_that_cannot_be_scored():
    honest = Column(values=np.tile([1.0, 0.0, 0.0], (60, 1)))
    hiding = Column(values=np.tile([1.0, math.nan, math.nan], (60, 1)))
    compared = compare(honest, hiding, SHARE)
    assert decide(compared).outcome is Outcome.IMPROVED

    gaps = find_gaps(honest, hiding, SHARE)

    assert (gaps.baseline, gaps.candidate) == (0, 60)
    assert decide(compared, gaps=gaps).outcome is Outcome.INSUFFICIENT_EVIDENCE


@pytest.mark.parametrize("yardstick", [POINTS, RATIO])
def test_what_has_no_range_or_no_mean_cannot_be_filled(yardstick):
    rows = [[1.0, 2.0]] * 40 if yardstick is RATIO else None
    before = column([0.5] * 40) if rows is None else corpus(rows)
    after = replace(before, values=before.values.copy())
    after.values[:10] = math.nan
    gaps = find_gaps(before, after, yardstick)
    assert (gaps.best, gaps.worst) == (None, None)
    decision = decide(GAIN, gaps=gaps)
    assert decision.outcome is Outcome.INSUFFICIENT_EVIDENCE
    assert decision.reason == (
        "0 and 10 of 40 examples are unscored on the two sides, and nothing bounds what they "
        "would have changed."
    )


def test_small_gaps_are_not_filled():
    gaps = find_gaps(column([1.0] * 100), column([1.0] * 100), YES_NO)
    assert (gaps.best, gaps.worst, gaps.matter) == (None, None, False)


def test_gaps_do_not_matter_where_nothing_was_decided():
    gaps = Gaps(pairs=100, baseline=0, candidate=30)
    assert decide(NOTHING, gaps=gaps) == decide(NOTHING)


# How many more.


def test_pairs_to_find_a_difference_are_those_of_the_power_of_a_normal_test():
    # (z.975 + z.80)² σ² / d²: statsmodels' NormalIndPower().solve_power for one sample.
    sigma, n = 0.2, 100
    reach = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    detectable = reach * sigma / math.sqrt(n)
    assert pairs_to_find(0.02, n=n, detectable=detectable) == math.ceil(
        (reach * sigma / 0.02) ** 2
    )
    assert pairs_to_find(5.0, n=n, detectable=detectable) == 20


def test_that_many_pairs_do_find_it_in_four_of_five_studies():
    rng = np.random.default_rng(11)
    first = compare(column(np.zeros(100)), column(rng.normal(0, 0.2, 100)), POINTS)
    n = pairs_to_find(0.03, n=100, detectable=first.detectable)
    zero = column(np.zeros(n))
    found = sum(
        decide(compare(zero, column(rng.normal(0.03, 0.2, n)), POINTS)).outcome is Outcome.IMPROVED
        for _ in range(400)
    )
    assert found / 400 == pytest.approx(0.8, abs=0.08)
