"""Intervals from leaving groups out: against scipy's pieces, and where there is none."""

import math

import numpy as np
import pytest
from scipy import stats

from metrics.statistics.agreement.jackknife import SHARE, ends, jackknifed


def test_the_interval_is_one_of_fishers_z_without_bias_and_with_satterthwaites_degrees():
    without = 0.6 + 0.01 * np.random.default_rng(0).normal(size=50)
    without[0] += 0.05
    found = jackknifed(0.6, without, are_clusters=False)
    error = math.sqrt(49 / 50 * ((without - without.mean()) ** 2).sum())
    # Of a normal sample's variance the kurtosis 3 leaves n - 1 degrees.
    degrees = 100 / (stats.kurtosis(without, fisher=False, bias=False) - 47 / 49)
    bias = 49 * (without.mean() - 0.6)
    assert (degrees < 30, abs(bias) > 0.01) == (True, True)
    assert found.standard_error == pytest.approx(error)
    assert found.degrees == pytest.approx(degrees)
    assert found.bias == pytest.approx(bias)
    z = np.arctanh(0.6) - bias / (1 - 0.6**2)
    reach = stats.t.ppf(0.975, degrees) * error / (1 - np.tanh(z) ** 2)
    assert (found.low, found.high) == pytest.approx((np.tanh(z - reach), np.tanh(z + reach)))
    # A share is as far from 0 and 1 as twice it less 1 is from -1 and 1.
    of_share = np.array(ends(0.8, error / 2, degrees, SHARE, bias=bias / 2))
    assert 2 * of_share - 1 == pytest.approx([found.low, found.high])


def test_an_interval_holds_its_value_however_large_its_bias():
    assert ends(0.5, 0.01, 50, SHARE, bias=0.2)[1] == 0.5


@pytest.mark.parametrize("n", [3, 4, 20])
def test_degrees_are_never_more_than_the_groups_allow(n):
    without = np.resize([0.5, 0.6], n)
    assert jackknifed(0.55, without, are_clusters=False).degrees == n - 1


def test_the_end_of_the_range_has_no_z():
    found = jackknifed(-1.0, np.array([-1.0, -0.9, -0.95]), are_clusters=False)
    assert (found.low, found.high < 1) == (-1.0, True)


@pytest.mark.parametrize(
    ("value", "low", "high"), [(1.0, 0.05 ** (1 / 60), 1.0), (0.0, 0.0, 1 - 0.05 ** (1 / 60))]
)
def test_what_never_varies_is_bounded_by_the_rule_of_three(value, low, high):
    found = jackknifed(value, np.full(60, value), are_clusters=False, within=SHARE)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))
    assert found.standard_error is None


@pytest.mark.parametrize(
    ("without", "are_clusters", "why"),
    [
        ([0.5], False, "An interval needs at least 2 examples: there is 1."),
        ([0.5, 0.6] * 4, True, "An interval needs at least 10 clusters: there are 8."),
        ([0.5, math.nan], False, "All the variation comes from one of the examples."),
        ([0.5] * 5, False, "Every group agrees to the same degree, so nothing shows a spread."),
    ],
)
def test_no_interval_is_said_in_words(without, are_clusters, why):
    found = jackknifed(0.5, np.array(without), are_clusters=are_clusters)
    assert (found.low, found.high, found.no_interval) == (None, None, why)
