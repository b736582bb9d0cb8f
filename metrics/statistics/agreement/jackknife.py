"""The interval of a coefficient from its values without each independent group.

A jackknife over groups (examples, or clusters of them), as Hughes (2022), arXiv 2210.13265,
advises for alpha, with two changes. The interval is one of Fisher's z (of the coefficient's place
in its range): that takes away most of its skewness and keeps it inside the range. And its t
quantile has the degrees of freedom that the spread of the groups allows, fewer where a few of
them say most.
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
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A 95 % interval with its standard error, or in `no_interval` why there is none.

    Perfect agreement has an interval without a standard error. `degrees` are those of t, and
    `groups` how many groups the interval comes from.
    """

    groups: int
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    degrees: float | None = None
    no_interval: str = ""


def jackknifed(
    value: float, without: Floats, *, are_clusters: bool, lowest: float = -1.0
) -> Spread:
    """Return the interval of a coefficient between `lowest` and 1, given it without each group."""
    n, noun = len(without), "clusters" if are_clusters else "examples"
    least = MIN_CLUSTERS if are_clusters else MIN_EXAMPLES
    if n < least:
        there_are = f"there is {n}" if n == 1 else f"there are {n}"
        return Spread(
            groups=n, no_interval=f"An interval needs at least {least} {noun}: {there_are}."
        )
    if np.isnan(without).any():
        return Spread(groups=n, no_interval=f"All the variation comes from one of the {noun}.")
    error = math.sqrt((n - 1) * float(np.square(without - without.mean()).mean()))
    if error < _ROUNDING:
        return _unvaried(value, n, lowest)
    degrees = _degrees(without)
    low, high = interval(value, error, degrees, lowest=lowest)
    return Spread(groups=n, low=low, high=high, standard_error=error, degrees=degrees)


def interval(
    value: float, error: float, degrees: float, *, lowest: float = -1.0
) -> tuple[float, float]:
    """Return the ends of value ± t * error, reckoned in Fisher's z of the place in the range."""
    reach = t_quantile(1 - SIGNIFICANCE / 2, degrees) * error
    middle, half = (1 + lowest) / 2, (1 - lowest) / 2
    place = (value - middle) / half
    if abs(place) >= 1:
        return max(lowest, value - reach), min(1.0, value + reach)
    z, z_reach = math.atanh(place), reach / half / (1 - place**2)
    return middle + half * math.tanh(z - z_reach), middle + half * math.tanh(z + z_reach)


def _degrees(without: Floats) -> float:
    """Return Satterthwaite's degrees of freedom of the groups' variance, by its kurtosis.

    The variance of a sample variance is s^4 * (kurtosis - (n - 3) / (n - 1)) / n, which makes
    2n / (kurtosis - (n - 3) / (n - 1)) degrees: n - 1 for what is normal.
    """
    n, around = len(without), without - without.mean()
    kurtosis = float((around**4).mean() / np.square(around).mean() ** 2)
    return min(n - 1.0, 2.0 * n / (kurtosis - (n - 3) / (n - 1)))


def _unvaried(value: float, n: int, lowest: float) -> Spread:
    """Bound what never varies by the rule of three: a share 1 - 0.05^(1/n) may yet be chance."""
    unseen = -math.expm1(math.log(SIGNIFICANCE) / n)
    if value > 1.0 - _ROUNDING:
        return Spread(groups=n, low=1.0 - unseen, high=1.0)
    if value < lowest + _ROUNDING:
        return Spread(groups=n, low=lowest, high=lowest + unseen)
    return Spread(
        groups=n, no_interval="Every group agrees to the same degree, so nothing shows a spread."
    )
