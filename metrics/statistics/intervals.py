"""The interval beside a run's value, or the sentence why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from metrics.base import Family
from metrics.batch import Floats
from metrics.statistics.distributions import normal_quantile, t_quantile
from metrics.statistics.groups import Groups
from metrics.statistics.influence import influences
from metrics.statistics.quantiles import flattened, order_statistics
from metrics.statistics.yardstick import Column, Yardstick, statistics_of, value_of
from metrics.tallies import AnyRows, without_idle

ALPHA = 0.05
RESAMPLES = 10_000
MIN_FOR_DELTA = 200
# Spreads below this share of the values' scale are rounding, not variation.
ROUNDING = 1e-9
_BLOCK = 2_000


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A 95 % interval and the method it comes from. It is never of width 0."""

    low: float
    high: float
    method: str


@dataclass(frozen=True, kw_only=True)
class NoInterval:
    """Why a value has no interval, as a sentence."""

    reason: str


AnyInterval: TypeAlias = Interval | NoInterval


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A run's (or slice's) value over its scored examples, with its interval.

    `value` is None where nothing is scored or the metric is undefined on it.
    """

    value: float | None
    interval: AnyInterval
    n: int
    clusters: int | None


def estimate(
    column: Column,
    yardstick: Yardstick,
    *,
    clusters: NDArray[Any] | None = None,
    seed: int = 0,
    alpha: float = ALPHA,
) -> Estimate:
    """Return the value of a run's column and the interval that fits its family.

    Attempts are averaged within examples first (a quantile is over the outputs, those of one
    example as a cluster), and what is unscored is left out. Where
    `clusters` names what examples belong together, the clusters are what varies independently.
    """
    is_binary = yardstick.family is Family.BINARY and column.attempts == 1
    if yardstick.family is Family.QUANTILE:
        _, clusters = flattened(column.values, clusters)
    column = yardstick.units(column)
    scored = ~np.isnan(column.values)
    column = column.at(scored)
    groups = Groups.of(None if clusters is None else clusters[scored], len(column.values))
    value = value_of(column, yardstick) if scored.any() else math.nan
    n_clusters = len(groups) if groups.are_clusters else None
    if math.isnan(value):
        why = "The value is undefined." if scored.any() else "No example is scored."
        interval: AnyInterval = NoInterval(reason=why)
        return Estimate(value=None, interval=interval, n=groups.n_rows, clusters=n_clusters)
    if groups.too_few:
        interval = NoInterval(reason=groups.too_few)
    elif yardstick.family is Family.CORPUS:
        interval = _corpus_interval(column, value, yardstick, groups, seed=seed, alpha=alpha)
    elif yardstick.family is Family.QUANTILE:
        interval = _quantile_interval(column.values, yardstick.level, groups, alpha=alpha)
    elif is_binary:
        interval = _wilson_interval(column.values, value, groups, alpha=alpha)
    else:
        interval = _mean_interval(column.values, value, yardstick, groups, alpha=alpha)
    return Estimate(value=value, interval=interval, n=groups.n_rows, clusters=n_clusters)


def unvaried_interval(
    value: float, n_groups: int, low: float, high: float, *, alpha: float = ALPHA
) -> AnyInterval:
    """Return what n examples that show no variation still allow, given the metric's range.

    If more than a share of 1 - alpha^(1/n) (about 3/n, the "rule of three") of all examples
    differed, a sample without any would have had a chance below alpha; and such examples can
    lie anywhere in the range. Hanley & Lippman-Hand (1983).
    """
    if not math.isfinite(high - low):
        return NoInterval(
            reason="The scores do not vary, and no range of the metric bounds what was not seen."
        )
    return rule_of_three(value, n_groups, low, high, alpha=alpha)


def rule_of_three(
    value: float, n_groups: int, low: float, high: float, *, alpha: float = ALPHA
) -> Interval:
    """Return how far what was not seen could move the mean of n alike, in a range that ends."""
    unseen = -math.expm1(math.log(alpha) / n_groups)
    return Interval(
        low=value - unseen * (value - low),
        high=value + unseen * (high - value),
        method=f"rule of three, no variation in {n_groups}",
    )


def is_rounding(spread: float, *, scale: float) -> bool:
    """Tell whether a spread is nothing but the rounding of numbers of this scale."""
    return spread <= ROUNDING * scale


def scale_of(value: float, yardstick: Yardstick) -> float:
    """Return how large the numbers of a column are, for telling rounding from variation."""
    return yardstick.width if math.isfinite(yardstick.width) else max(abs(value), 1e-300)


def symmetric_interval(
    value: float, reach: float, yardstick: Yardstick, method: str
) -> AnyInterval:
    """Return value ± reach, cut at the metric's range."""
    low, high = max(value - reach, yardstick.low), min(value + reach, yardstick.high)
    return Interval(low=low, high=high, method=method)


def _mean_interval(
    values: Floats, value: float, yardstick: Yardstick, groups: Groups, *, alpha: float
) -> AnyInterval:
    error = groups.standard_error((values - value) / len(values))
    if is_rounding(error, scale=scale_of(value, yardstick)):
        return unvaried_interval(value, len(groups), yardstick.low, yardstick.high, alpha=alpha)
    reach = t_quantile(1 - alpha / 2, len(groups) - 1) * error
    return symmetric_interval(value, reach, yardstick, f"t{groups.suffix}")


