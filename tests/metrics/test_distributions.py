"""Quantiles and tails against scipy.stats."""

import math

import pytest
from scipy import stats

from metrics.statistics.distributions import (
    fair_coin_at_most,
    normal_quantile,
    t_below,
    t_quantile,
    t_two_sided,
)


@pytest.mark.parametrize("p", [0.0005, 0.025, 0.5, 0.8, 0.975])
@pytest.mark.parametrize("degrees", [1, 9, 1318])
def test_quantiles_are_scipys(p, degrees):
    assert normal_quantile(p) == pytest.approx(stats.norm.ppf(p), rel=1e-12, abs=1e-15)
    assert t_quantile(p, degrees) == pytest.approx(stats.t.ppf(p, degrees), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("statistic", [-40.0, -2.1, 0.0, 1e-9, 3.3])
def test_two_sided_tails_are_scipys(statistic):
    expected = 2 * stats.t.sf(abs(statistic), 17)
    assert t_two_sided(statistic, 17) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("k", "n"), [(0, 0), (0, 5), (152, 361), (499_000, 1_000_000)])
def test_coin_tails_are_scipys(k, n):
    assert fair_coin_at_most(k, n) == pytest.approx(stats.binom.cdf(k, n, 0.5), rel=1e-9)


def test_fewer_than_no_successes_never_happen():
    assert fair_coin_at_most(-1, 10) == 0.0


def test_without_bound_on_the_degrees_t_is_normal():
    assert t_quantile(0.95, math.inf) == normal_quantile(0.95)
    assert t_below(1.2, math.inf) == stats.norm.cdf(1.2)
