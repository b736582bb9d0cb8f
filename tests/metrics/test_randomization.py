"""Sign flips and swaps against full enumeration, scipy, and Fisher's own numbers."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from metrics.statistics.randomization import FLIPS, randomize
from tests.metrics.shapes import ratio_of_sums, ratio_rows

# Darwin's maize, differences in eighths of an inch; Fisher, "The Design of Experiments" (1935),
# counts 863 of 32,768 sign patterns as extreme on one side.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]


def flips_of(differences, sizes=None, seed=0):
    sums = np.asarray(differences, dtype=np.float64)
    sizes = np.ones(len(sums)) if sizes is None else np.asarray(sizes, dtype=np.float64)
    gain = float(sums.sum() / sizes.sum())

    def swapped(sets):
        return gain - 2 * (sets * sums).sum(axis=1) / sizes.sum()

    return randomize(swapped, sizes, gain=gain, scale=float(np.abs(sums).max()), seed=seed)


def enumerated_p(differences, *, true_gain=0.0, sizes=None):
    """The share of sign patterns at least as extreme as the data, one by one."""
    sizes = [1] * len(differences) if sizes is None else sizes
    shifted = [d - true_gain * m for d, m in zip(differences, sizes, strict=True)]
    observed = abs(sum(shifted)) - 1e-9
    signs = itertools.product((1, -1), repeat=len(shifted))
    sums = [abs(sum(s * d for s, d in zip(pattern, shifted, strict=True))) for pattern in signs]
    return sum(total >= observed for total in sums) / len(sums)


def test_darwins_maize_gives_fishers_count():
    test = flips_of(MAIZE)
    assert test.p_value == 1726 / 32_768
    assert test.p_value == pytest.approx(0.05267, abs=6e-6)
    # Just above 0.05, so zero is just inside.
    low, high = test.interval(0.05)
    assert low < 0 < high


def test_the_interval_holds_exactly_the_gains_that_are_not_rejected():
    differences = [3.0, 5.0, -1.0, 8.0, 2.5, 4.0, 6.0, 0.5]
    low, high = flips_of(differences).interval(0.05)
    for inside in (low + 1e-6, (low + high) / 2, high - 1e-6):
        assert enumerated_p(differences, true_gain=inside) > 0.05
    for outside in (low - 1e-6, high + 1e-6):
        assert enumerated_p(differences, true_gain=outside) <= 0.05


def test_whole_clusters_change_sign_together():
    sums, sizes = [4.0, -1.0, 6.0, 3.0, 2.0, 5.0, -2.0], [2, 1, 3, 1, 1, 2, 4]
    test = flips_of(sums, sizes)
    assert test.p_value == pytest.approx(enumerated_p(sums))
    low, high = test.interval(0.05)
    for inside in (low + 1e-6, high - 1e-6):
        assert enumerated_p(sums, true_gain=inside, sizes=sizes) > 0.05
    for outside in (low - 1e-6, high + 1e-6):
        assert enumerated_p(sums, true_gain=outside, sizes=sizes) <= 0.05


@pytest.mark.parametrize("n", [1, 2, 5])
def test_under_six_pairs_no_gain_is_ever_rejected(n):
    test = flips_of([1.0] * n)
    assert test.p_value == 2 / 2**n
    assert test.interval(0.05) == (-math.inf, math.inf)


def test_six_pairs_can_reject():
    test = flips_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert test.p_value == 2 / 64
    assert test.interval(0.05) == pytest.approx((1.0, 6.0))


@pytest.mark.no_cover
def test_random_flips_come_near_to_all_flips():
    rng = np.random.default_rng(1)
    differences = rng.normal(0.4, 1.0, size=18)
    test = flips_of(differences, seed=3)
    exact = stats.permutation_test(
        (differences,),
        lambda x, axis: x.mean(axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    assert test.p_value == pytest.approx(exact, abs=0.01)
    assert test.total == FLIPS + 1
    assert flips_of(differences, seed=3).p_value == test.p_value


def test_the_data_count_among_their_own_random_flips():
    # Only flipping all of the 40 or none is as extreme: p = (0 + 1) / (10,000 + 1), never 0;
    # Phipson & Smyth (2010).
    assert flips_of(np.arange(1.0, 41.0)).p_value == 1 / (FLIPS + 1)


def test_swapping_pairs_of_a_corpus_is_scipys_permutation_test():
    rng = np.random.default_rng(2)
    before, after = ratio_rows(rng, 9), ratio_rows(rng, 9, level=0.6)
    gain = float(ratio_of_sums(after.sum(axis=0)) - ratio_of_sums(before.sum(axis=0)))

    def swapped(sets):
        moved = sets @ (after - before)
        return ratio_of_sums(after.sum(axis=0) - moved) - ratio_of_sums(before.sum(axis=0) + moved)

    def statistic(a, b, c, d, axis):
        return c.sum(axis=axis) / d.sum(axis=axis) - a.sum(axis=axis) / b.sum(axis=axis)

    # scipy permutes each column by itself; a complex number carries a pair's two statistics.
    expected = stats.permutation_test(
        (after[:, 0] + 1j * after[:, 1], before[:, 0] + 1j * before[:, 1]),
        lambda x, y, axis: statistic(y.real, y.imag, x.real, x.imag, axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=np.inf,
    ).pvalue
    test = randomize(swapped, np.ones(9), gain=gain, scale=1.0, seed=0)
    assert test.p_value == pytest.approx(expected)


def test_no_gain_has_p_one_exactly():
    test = flips_of([0.1, 0.2, -0.3, 0.0, 0.4, -0.4])
    assert test.gain == 0.0
    assert test.p_value == 1.0


def test_a_swap_without_a_value_counts_against_every_gain():
    differences = np.arange(1.0, 9.0)

    def swapped(sets):
        gains = 4.5 - 2 * (sets * differences).sum(axis=1) / 8
        return np.where(sets.sum(axis=1) == 1, math.nan, gains)

    test = randomize(swapped, np.ones(8), gain=4.5, scale=8.0, seed=0)
    assert test.p_value == 2 * (1 + 8) / 256


def test_p_is_at_most_one_where_most_swaps_have_no_value():
    differences = np.arange(1.0, 9.0)

    def swapped(sets):
        gains = 4.5 - 2 * (sets * differences).sum(axis=1) / 8
        return np.where(sets.sum(axis=1) < 8, math.nan, gains)

    test = randomize(swapped, np.ones(8), gain=4.5, scale=8.0, seed=0)
    assert test.p_value == 1.0
    assert test.interval(0.05) == (-math.inf, math.inf)


@given(
    st.lists(st.integers(-4, 6), min_size=6, max_size=20),
    st.sampled_from([0.01, 0.05, 0.1]),
    st.integers(0, 3),
)
def test_p_and_interval_never_contradict_each_other(differences, alpha, seed):
    assume(any(differences))
    test = flips_of([d / 10 for d in differences], seed=seed)
    low, high = test.interval(alpha)
    assert (test.p_value <= alpha) == (low > 0 or high < 0)
    assert low <= test.gain + 1e-12
    assert test.gain - 1e-12 <= high
