"""Cohen's kappa of pairs: SAS, scikit-learn, the published variance summed over the table."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from metrics.statistics.agreement import Answers, Undefined
from metrics.statistics.agreement.cohen import cohens_kappas
from metrics.statistics.agreement.distances import Weighing
from tests.metrics.agreement.tables import NAN, columns, rated

NAMES = {Weighing.ALIKE: None, Weighing.LINEAR: "linear", Weighing.QUADRATIC: "quadratic"}
# SAS PROC FREQ's example of two raters, as statsmodels' tests reproduce it.
SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]


def kappas(table, weighing=Weighing.ALIKE, **groups):
    return cohens_kappas(Answers.of(**columns(table), **groups), weighing)


def raters(counts):
    """The answers of two raters, from how often they gave each two."""
    cells = np.argwhere(np.array(counts))
    return np.repeat(cells, [counts[i][j] for i, j in cells], axis=0).T


def published_variance(counts, weights):
    """Formula 12 of Fleiss, Cohen & Everitt (1969), with their weights of agreement."""
    p = np.array(counts) / np.sum(counts)
    rows, cols = p.sum(1), p.sum(0)
    of_rows, of_cols = weights @ cols, rows @ weights
    observed, expected = (p * weights).sum(), rows @ weights @ cols
    terms = weights * (1 - expected) - (of_rows[:, None] + of_cols) * (1 - observed)
    rest = observed * expected - 2 * expected + observed
    total = (p * np.square(terms)).sum() - rest**2
    return total / np.sum(counts) / (1 - expected) ** 4


@pytest.mark.parametrize(
    ("weighing", "kappa", "error", "low", "high"),
    [
        (Weighing.ALIKE, 0.4842, 0.1380, 0.2137, 0.7547),
        (Weighing.LINEAR, 0.4701, 0.1457, 0.1845, 0.7558),
    ],
)
def test_the_published_example(weighing, kappa, error, low, high):
    (found,) = kappas(raters(SAS), weighing)
    assert found.kappa == pytest.approx(kappa, abs=6e-5)
    assert found.standard_error == pytest.approx(error, abs=6e-5)
    # SAS prints kappa ± 1.96 errors; ours is wider below, as 19 units ask for.
    assert found.kappa - 1.959964 * found.standard_error == pytest.approx(low, abs=6e-5)
    assert found.kappa + 1.959964 * found.standard_error == pytest.approx(high, abs=6e-5)
    assert found.low < low
    assert found.kappa < found.high < high
    assert (found.units, found.percent) == (19, pytest.approx(13 / 19))


@pytest.mark.parametrize("weighing", Weighing)
def test_every_pair_is_that_of_scikit_learn_with_the_published_error(weighing):
    table = rated(units=80, annotators=4, missing=0.4) * 2.5
    found = kappas(table, weighing)
    pairs = list(itertools.combinations(range(4), 2))
    assert [(one.first, one.second) for one in found] == pairs
    values = np.arange(5) * 2.5
    apart = np.abs(np.subtract.outer(values, values)) / 10
    weights = {
        Weighing.ALIKE: np.eye(5),
        Weighing.LINEAR: 1 - apart,
        Weighing.QUADRATIC: 1 - apart**2,
    }[weighing]
    for one in found:
        both = ~np.isnan(table[[one.first, one.second]]).any(axis=0)
        a, b = (table[[one.first, one.second]][:, both] / 2.5).astype(int)
        expected = cohen_kappa_score(a, b, weights=NAMES[weighing], labels=range(5))
        assert one.kappa == pytest.approx(expected, abs=1e-9)
        counts = np.zeros((5, 5))
        np.add.at(counts, (a, b), 1)
        error = math.sqrt(published_variance(counts, weights))
        assert one.standard_error == pytest.approx(error, abs=1e-9)
        assert one.units == both.sum()


def test_the_interval_is_one_of_fishers_z_with_the_variance_of_a_sample():
    (found,) = kappas(raters(SAS))
    p, n = np.array(SAS) / 19, 19
    weights, rows, cols = np.eye(3), p.sum(1), p.sum(0)
    expected = rows @ cols
    terms = weights - (cols[:, None] + rows) * (1 - found.kappa)
    moved = (terms - (p * terms).sum())[tuple(raters(SAS))] / (1 - expected)
    error = moved.std(ddof=1) / math.sqrt(n)
    kurtosis = stats.kurtosis(moved, fisher=False, bias=False)
    degrees = min(n - 1, 2 * n / (kurtosis - (n - 3) / (n - 1)))
    reach = stats.t.ppf(0.975, degrees) * error / (1 - found.kappa**2)
    ends = np.tanh(np.arctanh(found.kappa) + np.array([-reach, reach]))
    assert [found.low, found.high] == pytest.approx(ends.tolist())


def test_units_of_one_example_move_kappa_together():
    # Every answer given three times over is no more information, and 1/3 of the variance if
    # the copies counted.
    table = rated(units=40, annotators=2)
    (alone,), (copied,) = kappas(table), kappas(np.tile(table, 3))
    groups = np.tile(np.arange(40), 6)
    (grouped,) = kappas(np.tile(table, 3), groups=groups)
    assert copied.standard_error == pytest.approx(alone.standard_error / math.sqrt(3))
    assert grouped.standard_error == pytest.approx(alone.standard_error)
    assert (grouped.low, grouped.high) == pytest.approx((alone.low, alone.high))
    (few,) = kappas(np.tile(table, 3), groups=groups % 9, are_clusters=True)
    assert few.no_interval == "An interval needs at least 10 clusters: there are 9."


@pytest.mark.parametrize("weighing", Weighing)
def test_what_has_no_kappa_or_no_interval_is_said_in_words(weighing):
    always, once, other = [2, 2, 2, 2], [2, NAN, NAN, NAN], [NAN, 1, 2, 3]
    found = kappas([always, always, once, other], weighing)
    same, first, second, *_, nothing = found
    assert (same.kappa, same.percent, same.undefined) == (None, 1.0, Undefined.NO_VARIATION)
    assert (first.units, second.units) == (1, 3)
    # Who always says the same agrees as chance would, whatever the other says.
    assert (second.kappa, second.low) == (pytest.approx(0), None)
    assert "nothing shows a spread" in second.no_interval
    assert (nothing.kappa, nothing.percent, nothing.units) == (None, None, 0)
    assert nothing.no_interval == Undefined.NOTHING_SHARED.sentence


@pytest.mark.parametrize("weighing", Weighing)
def test_kappa_does_not_depend_on_where_a_scale_begins(weighing):
    table = rated(units=60, annotators=2)
    (near,), (far,) = kappas(table, weighing), kappas(table * 1e-3 + 1e6, weighing)
    assert (far.kappa, far.low) == pytest.approx((near.kappa, near.low), abs=1e-6)


def test_perfect_agreement_has_an_interval_of_width():
    (found,) = kappas([[1, 2, 3] * 20, [1, 2, 3] * 20])
    assert (found.kappa, found.low, found.high) == (1.0, pytest.approx(0.05 ** (1 / 60)), 1.0)