def _quantile_interval(
    values: Floats, level: float, groups: Groups, *, alpha: float
) -> AnyInterval:
    ends = order_statistics(values, level, groups, alpha=alpha)
    if isinstance(ends, str):
        return NoInterval(reason=ends)
    return Interval(low=ends[0], high=ends[1], method=f"order statistics{groups.suffix}")


def _wilson_interval(values: Floats, value: float, groups: Groups, *, alpha: float) -> AnyInterval:
    """Wilson's interval; under clusters with the effective number of examples.

    The effective number carries the t correction of Korn & Graubard (1998); where all examples
    agree, it is the number of clusters, as if each repeated one answer.
    """
    z = normal_quantile(1 - alpha / 2)
    n = float(len(values))
    if groups.are_clusters:
        error = groups.standard_error((values - value) / n)
        n = min(n, effective_n(value, error, len(groups), alpha=alpha))
    low, high = wilson(value, n, z=z)
    return Interval(low=low, high=high, method=f"Wilson{groups.suffix}")


def effective_n(share: float, error: float, n_groups: int, *, alpha: float = ALPHA) -> float:
    """Return of how many independent yes or no a share with this clustered error would be.

    With the t correction of Korn & Graubard (1998). A share of 0 or 1 is worth its groups, and
    one that no group departs from is worth infinitely many.
    """
    shrink = (normal_quantile(1 - alpha / 2) / t_quantile(1 - alpha / 2, n_groups - 1)) ** 2
    variance = share * (1 - share)
    if variance == 0.0:
        return n_groups * shrink
    return variance / error**2 * shrink if error > 0.0 else math.inf


def wilson(share: float, n: float, *, z: float) -> tuple[float, float]:
    """Return Wilson's (1927) interval of a proportion of n."""
    center = share + z**2 / (2 * n)
    reach = z * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    stretch = 1 + z**2 / n
    low, high = (center - reach) / stretch, (center + reach) / stretch
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def _corpus_interval(
    column: Column,
    value: float,
    yardstick: Yardstick,
    groups: Groups,
    *,
    seed: int,
    alpha: float,
) -> AnyInterval:
    statistics = statistics_of(column)
    if len(groups) < MIN_FOR_DELTA:
        return _resampled_interval(statistics, value, yardstick, groups, seed=seed, alpha=alpha)
    error = groups.standard_error(influences(statistics, yardstick))
    if is_rounding(error, scale=scale_of(value, yardstick)):
        return unvaried_interval(value, len(groups), yardstick.low, yardstick.high, alpha=alpha)
    reach = t_quantile(1 - alpha / 2, len(groups) - 1) * error
    return symmetric_interval(value, reach, yardstick, f"delta method{groups.suffix}")


def _resampled_interval(
    statistics: AnyRows,
    value: float,
    yardstick: Yardstick,
    groups: Groups,
    *,
    seed: int,
    alpha: float,
) -> AnyInterval:
    (counted,) = without_idle(statistics)
    drawn = _resampled_values(groups.sums_of(counted), yardstick, seed=seed)
    defined = drawn[~np.isnan(drawn)]
    if len(defined) < (1 - alpha / 2) * RESAMPLES:
        return NoInterval(
            reason=f"The value is undefined in {RESAMPLES - len(defined):,} of "
            f"{RESAMPLES:,} resamples, so its spread is unknown."
        )
    low, high = np.quantile(defined, [alpha / 2, 1 - alpha / 2])
    if is_rounding(float(high - low), scale=scale_of(value, yardstick)):
        return unvaried_interval(value, len(groups), yardstick.low, yardstick.high, alpha=alpha)
    method = f"{RESAMPLES:,} seeded resamples{groups.suffix}"
    return Interval(low=min(float(low), value), high=max(float(high), value), method=method)


def _resampled_values(sums: Floats, yardstick: Yardstick, *, seed: int) -> Floats:
    """Draw groups with replacement and return the value of every draw."""
    rng = np.random.Generator(np.random.PCG64(seed))
    n = len(sums)
    row = np.arange(_BLOCK)[:, None] * n
    values = []
    for _ in range(RESAMPLES // _BLOCK):
        picked = rng.integers(n, size=(_BLOCK, n)) + row
        weights = np.bincount(picked.ravel(), minlength=_BLOCK * n).reshape(_BLOCK, n)
        values.append(yardstick.corpus_values(weighted_sums(weights, sums)))
    return np.concatenate(values)


def weighted_sums(weights: NDArray[Any], rows: Floats) -> Floats:
    """Return weights @ rows, to the bit whatever the number of threads.

    BLAS adds in an order that depends on the threads. Whole numbers add up to the same in any
    order where no sum is beyond those that a float counts; all others are added without BLAS.
    """
    if weights.dtype.kind in "biu" and np.all(np.rint(rows) == rows):
        largest = float(np.abs(rows).sum(axis=0).max(initial=0.0)) * float(weights.max(initial=0))
        for kind, counted in ((np.float32, 2.0**24), (np.float64, 2.0**53)):
            if largest < counted:
                return np.asarray(weights.astype(kind) @ rows.astype(kind), dtype=np.float64)
    return np.asarray(np.einsum("bn,nk->bk", weights.astype(np.float64), rows))
