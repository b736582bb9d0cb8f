"""Adjusted p-values for several findings at once; NaN, a finding without a p, is left out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from metrics.batch import Floats


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Control the share of false findings: for exploring many metrics and slices.

    Benjamini & Hochberg (1995), with the step-up minimum over larger p-values.
    """
    return _adjusted(p_values, _step_up)


def holm(p_values: ArrayLike) -> Floats:
    """Control the chance of any false finding: for the few rules of a gate. Holm (1979)."""
    return _adjusted(p_values, _step_down)


def _adjusted(p_values: ArrayLike, adjust: Callable[[Floats], Floats]) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum(adjust(p[order]), 1.0)
    return adjusted


def _step_up(rising: Floats) -> Floats:
    count = len(rising)
    scaled = rising * count / np.arange(1, count + 1)
    return np.minimum.accumulate(scaled[::-1])[::-1]


def _step_down(rising: Floats) -> Floats:
    count = len(rising)
    return np.maximum.accumulate(rising * (count - np.arange(count)))
