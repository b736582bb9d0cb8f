"""What a run's value is made of: sums, means, ratios and quantiles, in any order of examples."""

from __future__ import annotations

import math

import numpy as np

from metrics.batch import Floats
from metrics.rows import Rows, sum_of


def mean_of(values: Floats) -> float:
    """Return the mean of the values that are there, whatever their order; NaN without any."""
    present = values[~np.isnan(values)]
    return sum_of(present) / len(present) if len(present) else math.nan


def quantile_of(values: Floats, level: float) -> float:
    """Return the quantile of the values that are there; NaN without any.

    Between two order statistics it is interpolated (definition 7 of Hyndman & Fan 1996).
    """
    present = values[~np.isnan(values)]
    return float(np.quantile(present, level)) if len(present) else math.nan


def ratio_of(part: Floats, whole: Floats) -> Floats:
    """Divide sums, over any leading axes; NaN where there is nothing to divide by."""
    undefined: Floats = np.full(np.shape(whole), math.nan)
    return np.asarray(np.divide(part, whole, out=undefined, where=whole > 0.0))


def totals_of(statistics: Floats) -> Floats:
    """Return the column sums of statistics, whatever their order and chunks."""
    return Rows.of(statistics).totals()
