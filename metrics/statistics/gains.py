"""What each pair gained, so that a mean over some pairs is the gain of these."""

from __future__ import annotations

import numpy as np

from metrics.base import Family
from metrics.batch import Floats
from metrics.statistics.influence import influences
from metrics.statistics.yardstick import Column, Yardstick, statistics_of, value_of
from metrics.tallies import without_idle


def gains_of(baseline: Column, candidate: Column, yardstick: Yardstick) -> Floats | None:
    """Return the gain of each pair, oriented so that more is better; None where there is none.

    Both columns are folded and scored in every row. Of a corpus metric it is what a pair moves
    the value, to the first order, so that the mean over all pairs is the whole gain. A quantile
    is no mean of gains, and a value that is undefined on one side has none.
    """
    if yardstick.family is Family.QUANTILE or not len(baseline.values):
        return None
    if yardstick.family is not Family.CORPUS:
        return yardstick.oriented(candidate.values - baseline.values)
    before, after = without_idle(statistics_of(baseline), statistics_of(candidate))
    gain = value_of(candidate, yardstick) - value_of(baseline, yardstick)
    moves = influences(after, yardstick) - influences(before, yardstick)
    gains = yardstick.oriented(gain + len(moves) * moves)
    return gains if np.isfinite(gains).all() else None
