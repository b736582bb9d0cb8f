"""What the statistics read: yardsticks, columns, folded attempts, groups."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics.base import Family
from metrics.rows import Rows
from metrics.statistics.groups import Groups
from metrics.statistics.yardstick import Column, Yardstick, statistics_of, value_of
from tests.metrics.shapes import ERRORS, PENALTY, POINTS, RATIO, SHARE, column, corpus


def test_attempts_are_averaged_within_examples_so_that_examples_weigh_alike():
    nan = math.nan
    folded = Column(values=np.array([[1.0, 0.0, 1.0], [1.0, nan, nan], [nan, nan, nan]])).folded()
    np.testing.assert_allclose(folded.values, [2 / 3, 1.0, nan])
    assert value_of(folded, SHARE) == pytest.approx((2 / 3 + 1) / 2)


@given(value=st.floats(allow_nan=False, allow_infinity=False, width=32), n=st.integers(1, 20))
def test_attempts_of_one_value_keep_it_to_the_bit(value, n):
    values = np.array([[value / 10] * n + [math.nan]])

    assert Column(values=values).folded().values.tolist() == [value / 10]


def test_statistics_of_attempts_are_averaged_over_the_scored_ones():
    values = np.array([[0.5, 0.2], [0.1, math.nan]])
    statistics = np.array([[[2.0, 4.0], [4.0, 20.0]], [[1.0, 10.0], [0.0, 0.0]]])
    folded = Column(values=values, statistics=statistics).folded()
    np.testing.assert_array_equal(statistics_of(folded).whole(), [[3.0, 12.0], [1.0, 10.0]])
    assert value_of(folded, RATIO) == pytest.approx(4 / 22)


def test_one_attempt_needs_no_folding():
    single = column([1, 0])
    assert single.folded() is single
    assert (single.attempts, Column(values=np.zeros((2, 3))).attempts) == (1, 3)


def test_a_corpus_column_needs_statistics_and_a_corpus_metric_a_formula():
    with pytest.raises(ValueError, match="needs its statistics"):
        statistics_of(column([1]))
    with pytest.raises(ValueError, match="and no other"):
        Yardstick(family=Family.CORPUS)
    with pytest.raises(ValueError, match="and no other"):
        Yardstick(family=Family.MEAN, values_of=RATIO.values_of)
    with pytest.raises(ValueError, match="is empty"):
        Yardstick(family=Family.MEAN, low=1.0, high=1.0)
    with pytest.raises(TypeError, match="Only a corpus metric"):
        SHARE.corpus_values(np.zeros(2))


def test_more_is_better_whatever_the_metric_counts():
    assert (SHARE.oriented(0.25), PENALTY.oriented(0.25)) == (0.25, -0.25)
    assert (PENALTY.width, POINTS.width, ERRORS.width) == (25.0, math.inf, math.inf)


def test_the_value_of_a_corpus_is_that_of_its_sums():
    assert value_of(corpus([[1, 2], [3, 10]]), RATIO) == pytest.approx(4 / 12)


def test_rows_chosen_by_a_mask_keep_their_statistics():
    chosen = corpus([[1, 2], [3, 10]]).at(np.array([False, True]))
    np.testing.assert_array_equal(chosen.statistics, [[3.0, 10.0]])
    assert column([1, 2]).at(np.array([1])).statistics is None


def test_rows_are_summed_within_clusters():
    groups = Groups.of(np.array(["b", "a", "b"]), 3)
    np.testing.assert_array_equal(groups.sums(np.array([1.0, 2.0, 3.0])), [2.0, 4.0])
    rows = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])
    np.testing.assert_array_equal(groups.sums_of(Rows.of(rows)), [[2.0, 20.0], [4.0, 40.0]])
    assert (len(groups), groups.n_rows, groups.are_clusters) == (2, 3, True)


def test_a_row_without_a_cluster_stands_alone():
    groups = Groups.of(np.array([-1, 7, 7, -1, 3], dtype=np.int32), 5)
    assert sorted(groups.sizes) == [1.0, 1.0, 1.0, 2.0]
    assert sorted(Groups.of(np.array([-1, -1]), 2).sizes) == [1.0, 1.0]


def test_cluster_ids_must_be_as_many_as_rows():
    with pytest.raises(ValueError, match="3 rows, but 2 cluster ids"):
        Groups.of(np.array([1, 2]), 3)


# 20 scores in six clusters: statsmodels' cluster-robust OLS on an intercept, and Miller (2024),
# arXiv 2411.00640, give these standard errors.
SCORES = [0.702, 0.277, 0.337, 0.617, 0.963, 0.943, 0.848, 1.0, 0.929, 0.663]
SCORES += [0.186, 0.0, 0.288, 0.102, 0.075, 0.138, 0.519, 0.244, 0.189, 0.204]
CLUSTERS = [0, 1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 5]


@pytest.mark.parametrize(
    ("clusters", "error"), [(None, 0.07620714844215212), (CLUSTERS, 0.1525695867465072)]
)
def test_standard_errors_are_those_of_statsmodels(clusters, error):
    scores = np.array(SCORES)
    groups = Groups.of(None if clusters is None else np.array(clusters), 20)
    contributions = (scores - scores.mean()) / 20
    assert groups.standard_error(contributions) == pytest.approx(error, abs=1e-12)
