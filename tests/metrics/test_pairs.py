"""The paired comparison, against published tables, scipy.stats and enumeration."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from metrics.statistics.pairs import compare
from metrics.statistics.yardstick import Column
from tests.metrics.shapes import (
    ERRORS,
    MICRO_F1,
    PENALTY,
    POINTS,
    RATIO,
    SHARE,
    YES_NO,
    binary_pairs,
    column,
    corpus,
    ratio_rows,
)

YARDSTICKS_OF_CORPORA = [RATIO, ERRORS]


def noisy(n, *, gain=0.0, seed=0):
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.2, 0.7, size=n)
    return column(before), column(before + rng.normal(gain, 0.1, size=n))


def similar_corpora(n, *, level=0.5, seed=0):
    """Two systems over the same references, the candidate near `level`."""
    rng = np.random.default_rng(seed)
    before = ratio_rows(rng, n)
    share = np.clip(rng.normal(level, 0.2, size=n), 0, 1)
    after = np.column_stack([np.round(share * before[:, 1]), before[:, 1]])
    return corpus(before), corpus(after)


# Binary: McNemar.


def test_the_published_answers_of_gsm8k():
    # openai/grade-school-math, 6b_verification against 175b_finetuning, marked by the authors.
    before, after = binary_pairs(both=306, lost=209, won=152, neither=652)
    found = compare(before, after, YES_NO)
    assert (found.n, found.n_lost, found.n_won) == (1319, 209, 152)
    assert (found.baseline, found.candidate) == pytest.approx((0.390447, 0.347233), abs=5e-7)
    assert found.gain == pytest.approx(-57 / 1319)
    assert (found.low, found.high) == pytest.approx((-0.0714, -0.0151), abs=6e-5)
    assert found.p_exact == pytest.approx(0.00315, abs=5e-6)
    assert found.p_value == pytest.approx(0.00269, abs=5e-6)
    assert found.method == "McNemar mid-p, Wald interval"


def test_the_published_answers_of_cavo_2012():
    # Complete response before and after therapy (Cavo et al., 2012), in Fagerland, Lydersen &
    # Laake, "Statistical Analysis of Contingency Tables", chapter 8; numbers from the tests of
    # its R package contingencytables.
    before, after = binary_pairs(both=59, lost=6, won=16, neither=80)
    found = compare(before, after, YES_NO)
    assert found.p_value == pytest.approx(0.034690, abs=5e-7)
    assert found.p_exact == pytest.approx(0.052479, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((0.0032, 0.1195), abs=5e-5)
    assert found.method == "McNemar mid-p, Bonett–Price interval"


@given(lost=st.integers(0, 60), won=st.integers(0, 60), same=st.integers(0, 100))
def test_mcnemars_p_is_that_of_the_binomial_test(lost, won, same):
    before, after = binary_pairs(both=same + 2, lost=lost, won=won)
    found = compare(before, after, YES_NO)
    tosses = lost + won
    exact = stats.binomtest(lost, tosses).pvalue if tosses else 1.0
    fewer = min(lost, won)
    mid = 2 * stats.binom.cdf(fewer, tosses, 0.5) - stats.binom.pmf(fewer, tosses, 0.5)
    assert found.p_exact == pytest.approx(exact)
    assert found.p_value == (1.0 if lost == won else pytest.approx(mid))
    assert found.low < found.high


@pytest.mark.no_cover
def test_mid_p_and_interval_differ_only_near_the_line():
    """They are two methods; the outcome rule asks both, and here is how rarely it matters."""
    contradictions = []
    for lost in range(61):
        for won in range(lost):
            for n in (lost + won, 2 * (lost + won), 10 * (lost + won), 1000):
                before, after = binary_pairs(both=max(0, n - lost - won), lost=lost, won=won)
                found = compare(before, after, YES_NO) if len(before.values) > 1 else None
                if found and (found.p_value <= 0.05) != (found.high < 0):
                    contradictions.append(found.p_value)
    assert len(contradictions) < 0.03 * 4 * 61 * 60 / 2
    assert min(contradictions) > 0.02
    assert max(contradictions) < 0.12


@pytest.mark.parametrize(("discordant", "name"), [(24, "Bonett–Price"), (25, "Wald")])
def test_walds_interval_needs_25_discordant_pairs(discordant, name):
    before, after = binary_pairs(both=100, lost=discordant - 10, won=10)
    assert compare(before, after, YES_NO).method == f"McNemar mid-p, {name} interval"


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        # Wald and Bonett–Price under no gain: the two discordant shares are equal.
        ({"both": 700, "lost": 90, "won": 110, "neither": 100}, math.sqrt(200) / 1000),
        ({"both": 80, "lost": 4, "won": 10, "neither": 6}, math.sqrt(16) / 102),
    ],
)
def test_what_mcnemars_test_detects_with_80_percent_power(pairs, error):
    # Connor (1987), "Sample size for testing differences in proportions for the paired-sample
    # design", with the variance under no gain.
    found = compare(*binary_pairs(**pairs), YES_NO)
    assert found.standard_error == pytest.approx(error)
    assert found.detectable == pytest.approx((stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * error)


def test_that_gain_is_indeed_found_in_four_of_five_studies():
    rng = np.random.default_rng(3)
    shares = 0.1, 0.1
    detectable = (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) * math.sqrt(sum(shares) / 1000)
    lost, won = (shares[0] - detectable / 2, shares[1] + detectable / 2)
    studies = rng.multinomial(1000, [lost, won, 1 - lost - won], size=300).tolist()
    shown = sum(
        compare(*binary_pairs(lost=lost, won=won, both=same), YES_NO).p_value <= 0.05
        for lost, won, same in studies
    )
    assert shown / 300 == pytest.approx(0.8, abs=0.06)


def test_without_a_discordant_pair_the_interval_still_has_width():
    before, after = binary_pairs(both=50, neither=50)
    found = compare(before, after, YES_NO)
    assert (found.gain, found.p_value, found.p_exact) == (0.0, 1.0, 1.0)
    reach = stats.norm.ppf(0.975) * math.sqrt(2) / 102
    assert (found.low, found.high) == pytest.approx((-reach, reach))


def test_where_every_pair_is_lost_the_interval_still_has_width():
    before, after = binary_pairs(lost=40)
    found = compare(before, after, YES_NO)
    assert "Bonett–Price" in found.method
    assert -1.0 <= found.low < found.high < -0.8


def test_a_binary_metric_with_clusters_is_compared_as_a_continuous_one():
    before, after = binary_pairs(both=20, lost=10, won=25, neither=25)
    found = compare(before, after, YES_NO, clusters=np.arange(80) // 2)
    assert found.method == "paired t over 40 clusters"
    assert (found.p_exact, found.clusters) == (None, 40)
    assert (found.n_lost, found.n_won) == (10, 25)


def test_a_binary_metric_with_attempts_is_compared_as_a_continuous_one():
    rng = np.random.default_rng(0)
    before = Column(values=rng.integers(2, size=(60, 3)).astype(float))
    after = Column(values=rng.integers(2, size=(60, 2)).astype(float))
    found = compare(before, after, YES_NO)
    assert found.method == "paired t"
    assert found.gain == pytest.approx(after.values.mean() - before.values.mean())
    assert compare(Column(values=before.values[:, 0]), after, YES_NO).method == "paired t"


# Continuous: t, sign flips.


def test_many_pairs_have_the_paired_t_test():
    before, after = noisy(60, gain=0.02)
    found = compare(before, after, POINTS)
    expected = stats.ttest_rel(after.values, before.values)
    wide, narrow = expected.confidence_interval(), expected.confidence_interval(0.9)
    assert found.p_value == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(wide))
    assert (found.low90, found.high90) == pytest.approx(tuple(narrow))
    assert found.standard_error == pytest.approx(stats.sem(after.values - before.values))
    assert found.method == "paired t"


def test_a_p_of_skewed_pairs_is_halls_where_that_is_larger():
    gains = np.random.default_rng(2).exponential(size=100) - 0.85
    found = compare(column(np.zeros(100)), column(gains), POINTS)
    error, skewness = stats.sem(gains), stats.skew(gains)
    t = gains.mean() / error
    # Hall (1992), "On the removal of skewness by transformation".
    by_hall = t + skewness / 10 * (t**2 / 3 + 1 / 6) + skewness**2 / 100 * t**3 / 27
    assert found.method == "paired t and Hall's for skewness"
    assert found.p_value == pytest.approx(2 * stats.t.sf(min(t, by_hall), 99))
    assert found.low == pytest.approx(gains.mean() - stats.t.ppf(0.975, 99) * error)
    assert found.high > gains.mean() + stats.t.ppf(0.975, 99) * error
    down = compare(column(np.zeros(100)), column(-gains), POINTS)
    assert (down.low, down.high) == pytest.approx((-found.high, -found.low))
    assert (down.skewness, down.p_value) == pytest.approx((-skewness, found.p_value))


def test_uneven_clusters_leave_fewer_degrees():
    before, after = noisy(200, gain=0.02)
    uneven = np.floor(np.sqrt(np.arange(200)) * 2.5).astype(int)
    found = compare(before, after, SHARE, clusters=uneven)
    assert found.method == "paired t over 35 clusters"
    assert 20 < found.degrees < 34
    assert found.p_value == pytest.approx(
        2 * stats.t.sf(abs(found.gain) / found.standard_error, found.degrees)
    )


def test_less_is_better_turns_the_gain_round():
    before, after = noisy(60, gain=0.05)
    up, down = compare(before, after, SHARE), compare(before, after, PENALTY)
    assert down.gain == -up.gain
    assert (down.low, down.high) == pytest.approx((-up.high, -up.low))
    assert (down.n_lost, down.n_won) == (up.n_won, up.n_lost)
    assert down.p_value == pytest.approx(up.p_value)


def test_thirty_pairs_have_the_t_test():
    assert compare(*noisy(30), SHARE).method == "paired t"


def test_what_few_pairs_detect_has_their_degrees_of_freedom():
    before, after = noisy(20, gain=0.05)
    found = compare(before, after, SHARE)
    error = stats.sem(after.values - before.values)
    reach = stats.t.ppf(0.975, 19) + stats.t.ppf(0.8, 19)
    assert "sign flips" in found.method
    assert found.detectable == pytest.approx(reach * error)


def test_few_pairs_have_sign_flips():
    before, after = noisy(29, gain=0.05, seed=5)
    found = compare(before, after, SHARE, seed=8)
    assert found.method == "sign flips, 10,000 seeded"
    assert found == compare(before, after, SHARE, seed=8)
    t = stats.ttest_rel(after.values, before.values)
    assert found.p_value == pytest.approx(t.pvalue, abs=0.02)
    assert (found.low, found.high) == pytest.approx(tuple(t.confidence_interval()), abs=0.01)


def test_fifteen_pairs_have_all_sign_flips():
    # Darwin's maize: Fisher (1935).
    maize = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    found = compare(column([0] * 15), column(maize), POINTS)
    assert found.p_value == 1726 / 32_768
    assert found.method == "sign flips, all 32,768"


def test_few_clusters_have_their_signs_flipped_together():
    before, after = noisy(60, gain=0.05)
    found = compare(before, after, SHARE, clusters=np.repeat(np.arange(12), 5))
    assert found.method == "sign flips, all 4,096 over 12 clusters"
    sums = np.bincount(np.repeat(np.arange(12), 5), weights=after.values - before.values)
    exact = stats.permutation_test(
        (sums,), np.sum, permutation_type="samples", n_resamples=np.inf
    ).pvalue
    assert found.p_value == pytest.approx(exact)


def test_under_six_pairs_there_is_a_p_and_no_interval():
    found = compare(*noisy(5, gain=0.3), SHARE)
    assert found.p_value == 2 / 32
    assert (found.low, found.high, found.low90, found.high90) == (None, None, None, None)
    assert "too few" in found.reason


def test_ten_clusters_are_compared():
    found = compare(*noisy(60), SHARE, clusters=np.arange(60) % 10)
    assert found.method == "sign flips, all 1,024 over 10 clusters"


def test_under_ten_clusters_nothing_is_said():
    found = compare(*noisy(60), SHARE, clusters=np.arange(60) % 9)
    assert (found.low, found.p_value, found.detectable) == (None, None, None)
    assert "only 9 clusters" in found.reason
    assert found.gain is not None


def test_pairs_unscored_on_either_side_are_left_out():
    before, after = noisy(50, gain=0.1)
    before.values[:5], after.values[3:8] = math.nan, math.nan
    found = compare(before, after, SHARE, clusters=np.arange(50))
    assert (found.n, found.clusters) == (42, 42)
    assert found.baseline == pytest.approx(before.values[8:].mean())


@pytest.mark.parametrize("scored", [0, 1])
def test_too_few_pairs_have_no_interval(scored):
    before = column([0.5] * scored + [math.nan])
    found = compare(before, column([0.7] * scored + [0.1]), SHARE)
    assert (found.n, found.low, found.p_value) == (scored, None, None)
    assert found.reason == (
        "An interval needs at least 2 examples." if scored else "No pair is scored on both sides."
    )
    assert found.gain == (pytest.approx(0.2) if scored else None)


def test_columns_must_be_aligned():
    with pytest.raises(ValueError, match="not aligned"):
        compare(column([1]), column([1, 0]), SHARE)


def test_detectable_is_the_effect_found_with_80_percent_power():
    # Miller (2024), arXiv 2411.00640: omega² = 1/9 and 969 questions detect 0.03.
    before = column(np.tile([1 / 3, 0, 1 / 3], 323))
    after = column(np.tile([0, 1 / 3, 1 / 3], 323))
    after.values[:] = before.values + np.random.default_rng(0).choice([-1, 1], 969) / 3
    found = compare(before, after, POINTS)
    assert found.detectable == pytest.approx(0.03, abs=2e-4)


# No variation.


def test_identical_systems_have_p_one_and_an_interval_of_width():
    same = column(np.linspace(0, 1, 100))
    found = compare(same, same, SHARE)
    unseen = 1 - 0.05 ** (1 / 100)
    assert (found.gain, found.p_value) == (0.0, 1.0)
    assert (found.low, found.high) == pytest.approx((-unseen, unseen))
    assert found.method == "rule of three, no variation in 100"


@pytest.mark.parametrize("n", [50, 500])
def test_identical_corpora_have_p_one_and_an_interval_of_width(n):
    same, _ = similar_corpora(n)
    found = compare(same, same, RATIO)
    unseen = 1 - 0.05 ** (1 / n)
    assert (found.gain, found.p_value) == (0.0, 1.0)
    assert (found.low, found.high) == pytest.approx((-unseen, unseen))


def test_identical_systems_on_a_metric_without_range_have_p_one_and_no_interval():
    found = compare(column([1, 2, 3]), column([1, 2, 3]), POINTS)
    assert (found.p_value, found.low) == (1.0, None)
    assert "no range" in found.reason


def test_one_constant_gain_without_range_is_undefined():
    found = compare(column([1, 2, 3]), column([2, 3, 4]), POINTS)
    assert (found.gain, found.p_value, found.low) == (1.0, None, None)


@given(n=st.integers(2, 200), gain=st.integers(1, 90))
def test_a_constant_gain_is_judged_by_what_was_not_seen(n, gain):
    found = compare(column([0.05] * n), column([0.05 + gain / 100] * n), SHARE)
    assert found.low < found.gain < found.high
    # The interval at level p touches 0: gain - (1 - p^(1/n)) (gain + 1) = 0.
    assert found.p_value == pytest.approx((1 + found.gain) ** -n)
    assert (found.p_value <= 0.05) == (found.low > 0)
    # A truth outside would give n alike in 5 % at most, on whichever side: one-sided bounds.
    assert (found.low90, found.high90) == (found.low, found.high)


def test_corpora_that_differ_only_where_it_does_not_count_do_not_vary():
    rows = np.column_stack([np.arange(1.0, 61.0), np.arange(2.0, 62.0), np.zeros(60)])
    before, after = rows.copy(), rows.copy()
    before[:, 2] = 1.0
    found = compare(corpus(before), corpus(after), RATIO)
    assert (found.gain, found.p_value) == (0.0, 1.0)
    assert found.low < found.high


# Corpus: delta method, approximate randomization.


@pytest.mark.parametrize("yardstick", YARDSTICKS_OF_CORPORA)
def test_large_corpora_have_the_delta_method(yardstick):
    before, after = similar_corpora(400, level=0.53)
    found = compare(before, after, yardstick)
    total = before.statistics[:, 1].sum()
    ratios = [side.statistics[:, 0].sum() / total for side in (before, after)]
    # The lengths are shared, so the difference is a mean of numerators less its own ratio.
    numerators = after.statistics[:, 0] - before.statistics[:, 0]
    residual = numerators - (ratios[1] - ratios[0]) * before.statistics[:, 1]
    error = math.sqrt(400 / 399 * (residual**2).sum()) / total
    sign = 1 if yardstick.higher_is_better else -1
    assert found.gain == pytest.approx(sign * (ratios[1] - ratios[0]))
    assert found.standard_error == pytest.approx(error, rel=1e-6)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.gain) / error, 399), rel=1e-5)
    assert found.method == "paired delta method"


@pytest.mark.parametrize("yardstick", YARDSTICKS_OF_CORPORA)
def test_small_corpora_have_approximate_randomization(yardstick):
    before, after = similar_corpora(120, level=0.56, seed=2)
    found = compare(before, after, yardstick, seed=5)
    assert found.method == "approximate randomization, 10,000 seeded"
    assert found == compare(before, after, yardstick, seed=5)
    rng = np.random.default_rng(99)
    sets = rng.integers(2, size=(20_000, 120)).astype(float)
    change = after.statistics - before.statistics
    left = before.statistics.sum(axis=0) + sets @ change
    right = after.statistics.sum(axis=0) - sets @ change
    gains = right[:, 0] / right[:, 1] - left[:, 0] / left[:, 1]
    expected = (1 + (np.abs(gains) >= abs(found.gain)).sum()) / 20_001
    assert found.p_value == pytest.approx(expected, abs=0.01)


def test_randomization_and_the_delta_method_agree_on_one_pair_of_corpora():
    before, after = similar_corpora(200, level=0.55, seed=1)
    large = compare(before, after, RATIO)
    fewer = np.arange(199)
    small = compare(before.at(fewer), after.at(fewer), RATIO)
    assert large.method == "paired delta method"
    assert small.method.startswith("approximate randomization")
    assert small.low == pytest.approx(large.low, abs=0.005)
    assert small.high == pytest.approx(large.high, abs=0.005)


def test_whole_clusters_of_a_corpus_are_swapped():
    before, after = similar_corpora(30, level=0.6)
    clusters = np.repeat(np.arange(30), 4)
    rows = np.repeat(np.arange(30), 4)
    clustered = compare(before.at(rows), after.at(rows), RATIO, clusters=clusters, seed=3)
    alone = compare(before, after, RATIO, seed=3)
    assert (clustered.low, clustered.high) == pytest.approx((alone.low, alone.high))
    assert clustered.p_value == alone.p_value
    assert clustered.method == "approximate randomization, 10,000 seeded over 30 clusters"


def test_attempts_of_a_corpus_are_averaged_within_examples():
    before, after = similar_corpora(60, level=0.6)
    twice = Column(values=np.zeros((60, 2)), statistics=np.stack([after.statistics] * 2, axis=1))
    assert compare(before, twice, RATIO) == compare(before, after, RATIO)


def test_an_undefined_side_is_said():
    found = compare(corpus([[0, 0]] * 30), corpus([[1, 2]] * 30), RATIO)
    assert (found.baseline, found.candidate, found.gain) == (None, 0.5, None)
    assert found.reason == "The metric is undefined on one side."


values = st.floats(0, 1, allow_nan=False).map(lambda x: round(x, 3))
pairs_of_values = st.lists(st.tuples(values, values), min_size=6, max_size=45)


@pytest.mark.no_cover
@given(pairs=pairs_of_values, shift=st.sampled_from([0.0, 0.1, 0.3]))
def test_means_p_and_interval_never_contradict_each_other(pairs, shift):
    before, after = np.array(pairs).T
    found = compare(column(before), column(np.minimum(after + shift, 1.0)), SHARE)
    assert found.low < found.high
    assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)
    assert (found.p_value <= 0.10) == (found.low90 > 0 or found.high90 < 0)
    assert found.low <= found.low90 <= found.high90 <= found.high


counts = st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 3))


@pytest.mark.no_cover
@given(rows=st.lists(counts, min_size=6, max_size=24), times=st.sampled_from([1, 10]))
def test_corpora_p_and_interval_never_contradict_each_other(rows, times):
    hits, more, false, missed = np.tile(np.array(rows, dtype=float), (times, 1)).T
    before = np.column_stack([hits + 1, false, missed + more])
    after = np.column_stack([hits + more + 1, false, missed])
    found = compare(corpus(before), corpus(after), MICRO_F1, seed=1)
    assert found.low < found.high
    assert (found.p_value <= 0.05) == (found.low > 0 or found.high < 0)
