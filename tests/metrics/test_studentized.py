"""Errors and bounds of what is skewed or lies in clusters: against scipy, matrices and roots."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, optimize, stats

from metrics.statistics.groups import Groups
from metrics.statistics.studentized import Spread, Studentized, with_lean, without_lean

UNEVEN = np.repeat(np.arange(9), [1, 1, 2, 3, 3, 5, 8, 13, 21])


def test_without_clusters_spread_and_skewness_are_scipys():
    values = np.random.default_rng(0).exponential(size=80)
    found = Spread.of(Groups.of(None, 80), (values - values.mean()) / 80)
    assert found.error == pytest.approx(stats.sem(values))
    assert (found.degrees, found.skewness) == (79, pytest.approx(stats.skew(values)))


def cr2_by_matrices(values, clusters):
    """Bell & McCaffrey (2002) as Imbens & Kolesár (2016) write it down, for a mean."""
    n, ones = len(values), np.ones(len(values))
    residual_maker = np.eye(n) - np.outer(ones, ones) / n
    residuals = residual_maker @ values
    sums, directions = [], []
    for one in np.unique(clusters):
        rows = clusters == one
        roots, vectors = linalg.eigh(residual_maker[np.ix_(rows, rows)])
        adjusted = vectors / np.sqrt(roots) @ vectors.T
        sums.append((adjusted @ residuals[rows]).sum() / n)
        directions.append(residual_maker[:, rows] @ adjusted @ ones[rows] / n)
    weights = linalg.eigvalsh(np.array(directions) @ np.array(directions).T)
    return math.sqrt(np.square(sums).sum()), weights.sum() ** 2 / np.square(weights).sum()


def test_uneven_clusters_have_bell_and_mccaffreys_error_and_degrees():
    values = np.random.default_rng(1).normal(size=len(UNEVEN))
    found = Spread.of(Groups.of(UNEVEN, len(UNEVEN)), (values - values.mean()) / len(UNEVEN))
    assert (found.error, found.degrees) == pytest.approx(cr2_by_matrices(values, UNEVEN))
    assert found.degrees < 5


def test_even_clusters_have_cr1_and_one_degree_less_than_clusters():
    clusters, values = np.repeat(np.arange(12), 4), np.random.default_rng(2).normal(size=48)
    groups, contributions = Groups.of(clusters, 48), (values - values.mean()) / 48
    found = Spread.of(groups, contributions)
    assert found.error == pytest.approx(groups.standard_error(contributions))
    assert found.degrees == pytest.approx(11)


def test_what_does_not_vary_has_no_skewness():
    assert Spread.of(Groups.of(None, 5), np.zeros(5)).skewness == 0.0


def hall(statistic, skewness, n):
    """Hall (1992), equation for the mean: a = 1/3, b = 1/6."""
    a, b = 1 / 3, 1 / 6
    first = skewness * (a * statistic**2 + b) / math.sqrt(n)
    return statistic + first + a**2 * skewness**2 * statistic**3 / (3 * n)


@pytest.mark.parametrize("skewness", [-6.0, -1.0, 0.3, 2.0])
def test_bounds_are_the_farther_of_students_and_of_halls_by_its_roots(skewness):
    n, degrees, error, mean = 64, 63, 0.2, 1.5
    found = Studentized(value=mean, error=error, degrees=degrees, lean=skewness / math.sqrt(n))
    reach = stats.t.ppf(0.95, degrees)
    at = [
        optimize.brentq(lambda t, to=to: hall(t, skewness, n) - to, -1e4, 1e4)
        for to in (reach, -reach)
    ]
    low, high = mean - max(at[0], reach) * error, mean - min(at[1], -reach) * error
    assert found.ends(0.10) == pytest.approx((low, high))
    for truth in (low, high, 1.4, 2.5):
        statistics = [t := (mean - truth) / error, hall(t, skewness, n)]
        assert found.p_at_most(truth) == pytest.approx(stats.t.sf(statistics, degrees).max())
        assert found.p_at_least(truth) == pytest.approx(stats.t.cdf(statistics, degrees).max())
    assert (found.p_value(low), found.p_value(high)) == pytest.approx((0.10, 0.10))


def test_without_a_lean_all_of_it_is_students():
    found = Studentized(value=1.0, error=0.5, degrees=20)
    assert found.ends(0.05) == pytest.approx(stats.t.interval(0.95, 20, 1.0, 0.5))
    assert found.p_value(0.0) == pytest.approx(2 * stats.t.sf(2.0, 20))
    assert found.p_value(1.0) == 1.0


@given(statistic=st.floats(-30, 30), lean=st.floats(-3, 3))
def test_halls_transformation_can_be_turned_round(statistic, lean):
    assert with_lean(without_lean(statistic, lean), lean) == pytest.approx(statistic, abs=1e-4)
    assert without_lean(statistic + 0.1, lean) > without_lean(statistic, lean)
