"""Statistics that are read in blocks: the same bits however they are cut."""

import math
from fractions import Fraction

import numpy as np
import pytest

from metrics.base import Family
from metrics.rows import Rows, sum_of
from metrics.statistics.groups import Groups
from metrics.statistics.intervals import estimate
from metrics.statistics.yardstick import Column, Yardstick

RNG = np.random.default_rng(20)
WHOLE = RNG.integers(0, 50, size=(900, 3)).astype(float)
BROKEN = RNG.normal(size=(900, 3)) * 10.0 ** RNG.integers(-9, 9, size=(900, 3))


def cut(table, size):
    """Return a table as rows that are read in blocks of a size."""
    starts = range(0, len(table), size)
    return Rows(table.shape, lambda: (table[start : start + size] for start in starts))


@pytest.mark.parametrize("table", [WHOLE, BROKEN, np.vstack([WHOLE, BROKEN]), WHOLE[:0]])
@pytest.mark.parametrize("size", [1, 7, 450, 5_000])
def test_sums_are_rounded_once_however_the_rows_are_cut(table, size):
    rows = cut(table, size)

    exact = [float(sum(map(Fraction, column))) for column in table.T.tolist()]
    absolute = [float(sum(map(Fraction, map(abs, column)))) for column in table.T.tolist()]
    assert rows.totals().tolist() == exact
    assert rows.scales().tolist() == absolute
    assert rows.whole().tolist() == table.tolist()
    assert len(rows) == len(table)


def test_a_sum_without_end_stays_so():
    assert Rows.of(np.array([[math.inf, 0.5], [1.0, 0.25]])).totals().tolist() == [math.inf, 0.75]


def test_numbers_are_summed_as_if_exactly_whatever_their_order():
    values = BROKEN.ravel()

    assert sum_of(values) == sum_of(values[::-1]) == float(sum(map(Fraction, values.tolist())))


@pytest.mark.parametrize("size", [1, 64, 899])
def test_groups_add_rows_up_in_their_order_however_they_are_cut(size):
    groups = Groups.of(RNG.integers(0, 40, size=900), 900)

    one_by_one = np.column_stack([groups.sums(column) for column in BROKEN.T])
    assert groups.sums_of(cut(BROKEN, size)).tolist() == one_by_one.tolist()


@pytest.mark.parametrize("clusters", [None, np.arange(900) % 30, np.arange(900) // 3])
@pytest.mark.parametrize("attempts", [1, 3])
def test_an_estimate_does_not_depend_on_how_its_statistics_are_read(clusters, attempts):
    ratio = Yardstick(
        family=Family.CORPUS, high=1.0, low=0.0, values_of=lambda sums: sums[..., 0] / sums[..., 1]
    )
    of = np.stack([RNG.integers(3, 9, size=(900, attempts)) for _ in range(2)], axis=2)
    table = np.minimum.accumulate(of[:, :, ::-1], axis=2)[:, :, ::-1].astype(float)
    values = np.where(RNG.random((900, attempts)) < 0.1, np.nan, table[..., 0] / table[..., 1])

    found = [
        estimate(Column(values=values, statistics=statistics), ratio, clusters=clusters)
        for statistics in (table, cut(table, 1), cut(table, 17), cut(table, 1_000))
    ]

    assert found[0].value is not None
    assert found.count(found[0]) == len(found)


def test_what_is_summed_is_read_once_and_given_to_nobody_to_keep():
    n_read = []

    def read():
        n_read.append(1)
        return [WHOLE]

    rows, slopes = Rows(WHOLE.shape, read), np.array([1.0, 0.5, 0.25])
    for _ in range(2):  # what one caller does to its numbers is not seen by the next
        totals, scales, moved = rows.totals(), rows.scales(), rows.times(slopes)
        assert totals.tolist() == scales.tolist() == WHOLE.sum(axis=0).tolist()
        assert moved.tolist() == (WHOLE @ slopes).tolist()  # exact: halves of whole numbers
        for one in (totals, scales, moved):
            one[:] = 0.0
    assert len(n_read) == 2
    assert rows.times(2 * slopes).tolist() == (WHOLE @ (2 * slopes)).tolist()
    assert rows.at(np.ones(len(WHOLE), dtype=bool)) is rows
