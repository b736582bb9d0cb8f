"""How much each example moves a corpus value: the infinitesimal jackknife, or delta method."""

from __future__ import annotations

import numpy as np

from metrics.batch import Floats
from metrics.statistics.yardstick import Yardstick
from metrics.tallies import AnyRows

# Central differences are most accurate near the cube root of the rounding error.
_RELATIVE_STEP = 6e-6
# So many statistics are differentiated at once: a metric over classes may have thousands.
_AT_ONCE = 300


def influences(statistics: AnyRows, yardstick: Yardstick) -> Floats:
    """Return each example's centered contribution to the value's first-order change.

    The gradient of the value at the summed statistics times each example's statistics; Efron,
    "The Jackknife, the Bootstrap and Other Resampling Plans" (1982), chapter 6.
    """
    moved = statistics.times(_gradient(statistics.totals(), statistics.scales(), yardstick))
    centered: Floats = moved - moved.mean()
    return centered


def _gradient(totals: Floats, scales: Floats, yardstick: Yardstick) -> Floats:
    """Differentiate by central differences; a statistic that is always 0 moves nothing."""
    steps = _RELATIVE_STEP * scales
    gradient = np.zeros(len(steps))
    moving = np.flatnonzero(steps > 0)
    for start in range(0, len(moving), _AT_ONCE):
        columns = moving[start : start + _AT_ONCE]
        shifts = np.zeros((len(columns), len(steps)))
        shifts[np.arange(len(columns)), columns] = steps[columns]
        rise = yardstick.corpus_values(totals + shifts) - yardstick.corpus_values(totals - shifts)
        gradient[columns] = rise / (2.0 * steps[columns])
    return gradient
