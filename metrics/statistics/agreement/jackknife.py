"""The interval of a coefficient from its values without each independent group.

A jackknife over groups (examples, or clusters of them), as Hughes (2022), arXiv 2210.13265,
advises for alpha, with three changes. The interval is one of Fisher's z (of the coefficient's
place in its range): that takes away most of its skewness and keeps it inside the range. It lies
around the value without the jackknife's estimate of its bias, which few groups have. And its t
quantile has the degrees of freedom that the spread of the groups allows, fewer where a few of
them say most. docs/decisions/0021-intervals-of-agreement.md measures what that is worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from metrics.batch import Floats
from metrics.statistics.distributions import t_quantile
from metrics.statistics.groups import MIN_CLUSTERS

SIGNIFICANCE = 0.05
MIN_EXAMPLES = 2
ROUNDING = 1e-12
NO_SPREAD = "Every group agrees to the same degree, so nothing shows a spread."


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a coefficient can be."""

    lowest: float
    highest: float = 1.0

    @property
    def middle(self) -> float:
        return (self.lowest + self.highest) / 2

    @property
    def half(self) -> float:
        return (self.highest - self.lowest) / 2


BEYOND_CHANCE = Range(lowest=-1.0)
SHARE = Range(lowest=0.0)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A 95 % interval with its standard error, or in `no_interval` why there is none.

    What never varied has an interval without a standard error. `degrees` are those of t, and
    `bias` is how far the value is expected to lie from what very many groups would give.
    """

    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    degrees: float | None = None
    bias: float = 0.0
    no_interval: str = ""


def jackknifed(
    value: float,
    without: Floats,
    *,
    are_clusters: bool,
    within: Range = BEYOND_CHANCE,
    informative: int | None = None,
) -> Spread:
    """Return the interval of a coefficient, given it without each group.

    `informative` counts the groups that have something to compare, if not all.
    """
    n = len(without)
    if why := too_few(n if informative is None else informative, are_clusters=are_clusters):
        return Spread(no_interval=why)
    if np.isnan(without).any():
        noun = "clusters" if are_clusters else "examples"
        return Spread(no_interval=f"All the variation comes from one of the {noun}.")
    around = without - without.mean()
    error = math.sqrt((n - 1) * float(np.square(around).mean()))
    if error < ROUNDING:
        return unvaried(value, n if informative is None else informative, within)
    degrees = degrees_of(n, float(np.square(around).mean()), float((around**4).mean()))
    bias = (n - 1) * float(without.mean() - value)
    low, high = ends(value, error, degrees, within, bias=bias)
    return Spread(low=low, high=high, standard_error=error, degrees=degrees, bias=bias)


def too_few(n: int, *, are_clusters: bool) -> str:
    """Say why so many groups carry no interval; nothing where they do."""
    least, noun = (MIN_CLUSTERS, "clusters") if are_clusters else (MIN_EXAMPLES, "examples")
    there_are = f"there is {n}" if n == 1 else f"there are {n}"
    return "" if n >= least else f"An interval needs at least {least} {noun}: {there_are}."


def ends(
    value: float, error: float, degrees: float, within: Range, *, bias: float = 0.0
) -> tuple[float, float]:
    """Return value - bias ± t * error, reckoned in Fisher's z of the place in the range."""
    reach = t_quantile(1 - SIGNIFICANCE / 2, degrees) * error
    place = (value - within.middle) / within.half
    if abs(place) >= 1:
        return max(within.lowest, value - reach), min(within.highest, value + reach)
    z = math.atanh(place) - bias / within.half / (1 - place**2)
    slope = within.half * (1 - math.tanh(z) ** 2)
    low, high = (
        within.middle + within.half * math.tanh(z + way * reach / slope) for way in (-1, 1)
    )
    return min(low, value), max(high, value)


def degrees_of(n: int, second: float, fourth: float) -> float:
    """Return Satterthwaite's degrees of freedom of a variance, by the sample's moments.

    The variance of a sample variance is s^4 * (kurtosis - (n - 3) / (n - 1)) / n, which makes
    2n / (kurtosis - (n - 3) / (n - 1)) degrees: n - 1 for what is normal. The kurtosis is the
    unbiased one of Joanes & Gill (1998).
    """
    if n < 4:
        return n - 1.0
    excess = fourth / second**2 - 3.0
    kurtosis = 3.0 + (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * excess + 6.0)
    spread = kurtosis - (n - 3) / (n - 1)
    return max(1.0, 2.0 * n / spread) if spread > 2.0 * n / (n - 1) else n - 1.0


def unvaried(value: float, n: int, within: Range) -> Spread:
    """Bound what never varies by the rule of three: a share 1 - 0.05^(1/n) may yet be chance."""
    unseen = -math.expm1(math.log(SIGNIFICANCE) / n)
    if value > within.highest - ROUNDING:
        return Spread(low=within.highest - unseen, high=within.highest)
    if value < within.lowest + ROUNDING:
        return Spread(low=within.lowest, high=within.lowest + unseen)
    return Spread(no_interval=NO_SPREAD)
