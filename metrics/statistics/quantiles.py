"""Quantiles of a run: their intervals from order statistics, and what moves them.

A quantile is over outputs, not over the means of examples: the slowest of ten attempts is slow.
Paired differences of quantiles, measured on correlated log-normal outputs without a difference:
3 to 5 % rejections at the 5 % level for medians of 50 to 1,000 outputs, 0.3 to 4 % for 90th and
95th percentiles, the fewer the less.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from metrics.averages import quantile_of
from metrics.batch import Floats
from metrics.statistics.distributions import normal_quantile, t_quantile
from metrics.statistics.groups import Groups, with_loners

# So many values are expected on the thinner side of the quantile, or it has no interval:
# 10 for a median, 100 for a 95th, 500 for a 99th percentile.
MIN_BEYOND = 5
ALIKE = "The outputs around this quantile are all alike, so nothing shows its spread."
_ROUNDING = 1e-9
_WINDOW = 12.0  # standard deviations of a binomial count, beyond which nothing is looked for


def flattened(values: Floats, clusters: NDArray[Any] | None) -> tuple[Floats, NDArray[Any] | None]:
    """Lay every attempt of every example end to end; the attempts of one example hang together."""
    if values.ndim == 1 or values.shape[1] == 1:
        return values.ravel(), clusters
    examples = np.arange(len(values)) if clusters is None else with_loners(np.asarray(clusters))
    return values.ravel(), np.repeat(examples, values.shape[1])


def too_few_for(level: float, n: float) -> str:
    """Say why n values are too few for an interval of a quantile; empty when they suffice."""
    thinner = min(level, 1.0 - level)
    if n * thinner >= MIN_BEYOND - _ROUNDING:
        return ""
    needed = math.ceil(MIN_BEYOND / thinner - _ROUNDING)
    return f"An interval of this quantile needs at least {needed:,} outputs; there are {n:,.0f}."


def order_statistics(
    values: Floats, level: float, groups: Groups, *, alpha: float
) -> tuple[float, float] | str:
    """Return the ends of the quantile's interval, or the sentence why there is none.

    Exact for independent values: the number below the true quantile is binomial (David &
    Nagaraja, "Order Statistics", 2003, section 7.1). Under clusters the share below it gets
    Wilson's interval with the effective number of values (Woodruff 1952).
    """
    n = len(values)
    effective = _effective_n(values, level, groups) if groups.are_clusters else float(n)
    if why := too_few_for(level, effective):
        return why
    ordered = np.sort(values)
    if groups.are_clusters:
        first, last = _clustered_ranks(n, level, effective, len(groups), alpha)
    else:
        first, last = binomial_ranks(n, level, alpha)
    if first < 1 or last > n:
        return f"{n:,} outputs are too few to bound this quantile on both sides."
    low, high = float(ordered[first - 1]), float(ordered[last - 1])
    if low == high:
        return ALIKE
    return low, high


def binomial_ranks(n: int, level: float, alpha: float) -> tuple[int, int]:
    """Return which order statistics, from 1, hold the quantile with probability 1 - alpha."""
    reach = _WINDOW * math.sqrt(n * level * (1 - level)) + 2
    counts = np.arange(
        max(0, math.floor(n * level - reach)), min(n, math.ceil(n * level + reach)) + 1
    )
    at_most = bdtr(counts, n, level)
    low, high = np.searchsorted(at_most, [alpha / 2, 1 - alpha / 2]).tolist()
    return int(counts[low]), int(counts[min(high, len(counts) - 1)]) + 1


def _effective_n(values: Floats, level: float, groups: Groups) -> float:
    n = len(values)
    below = (values <= quantile_of(values, level)).astype(np.float64)
    share = float(below.mean())
    error = groups.standard_error((below - share) / n)
    if error <= _ROUNDING:  # every group has the same share below: as if each were one value
        return float(len(groups))
    return min(float(n), share * (1 - share) / error**2)


def _clustered_ranks(
    n: int, level: float, effective: float, n_groups: int, alpha: float
) -> tuple[int, int]:
    reach = t_quantile(1 - alpha / 2, n_groups - 1)
    center = (level + reach**2 / (2 * effective)) / (1 + reach**2 / effective)
    half = (
        reach
        * math.sqrt(level * (1 - level) / effective + reach**2 / (4 * effective**2))
        / (1 + reach**2 / effective)
    )
    return math.floor(n * (center - half)), math.ceil(n * (center + half)) + 1


def quantile_influences(values: Floats, level: float) -> Floats | None:
    """Return how much each value moves the quantile, to first order; None where all are alike.

    (level - [value <= quantile]) / (n density), the density read off the order statistics one
    standard error of the rank to either side (Siddiqui 1960; Woodruff 1952).
    """
    n = len(values)
    ordered = np.sort(values)
    reach = normal_quantile(0.975) * math.sqrt(n * level * (1 - level))
    first = max(0, math.floor(n * level - reach))
    last = min(n - 1, math.ceil(n * level + reach))
    spacing = float(ordered[last] - ordered[first])
    if spacing == 0.0:
        return None
    density = (last - first) / n / spacing
    below = (values <= quantile_of(values, level)).astype(np.float64)
    moves: Floats = (below.mean() - below) / (n * density)
    return moves


def example_influences(values: Floats, level: float) -> Floats | None:
    """Return how much each example, with all its attempts, moves the quantile, centered.

    `values` is (examples,) or (examples, attempts), NaN where unscored.
    """
    rows = values.reshape(len(values), -1)
    scored = ~np.isnan(rows)
    moves = quantile_influences(rows[scored], level)
    if moves is None:
        return None
    example, _ = np.nonzero(scored)
    sums = np.bincount(example, weights=moves, minlength=len(rows))
    centered: Floats = sums - sums.mean()
    return centered
