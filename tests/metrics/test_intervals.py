"""Intervals of a run's value, against scipy.stats and formulas written out."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metrics.base import Family
from metrics.rows import Rows
from metrics.statistics.groups import Groups
from metrics.statistics.influence import influences
from metrics.statistics.intervals import Interval, NoInterval, estimate, weighted_sums, wilson
from metrics.statistics.yardstick import Column, Yardstick
from tests.metrics.shapes import (
    ERRORS,
    MICRO_F1,
    PENALTY,
    POINTS,
    RATIO,
    SHARE,
    YES_NO,
    column,
    corpus,
    ratio_rows,
)

CLUSTERED = np.repeat(np.arange(12), 5)


def test_a_mean_has_students_interval():
    values = np.random.default_rng(1).normal(10, 3, size=41)
    found = estimate(column(values), POINTS)
    expected = stats.ttest_1samp(values, 0).confidence_interval()
    assert found.value == pytest.approx(values.mean())
    assert (found.interval.low, found.interval.high) == pytest.approx(tuple(expected), rel=1e-9)
    assert (found.interval.method, found.n, found.clusters) == ("t", 41, None)


def test_an_interval_ends_where_the_range_ends():
    found = estimate(column([0.0, 1.0, 1.0, 1.0]), SHARE)
    assert found.interval.high == 1.0
    assert 0.0 <= found.interval.low < 0.75


def test_a_proportion_has_wilsons_interval():
    # Wilson (1927), 15 of 20; scipy.stats.binomtest gives the same.
    found = estimate(column([1.0] * 15 + [0.0] * 5), YES_NO).interval
    assert (found.low, found.high) == pytest.approx((0.5312991223812559, 0.8881382985923344))
    assert found.method == "Wilson"


@given(n=st.integers(2, 400), data=st.data())
def test_wilson_equals_scipys(n, data):
    x = data.draw(st.integers(0, n))
    expected = stats.binomtest(x, n).proportion_ci(method="wilson")
    low, high = wilson(x / n, n, z=stats.norm.ppf(0.975))
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=1e-12)
    assert low <= x / n <= high
    assert low < high


def test_clusters_widen_an_interval_to_what_they_are_worth():
    rng = np.random.default_rng(2)
    values = (rng.random(12)[CLUSTERED] + rng.normal(0, 0.02, 60)).clip(0, 1)
    found = estimate(column(values), SHARE, clusters=CLUSTERED)
    residual = np.bincount(CLUSTERED, weights=values - values.mean())
    error = math.sqrt(12 / 11 * (residual**2).sum()) / 60
    reach = stats.t.ppf(0.975, 11) * error
    assert found.interval.low == pytest.approx(values.mean() - reach, rel=1e-9)
    assert found.interval.method == "t over 12 clusters"
    assert found.clusters == 12
    alone = estimate(column(values), SHARE).interval
    assert found.interval.high - found.interval.low > 1.5 * (alone.high - alone.low)


def test_a_clustered_proportion_has_wilsons_interval_of_its_effective_number():
    repeated = column(np.repeat([1.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0], 5))
    found = estimate(repeated, YES_NO, clusters=CLUSTERED).interval
    # Five copies of twelve answers are worth twelve answers: CR1 leaves n_eff = 11, and the
    # t quantile takes its toll (Korn & Graubard, 1998).
    shrink = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 11)) ** 2
    expected = wilson(0.75, 11 * shrink, z=stats.norm.ppf(0.975))
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.method == "Wilson over 12 clusters"


def test_clusters_never_make_a_proportion_surer_than_its_examples():
    balanced = column([1.0, 0.0] * 12)
    found = estimate(balanced, YES_NO, clusters=np.repeat(np.arange(12), 2)).interval
    alone = estimate(balanced, YES_NO).interval
    assert (found.low, found.high) == (alone.low, alone.high)


def test_clusters_that_seem_to_cost_nothing_still_have_few_degrees_of_freedom():
    # Twelve clusters with a little less spread than chance would give; but that spread is known
    # from twelve clusters only.
    counts = [5, 10, 6, 9, 7, 8, 7, 8, 7, 8, 7, 8]
    values = np.array([[1.0] * right + [0.0] * (10 - right) for right in counts]).ravel()
    clusters = np.repeat(np.arange(12), 10)
    share = values.mean()
    sums = np.bincount(clusters, weights=values - share)
    variance = 12 / 11 * (sums**2).sum() / 120**2
    shrink = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 11)) ** 2
    n_effective = share * (1 - share) / variance * shrink
    assert 120 * shrink < n_effective < 120
    found = estimate(column(values), YES_NO, clusters=clusters).interval
    expected = wilson(share, n_effective, z=stats.norm.ppf(0.975))
    assert (found.low, found.high) == pytest.approx(expected)


def test_where_all_clusters_agree_each_counts_once():
    found = estimate(column([1.0] * 60), YES_NO, clusters=CLUSTERED).interval
    shrink = (stats.norm.ppf(0.975) / stats.t.ppf(0.975, 11)) ** 2
    assert found.low == pytest.approx(wilson(1.0, 12 * shrink, z=stats.norm.ppf(0.975))[0])
    assert found.high == 1.0


def test_under_ten_clusters_a_sentence_stands_instead():
    found = estimate(column([0.1, 0.9] * 9), SHARE, clusters=np.repeat(np.arange(9), 2))
    assert isinstance(found.interval, NoInterval)
    assert "only 9 clusters" in found.interval.reason
    assert found.value == pytest.approx(0.5)


def test_ten_clusters_are_enough():
    found = estimate(column([0.1, 0.9] * 10), SHARE, clusters=np.arange(20) % 10)
    assert (found.interval.method, found.clusters) == ("t over 10 clusters", 10)


def test_rows_without_a_cluster_stand_alone():
    assert len(Groups.of(np.array([3, 3, 1, -1, -1]), 5)) == 4


def test_one_example_has_a_value_and_no_interval():
    found = estimate(column([0.4, math.nan]), SHARE)
    assert (found.value, found.n) == (0.4, 1)
    assert found.interval == NoInterval(reason="An interval needs at least 2 examples.")


def test_nothing_scored_has_no_value():
    found = estimate(column([math.nan]), SHARE)
    assert (found.value, found.n) == (None, 0)
    assert found.interval == NoInterval(reason="No example is scored.")


def test_an_undefined_corpus_has_no_value():
    found = estimate(corpus([[0, 0], [0, 0]]), RATIO)
    assert found.value is None
    assert found.interval == NoInterval(reason="The value is undefined.")


def test_unscored_examples_are_left_out_with_their_clusters():
    values = np.array([0.1, 0.9, math.nan] * 12)
    clusters = np.repeat(np.arange(12), 3)
    kept = ~np.isnan(values)
    assert estimate(column(values), SHARE, clusters=clusters) == estimate(
        column(values[kept]), SHARE, clusters=clusters[kept]
    )


def test_a_binary_metric_with_attempts_is_continuous():
    attempts = Column(values=np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]))
    assert estimate(attempts, YES_NO).interval.method == "t"


def test_without_variation_the_rule_of_three_stands_in():
    # With no event among n the 95 % bound is 1 - 0.05^(1/n): Hanley & Lippman-Hand (1983).
    found = estimate(column([1.0] * 100), SHARE).interval
    assert (found.low, found.high) == (pytest.approx(0.05 ** (1 / 100)), 1.0)
    assert found.method == "rule of three, no variation in 100"
    inside = estimate(column([5.0] * 100), PENALTY).interval
    unseen = 1 - 0.05 ** (1 / 100)
    assert (inside.low, inside.high) == pytest.approx((5 - 5 * unseen, 5 + 20 * unseen))


def test_rounding_is_not_variation():
    values = [0.1 + 0.2, 0.3] * 20
    assert "rule of three" in estimate(column(values), SHARE).interval.method


def test_variation_is_not_rounding_however_small():
    found = estimate(column([0.5, 0.5001] * 20), SHARE).interval
    assert found.method == "t"
    assert found.high - found.low < 1e-4


def test_without_variation_and_range_there_is_no_interval():
    found = estimate(column([3.0] * 50), POINTS)
    assert isinstance(found.interval, NoInterval)
    assert "no range" in found.interval.reason


def test_influences_of_a_ratio_are_its_linearization():
    rows = ratio_rows(np.random.default_rng(3), 50)
    above, below = rows.T
    ratio = above.sum() / below.sum()
    expected = (above - ratio * below) / below.sum()
    np.testing.assert_allclose(
        influences(Rows.of(rows), RATIO), expected - expected.mean(), atol=1e-11
    )


def test_a_statistic_that_is_always_zero_moves_nothing():
    rows = np.array([[2.0, 1.0, 0.0], [3.0, 4.0, 0.0], [5.0, 1.0, 0.0]])
    assert np.isfinite(influences(Rows.of(rows), MICRO_F1)).all()


def test_a_large_corpus_has_the_delta_methods_interval():
    rows = ratio_rows(np.random.default_rng(4), 300)
    found = estimate(corpus(rows), RATIO)
    above, below = rows.T
    ratio = above.sum() / below.sum()
    # The ratio estimator of survey sampling: Cochran, "Sampling Techniques", chapter 6.
    error = math.sqrt(300 / 299 * ((above - ratio * below) ** 2).sum()) / below.sum()
    reach = stats.t.ppf(0.975, 299) * error
    assert found.interval.low == pytest.approx(ratio - reach, rel=1e-6)
    assert found.interval.high == pytest.approx(ratio + reach, rel=1e-6)
    assert found.interval.method == "delta method"


def test_a_small_corpus_is_resampled_from_its_seed():
    rows = ratio_rows(np.random.default_rng(5), 80)
    found = estimate(corpus(rows), RATIO, seed=1).interval
    again = estimate(corpus(rows), RATIO, seed=1).interval
    other = estimate(corpus(rows), RATIO, seed=2).interval
    assert found == again
    assert found != other
    expected = stats.bootstrap(
        (rows[:, 0], rows[:, 1]),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.003)
    assert found.method == "10,000 seeded resamples"


def test_resampling_and_the_delta_method_agree_on_one_corpus():
    rows = ratio_rows(np.random.default_rng(6), 200)
    delta = estimate(corpus(rows), RATIO).interval
    resampled = estimate(corpus(rows[:199]), RATIO).interval
    assert (delta.method, resampled.method) == ("delta method", "10,000 seeded resamples")
    assert delta.high - delta.low == pytest.approx(resampled.high - resampled.low, rel=0.1)


def test_whole_clusters_are_resampled():
    rows = np.repeat(ratio_rows(np.random.default_rng(7), 40), 6, axis=0)
    clusters = np.repeat(np.arange(40), 6)
    found = estimate(corpus(rows), RATIO, clusters=clusters, seed=9).interval
    alone = estimate(corpus(rows[::6]), RATIO, seed=9).interval
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high))
    assert found.method == "10,000 seeded resamples over 40 clusters"


def test_a_large_clustered_corpus_has_the_delta_method_over_clusters():
    rows = np.repeat(ratio_rows(np.random.default_rng(8), 250), 2, axis=0)
    found = estimate(corpus(rows), RATIO, clusters=np.repeat(np.arange(250), 2)).interval
    alone = estimate(corpus(rows[::2]), RATIO).interval
    assert (found.low, found.high) == pytest.approx((alone.low, alone.high), rel=1e-9)
    assert found.method == "delta method over 250 clusters"


@pytest.mark.parametrize("n", [50, 250])
def test_a_perfect_corpus_has_the_rule_of_three(n):
    rows = np.array([[10.0, 10.0], [20.0, 20.0]] * (n // 2))
    found = estimate(corpus(rows), RATIO).interval
    assert (found.low, found.high) == (pytest.approx(0.05 ** (1 / n), rel=1e-6), 1.0)


def test_a_corpus_that_is_often_undefined_has_no_interval():
    rows = np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    found = estimate(corpus(rows), RATIO)
    assert found.value == pytest.approx(0.5)
    assert isinstance(found.interval, NoInterval)
    assert "of 10,000 resamples" in found.interval.reason


def test_more_undefined_resamples_than_an_end_leaves_out_are_too_many():
    # Three of ten rows count: 0.7^10 = 2.8 % of the resamples have none of them.
    found = estimate(corpus([[1.0, 2.0], [1.0, 3.0], [2.0, 2.0]] + [[0.0, 0.0]] * 7), RATIO)
    assert isinstance(found.interval, NoInterval)
    # Four of ten: 0.6^10 = 0.6 %.
    found = estimate(corpus([[1.0, 2.0], [1.0, 3.0]] * 2 + [[0.0, 0.0]] * 6), RATIO)
    assert isinstance(found.interval, Interval)


def test_an_interval_holds_its_value_where_every_resample_lies_above():
    imbalance = Yardstick(
        family=Family.CORPUS, low=0.0, high=1.0, values_of=lambda totals: abs(totals[..., 0])
    )
    rows = np.random.default_rng(10).normal(size=(60, 1)) / 100
    found = estimate(corpus(rows - rows.mean()), imbalance)
    assert found.value == pytest.approx(0.0, abs=1e-12)
    assert found.interval.low == found.value < found.interval.high


def test_a_corpus_metric_may_have_no_range():
    found = estimate(corpus(ratio_rows(np.random.default_rng(9), 250)), ERRORS).interval
    assert isinstance(found, Interval)
    flat = estimate(corpus([[1.0, 2.0]] * 250), ERRORS).interval
    assert isinstance(flat, NoInterval)


unit_values = st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), min_size=2, max_size=40)


@given(values=unit_values)
def test_no_interval_has_width_zero_and_each_holds_its_value(values):
    found = estimate(column(values), SHARE)
    assert found.interval.low < found.interval.high
    assert 0.0 <= found.interval.low <= found.value <= found.interval.high <= 1.0


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(4, 9)), min_size=2, max_size=12))
def test_no_corpus_interval_has_width_zero(rows):
    found = estimate(corpus(rows), RATIO)
    assert found.interval.low < found.interval.high
    assert found.interval.low <= found.value <= found.interval.high


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e13, 0.1])
def test_weighted_sums_are_exact_where_whole_numbers_are_added(scale):
    rng = np.random.default_rng(3)
    rows = np.round(rng.integers(-50, 50, size=(60, 5)) * scale, 3)
    weights = rng.integers(0, 4, size=(30, 60))
    exact = [
        [math.fsum(w * x for w, x in zip(row, column, strict=True)) for column in rows.T.tolist()]
        for row in weights.tolist()
    ]
    found = weighted_sums(weights, rows)
    if scale >= 1.0:
        assert found.tolist() == exact
    else:
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-9)
