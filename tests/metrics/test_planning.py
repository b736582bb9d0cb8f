"""Plans against published sample sizes, simulated campaigns and published variance components."""

import math

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.components import Components, median_seconds, variance_components
from metrics.statistics.planning import (
    Assumptions,
    Effort,
    effort,
    examples_for_gain,
    examples_for_mean,
    gain_half_width,
    mean_half_width,
)

NAN = math.nan
LIKERT = Assumptions(low=1, high=5, spread=1.0, agreement=0.6, shared=0.7)
# Snedecor & Cochran (1967), p. 286: calcium in two samples of three leaves of each of four
# plants. SAS's PROC NESTED prints 0.365223, 0.161060 and 0.006654 for plant, leaf and sample.
CALCIUM = """3.28 3.09 3.52 3.48 2.88 2.80 2.46 2.44 1.87 1.92 2.19 2.19
2.77 2.66 3.74 3.44 2.55 2.55 3.78 3.87 4.07 4.12 3.31 3.31"""
# Davies & Goldsmith (1972): five yields of each of six batches of dyestuff. lme4 prints 1764 and
# 2451 for batch and residual.
YIELDS = """1545 1440 1440 1520 1580 1540 1555 1490 1560 1495 1595 1550 1605 1510 1560
1445 1440 1595 1465 1545 1595 1630 1515 1635 1625 1520 1455 1450 1480 1445"""


def simulated(assumed, *, examples, overlap, seed, campaigns=3_000):
    """The means of two runs in many campaigns whose answers are as assumed."""
    rng = np.random.default_rng(seed)
    own = rng.normal(0, 1, (2, campaigns, examples))
    common = rng.normal(0, 1, (campaigns, examples))
    shared = assumed.shared
    worth = math.sqrt(assumed.between) * (math.sqrt(shared) * common + math.sqrt(1 - shared) * own)
    noise = rng.normal(0, math.sqrt(assumed.within / overlap), worth.shape)
    return (worth + noise).mean(axis=2)


@pytest.mark.parametrize("overlap", [1, 3])
def test_half_widths_are_those_of_simulated_campaigns(overlap):
    means = simulated(LIKERT, examples=40, overlap=overlap, seed=overlap)
    t = stats.t.ppf(0.975, 39)
    found = mean_half_width(LIKERT, examples=40, overlap=overlap)
    assert found == pytest.approx(t * means[0].std(), rel=0.05)
    gain = gain_half_width(LIKERT, examples=40, overlap=overlap)
    assert gain == pytest.approx(t * (means[0] - means[1]).std(), rel=0.05)


def test_a_share_needs_the_published_number_of_examples():
    # Cochran, "Sampling Techniques" (1977), section 4.4: 384 for 5 points, 1,067 for 3, at 50 %,
    # by the normal distribution; t takes two more.
    half = Assumptions.of_yes_no(share=0.5, agreement=1.0)
    assert examples_for_mean(half, half_width=0.05, overlap=1) in range(385, 388)
    assert examples_for_mean(half, half_width=0.03, overlap=9) in range(1_067, 1_071)
    # Answers of people who do not agree at all count one by one.
    alone = Assumptions.of_yes_no(share=0.5, agreement=0.0)
    assert examples_for_mean(alone, half_width=0.05, overlap=4) in range(97, 100)


def test_the_number_of_examples_is_the_smallest_that_is_enough():
    for half_width in (0.07, 0.4, 2.5):
        for examples_for, width in (
            (examples_for_mean, mean_half_width),
            (examples_for_gain, gain_half_width),
        ):
            n = examples_for(LIKERT, half_width=half_width, overlap=2)
            assert width(LIKERT, examples=n, overlap=2) <= half_width
            fewer = width(LIKERT, examples=n - 1, overlap=2)
            assert fewer is None or fewer > half_width


def test_ties_make_a_share_of_wins_surer():
    # The variance of 1, 0.5 and 0 with chances 0.3, 0.6 and 0.1, written out.
    outcomes, chances = np.array([1, 0.5, 0]), np.array([0.3, 0.6, 0.1])
    share = float(outcomes @ chances)
    assumed = Assumptions.of_preferences(agreement=0.4, share=share, ties=0.6)
    assert assumed.spread == pytest.approx(math.sqrt((outcomes - share) ** 2 @ chances))
    assert Assumptions.of_preferences(agreement=0.4).spread == 0.5


def test_a_plan_has_its_assumptions_to_show():
    assert LIKERT.spread_share == 0.25
    assert (LIKERT.between, LIKERT.within) == pytest.approx((0.6, 0.4))
    assert mean_half_width(LIKERT, examples=1, overlap=3) is None
    # Never wider than the scale.
    assert mean_half_width(LIKERT, examples=2, overlap=1) == 4


