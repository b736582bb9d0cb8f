"""How much each example moves a corpus value: the infinitesimal jackknife, or delta method."""

from __future__ import annotations

import numpy as np

from metrics.base import Floats
from metrics.rows import Rows
from metrics.yardstick import Yardstick

# Central differences are most accurate near the cube root of the rounding error.
_RELATIVE_STEP = 6e-6


def influences(statistics: Rows, yardstick: Yardstick) -> Floats:
    """Return each example's centered contribution to the value's first-order change.

    The gradient of the value at the summed statistics times each example's statistics; Efron,
    "The Jackknife, the Bootstrap and Other Resampling Plans" (1982), chapter 6.
    """
    gradient = _gradient(statistics.totals(), statistics.scales(), yardstick)
    moved = np.zeros(len(statistics))
    for part, block in statistics.blocks():
        for column, slope in zip(block.T, gradient, strict=True):
            moved[part] += slope * column
    centered: Floats = moved - moved.mean()
    return centered


def _gradient(totals: Floats, scales: Floats, yardstick: Yardstick) -> Floats:
    """Differentiate by central differences; a statistic that is always 0 moves nothing."""
    steps = _RELATIVE_STEP * scales
    shifts = np.diag(steps)
    rise = yardstick.corpus_values(totals + shifts) - yardstick.corpus_values(totals - shifts)
    return np.divide(rise, 2.0 * steps, out=np.zeros_like(rise), where=steps > 0)
