"""What each pair gained, against differences and against leaving pairs out."""

import numpy as np
import pytest

from metrics.base import Family
from metrics.statistics.gains import gains_of
from metrics.statistics.pairs import compare
from metrics.statistics.yardstick import Yardstick
from tests.metrics.shapes import ERRORS, RATIO, SHARE, column, corpus, ratio_rows


def test_the_gain_of_a_pair_is_its_difference_turned_so_that_more_is_better():
    before, after = column([0.5, 0.25, 1.0]), column([0.75, 0.0, 1.0])
    less = Yardstick(family=Family.MEAN, low=0, high=1, higher_is_better=False)
    assert gains_of(before, after, SHARE).tolist() == [0.25, -0.25, 0.0]
    assert gains_of(before, after, less).tolist() == [-0.25, 0.25, 0.0]
    for yardstick in (SHARE, less):
        alike = [gains_of(after, after, yardstick)[0], compare(after, after, yardstick).gain]
        assert not np.signbit(alike).any()  # SQLite would keep -0.0 as 0.0


@pytest.mark.parametrize("yardstick", [RATIO, ERRORS])
def test_the_gain_of_a_pair_in_a_corpus_is_what_it_moves_the_value(yardstick):
    rng = np.random.default_rng(3)
    before, after = ratio_rows(rng, 400), ratio_rows(rng, 400)
    gains = gains_of(corpus(before), corpus(after), yardstick)

    def whole(keep):
        values = [yardstick.corpus_values(rows[keep].sum(axis=0)) for rows in (before, after)]
        return yardstick.oriented(float(values[1] - values[0]))

    everyone = np.ones(400, dtype=bool)
    assert gains.mean() == pytest.approx(whole(everyone))
    # The jackknife: what is left without a pair says how much that pair moved it.
    for pair in range(5):
        keep = everyone.copy()
        keep[pair] = False
        left_out = 400 * whole(everyone) - 399 * whole(keep)
        assert gains[pair] == pytest.approx(left_out, abs=0.01)


def test_where_no_pair_has_a_gain_of_its_own_there_is_none():
    quantile = Yardstick(family=Family.QUANTILE, level=0.9)
    assert gains_of(column([1.0]), column([2.0]), quantile) is None
    assert gains_of(column([]), column([]), SHARE) is None
    nothing = corpus(np.zeros((3, 2)))
    assert gains_of(nothing, nothing, RATIO) is None
