"""Small measurements whose formulas are known, for testing the statistics."""

import math

import numpy as np

from metrics.base import Family
from metrics.statistics.yardstick import Column, Yardstick

YES_NO = Yardstick(family=Family.BINARY, low=0.0, high=1.0)
SHARE = Yardstick(family=Family.MEAN, low=0.0, high=1.0)
POINTS = Yardstick(family=Family.MEAN)
PENALTY = Yardstick(family=Family.MEAN, low=0.0, high=25.0, higher_is_better=False)


def ratio_of_sums(totals):
    """Sum of the first statistic over the sum of the second, NaN over nothing."""
    above, below = totals[..., 0], totals[..., 1]
    return np.divide(above, below, out=np.full(above.shape, math.nan), where=below != 0)


def micro_f1(totals):
    """2 TP / (2 TP + FP + FN) of summed counts, in percent."""
    hits, false, missed = (totals[..., k] for k in range(3))
    both = 2 * hits + false + missed
    return 100 * np.divide(2 * hits, both, out=np.full(hits.shape, math.nan), where=both != 0)


RATIO = Yardstick(family=Family.CORPUS, low=0.0, high=1.0, values_of=ratio_of_sums)
ERRORS = Yardstick(family=Family.CORPUS, low=0.0, higher_is_better=False, values_of=ratio_of_sums)
MICRO_F1 = Yardstick(family=Family.CORPUS, low=0.0, high=100.0, values_of=micro_f1)


def column(values):
    return Column(values=np.asarray(values, dtype=np.float64))


def corpus(statistics):
    rows = np.asarray(statistics, dtype=np.float64)
    return Column(values=np.zeros(len(rows)), statistics=rows)


def binary_pairs(*, both=0, lost=0, won=0, neither=0):
    """Two columns with this many pairs of each kind."""
    before = [1.0] * (both + lost) + [0.0] * (won + neither)
    after = [1.0] * both + [0.0] * lost + [1.0] * won + [0.0] * neither
    return column(before), column(after)


def ratio_rows(rng, n, *, level=0.5, spread=0.2):
    """Statistics of n examples of different lengths whose ratio is near `level`."""
    length = rng.integers(5, 60, size=n).astype(np.float64)
    share = np.clip(rng.normal(level, spread, size=n), 0, 1)
    return np.column_stack([np.round(length * share), length])
