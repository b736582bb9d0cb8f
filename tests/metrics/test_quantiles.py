"""Quantiles: values by numpy, ranks by scipy and published tables, and paired differences."""

import math

import numpy as np
import pytest
from scipy import stats

from metrics.averages import quantile_of
from metrics.base import Family
from metrics.statistics.findings import find_gaps
from metrics.statistics.groups import Groups
from metrics.statistics.intervals import Interval, NoInterval, estimate
from metrics.statistics.pairs import compare
from metrics.statistics.quantiles import (
    ALIKE,
    binomial_ranks,
    example_influences,
    order_statistics,
    too_few_for,
)
from metrics.statistics.yardstick import Column, Yardstick

MEDIAN = Yardstick(family=Family.QUANTILE, level=0.5)
P90 = Yardstick(family=Family.QUANTILE, level=0.9, higher_is_better=False)


def column(values):
    return Column(values=np.asarray(values, dtype=np.float64))


def waiting(rng, n, *, attempts=1):
    return np.exp(rng.normal(6, 0.5, size=(n, attempts) if attempts > 1 else n))


def test_a_quantile_is_numpys_over_what_is_there():
    values = np.array([5.0, 1.0, math.nan, 4.0, 2.0])

    assert quantile_of(values, 0.5) == 3.0
    assert quantile_of(values, 0.9) == np.quantile([1, 2, 4, 5], 0.9)
    assert math.isnan(quantile_of(np.array([math.nan]), 0.5))


@pytest.mark.parametrize(
    ("n", "ranks"), [(10, (2, 9)), (20, (6, 15)), (25, (8, 18)), (50, (18, 33)), (100, (40, 61))]
)
def test_the_ranks_of_a_median_are_the_published_ones(n, ranks):
    # Conover, "Practical Nonparametric Statistics", and any table of the sign test at 5 %.
    assert binomial_ranks(n, 0.5, 0.05) == ranks


@pytest.mark.parametrize(("n", "level"), [(12, 0.5), (60, 0.9), (500, 0.99), (100_000, 0.95)])
def test_ranks_hold_the_quantile_as_often_as_they_promise(n, level):
    low, high = binomial_ranks(n, level, 0.05)
    below = stats.binom(n, level)

    assert below.cdf(high - 1) - below.cdf(low - 1) >= 0.95
    assert below.cdf(low - 1) <= 0.025
    assert below.sf(high - 1) <= 0.025


def test_a_run_has_the_order_statistics_at_its_ranks_for_an_interval():
    values = np.random.default_rng(1).permutation(np.arange(1.0, 101.0))
    found = estimate(column(values), MEDIAN)

    assert found.value == 50.5
    assert found.interval == Interval(low=40.0, high=61.0, method="order statistics")


@pytest.mark.parametrize(("level", "needed"), [(0.5, 10), (0.9, 50), (0.95, 100), (0.99, 500)])
def test_far_out_quantiles_need_more_outputs(level, needed):
    assert too_few_for(level, needed) == ""
    assert f"at least {needed} outputs; there are {needed - 1}" in too_few_for(level, needed - 1)

    rng = np.random.default_rng(2)
    yardstick = Yardstick(family=Family.QUANTILE, level=level)
    few = estimate(column(waiting(rng, needed - 1)), yardstick)
    enough = estimate(column(waiting(rng, needed)), yardstick)

    assert few.value is not None
    assert isinstance(few.interval, NoInterval)
    assert isinstance(enough.interval, Interval)
    assert enough.interval.low < enough.value < enough.interval.high


def test_outputs_that_are_all_alike_show_no_spread():
    found = estimate(column([3.0] * 50), MEDIAN)

    assert found.interval == NoInterval(reason=ALIKE)
    assert compare(column([3.0] * 50), column([4.0] * 50), MEDIAN).reason == ALIKE


def test_values_of_one_cluster_widen_the_interval():
    rng = np.random.default_rng(3)
    clusters = np.repeat(np.arange(40), 10)
    values = rng.normal(size=40)[clusters] + 0.2 * rng.normal(size=400)
    alone = estimate(column(values), MEDIAN).interval
    together = estimate(column(values), MEDIAN, clusters=clusters).interval

    assert together.method == "order statistics over 40 clusters"
    assert together.high - together.low > 1.5 * (alone.high - alone.low)