def test_work_is_units_times_overlap_times_seconds():
    found = effort(units=1_200, overlap=3, seconds=30, hours_each=10)
    assert found == Effort(answers=3_600, hours=30.0, people=3)
    assert effort(units=1_200, overlap=3, seconds=31, hours_each=10).people == 4
    assert effort(units=2, overlap=5, seconds=30, hours_each=10).people == 5
    # 0.1 + 0.2 of an hour is no fourth person.
    assert effort(units=3, overlap=1, seconds=360, hours_each=0.1).people == 3


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Assumptions(low=5, high=1, spread=1, agreement=0.5), "is empty"),
        (lambda: Assumptions(low=1, high=5, spread=0, agreement=0.5), "half the scale"),
        (lambda: Assumptions(low=1, high=5, spread=2.1, agreement=0.5), "half the scale"),
        (lambda: Assumptions(low=1, high=5, spread=1, agreement=1.1), "from 0 to 1"),
        (lambda: Assumptions.of_yes_no(share=1.0, agreement=0.5), "between 0 and 1"),
        (lambda: Assumptions.of_preferences(agreement=0.5, ties=1.1), "half the ties"),
        (lambda: mean_half_width(LIKERT, examples=9, overlap=0), "one person at least"),
        (lambda: examples_for_mean(LIKERT, half_width=0, overlap=1), "above 0"),
        (lambda: effort(units=0, overlap=1, seconds=1, hours_each=1), "above 0"),
        (lambda: effort(units=1, overlap=1, seconds=0, hours_each=1), "above 0"),
    ],
)
def test_what_cannot_be_assumed_is_refused(make, complaint):
    with pytest.raises(ValueError, match=complaint):
        make()


# What a past campaign says.


def read(text):
    return np.array(text.split(), dtype=float)


def test_the_published_components_of_three_levels():
    units = np.repeat(np.arange(12), 2)
    found = variance_components(values=read(CALCIUM), units=units, examples=units // 3)
    assert found.example == pytest.approx(0.365223, abs=5e-7)
    assert found.unit == pytest.approx(0.161060, abs=5e-7)
    assert found.answer == pytest.approx(0.006654, abs=5e-7)
    assert found.shared == pytest.approx(0.365223 / 0.526283, abs=1e-5)
    # SAS prints 1.2486 % for the samples.
    assert found.agreement == pytest.approx(1 - 0.012486, abs=1e-6)
    assert found.note == ""


def test_the_published_components_of_two_levels():
    units = np.repeat(np.arange(6), 5)
    found = variance_components(values=read(YIELDS), units=units, examples=units)
    assert (found.unit, found.answer) == pytest.approx((1764, 2451), abs=0.5)
    assert (found.example, found.shared) == (None, None)
    assert found.spread == pytest.approx(math.sqrt(1764 + 2451), abs=0.01)


@pytest.mark.parametrize("with_units", [True, False])
def test_components_of_uneven_campaigns_are_right_on_average(with_units):
    rng = np.random.default_rng(7)
    units_of, answers_of = [1, 2, 3, 4, 2, 3] * 3, [1, 2, 3, 5] * 11 + [2]
    examples = np.repeat(np.arange(18), units_of) if with_units else np.arange(45)
    units = np.repeat(np.arange(45), answers_of)
    found = []
    for _ in range(300):
        worth = rng.normal(0, 1.5, 18)[examples] if with_units else np.zeros(45)
        worth = worth + rng.normal(0, 2, 45)
        values = worth[units] + rng.normal(0, 1, len(units))
        found.append(variance_components(values=values, units=units, examples=examples[units]))
    parts = np.array([[one.example or 0.0, one.unit, one.answer] for one in found])
    expected = [2.25 if with_units else 0.0, 4.0, 1.0]
    allowance = 3 * parts.std(axis=0) / math.sqrt(len(found)) + 1e-12
    assert (np.abs(parts.mean(axis=0) - expected) <= allowance).all()


def test_a_share_below_zero_is_said_in_words():
    same = variance_components(
        values=[1, 5, 5, 1, 1, 5, 3, 3],
        units=[0, 0, 1, 1, 2, 2, 3, 3],
        examples=[0, 0, 0, 0, 1, 1, 1, 1],
    )
    assert (same.example, same.unit, same.agreement, same.shared) == (0, 0, 0, None)
    assert same.note.startswith("The variance between units")
    alone = variance_components(values=[1, 5, 5, 1], units=[0, 0, 1, 1], examples=[0, 0, 1, 1])
    assert alone.note.startswith("The variance between units came out below 0")


@pytest.mark.parametrize(
    ("values", "units", "examples", "why"),
    [
        ([], [], [], "No unit has two answers"),
        ([1, 2, NAN], [1, 2, 2], [1, 2, 2], "No unit has two answers"),
        ([1, 2], [1, 1], [1, 1], "one unit"),
        ([3, 3, 3], [1, 1, 2], [1, 1, 2], "the same"),
        ([1, 2, 3], [1, 1, 2], [1, 1, 1], "one example"),
    ],
)
def test_what_a_campaign_cannot_tell_is_said_in_words(values, units, examples, why):
    assert why in variance_components(values=values, units=units, examples=examples)


def test_order_changes_no_bit_and_lengths_must_match():
    rng = np.random.default_rng(8)
    columns = {
        "values": rng.normal(size=60),
        "units": np.repeat(np.arange(20), 3),
        "examples": np.repeat(np.arange(10), 6),
    }
    order = rng.permutation(60)
    shuffled = {name: column[order] for name, column in columns.items()}
    assert variance_components(**shuffled) == variance_components(**columns)
    with pytest.raises(ValueError, match="differ in length"):
        variance_components(values=[1], units=[1, 2], examples=[1, 2])


def test_measured_numbers_make_a_plan():
    measured = Components(example=0.3, unit=0.3, answer=0.4)
    assumed = Assumptions.measured(measured, low=1, high=5)
    assert (assumed.spread, assumed.agreement, assumed.shared) == pytest.approx((1.0, 0.6, 0.5))
    wide = Assumptions.measured(Components(example=None, unit=9, answer=1), low=1, high=5)
    assert (wide.spread, wide.shared) == (2.0, 0.5)
    assert median_seconds([30, NAN, 10, 90]) == 30
    assert median_seconds([NAN]) is None