def test_clusters_that_repeat_one_value_count_once():
    clusters = np.repeat(np.arange(40), 10)
    same_shares = np.tile(np.arange(10.0), 40)
    groups = Groups.of(clusters, 400)

    low, high = order_statistics(same_shares, 0.5, groups, alpha=0.05)
    assert low < 4.5 < high


def test_few_clusters_cannot_bound_a_far_quantile():
    clusters = np.repeat(np.arange(11), 500)
    values = np.arange(5_500.0)
    groups = Groups.of(clusters, 5_500)

    said = order_statistics(values, 0.3, groups, alpha=0.05)
    assert "needs at least 17 outputs; there are" in said


def test_few_outputs_may_not_be_bounded_on_both_sides():
    said = order_statistics(np.arange(12.0), 0.5, Groups.of(None, 12), alpha=1e-6)

    assert said == "12 outputs are too few to bound this quantile on both sides."


def test_attempts_count_one_by_one_and_hang_together():
    rng = np.random.default_rng(4)
    values = waiting(rng, 100, attempts=3)
    values[5, 1] = math.nan
    found = estimate(column(values), P90)

    assert found.value == np.nanquantile(values, 0.9)
    assert found.n == 299
    assert found.interval.method == "order statistics over 100 clusters"
    clusters = np.where(np.arange(100) < 50, np.arange(100) // 5, -1)
    assert estimate(column(values), P90, clusters=clusters).clusters == 60


def test_a_clear_slowdown_is_found_and_none_where_there_is_none():
    rng = np.random.default_rng(5)
    base = rng.normal(6, 0.5, size=400)
    fast, same = (np.exp(base + 0.2 * rng.normal(size=400)) for _ in range(2))

    slower = compare(column(fast), column(1.4 * same), P90)
    equal = compare(column(fast), column(same), P90)

    assert slower.method == "paired quantiles"
    assert slower.gain < 0
    assert slower.high < 0
    assert slower.p_value < 0.01
    assert equal.low < 0 < equal.high
    assert equal.p_value > 0.05


def test_the_error_of_a_difference_is_that_of_the_bootstrap():
    rng = np.random.default_rng(6)
    base = rng.normal(size=1_000)
    before, after = (base + rng.normal(size=1_000) for _ in range(2))
    drawn = []
    for _ in range(800):
        rows = rng.integers(1_000, size=1_000)
        drawn.append(np.median(after[rows]) - np.median(before[rows]))

    found = compare(column(before), column(after), MEDIAN)

    assert found.standard_error == pytest.approx(np.std(drawn), rel=0.2)


def test_identical_systems_differ_by_nothing():
    values = waiting(np.random.default_rng(7), 200)
    bounded = Yardstick(family=Family.QUANTILE, level=0.5, low=0.0, high=10_000.0)

    assert compare(column(values), column(values), MEDIAN).p_value == 1.0
    found = compare(column(values), column(values), bounded)
    assert found.p_value == 1.0
    assert found.low < 0 < found.high


def test_moving_every_output_alike_shows_no_variation():
    values = waiting(np.random.default_rng(9), 200)

    found = compare(column(values), column(values + 1_000.0), MEDIAN)
    assert found.gain == pytest.approx(1_000.0)
    assert found.low is None
    assert "All pairs differ by the same amount" in found.reason


def test_few_pairs_are_not_compared():
    rng = np.random.default_rng(10)
    found = compare(column(waiting(rng, 30)), column(waiting(rng, 30)), P90)

    assert found.p_value is None
    assert "at least 50 outputs" in found.reason


def test_attempts_of_one_example_move_together():
    values = waiting(np.random.default_rng(11), 60, attempts=2)
    values[3] = math.nan
    moves = example_influences(values, 0.5)

    assert moves.shape == (60,)
    assert moves.sum() == pytest.approx(0, abs=1e-9)


def test_gaps_of_a_quantile_are_not_filled():
    values = waiting(np.random.default_rng(12), 100)
    holes = np.where(np.arange(100) < 30, np.nan, values)
    bounded = Yardstick(family=Family.QUANTILE, level=0.5, low=0.0, high=1e6)

    gaps = find_gaps(column(values), column(holes), bounded)
    assert gaps.matter
    assert gaps.best is None


@pytest.mark.parametrize(
    "made",
    [
        {"family": Family.QUANTILE},
        {"family": Family.QUANTILE, "level": 1.0},
        {"family": Family.MEAN, "level": 0.5},
    ],
)
def test_only_a_quantile_has_a_level(made):
    with pytest.raises(ValueError, match="A quantile, and no other"):
        Yardstick(**made)
