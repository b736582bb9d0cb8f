"""The paired comparison of two runs on one metric: gain, interval and p from one method."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.base import Family
from metrics.batch import Floats
from metrics.statistics.distributions import fair_coin_at_most, normal_quantile, t_quantile
from metrics.statistics.groups import Groups
from metrics.statistics.influence import influences
from metrics.statistics.intervals import (
    ALPHA,
    MIN_FOR_DELTA,
    NoInterval,
    is_rounding,
    scale_of,
    unvaried_interval,
    weighted_sums,
)
from metrics.statistics.quantiles import ALIKE, example_influences, too_few_for
from metrics.statistics.randomization import EXACT_UP_TO, FLIPS, Sets, Swapped, randomize
from metrics.statistics.studentized import Spread, Studentized
from metrics.statistics.yardstick import Column, Yardstick, statistics_of, value_of
from metrics.tallies import are_equal, without_idle

MIN_FOR_T = 30
MIN_FOR_WALD = 25
POWER = 0.8
# The level of the interval that two one-sided tests at 5 % look at.
EQUIVALENCE_ALPHA = 0.10
# Up to this lean Student's t rejects a true null in less than 5.5 % (decision 30).
MAX_LEAN = 0.1

Ends = tuple[float, float]
_ROUNDING = 1e-12
_UNKNOWN: Ends = (-math.inf, math.inf)
UNBOUNDED = (
    "All pairs differ by the same amount, and no range of the metric bounds what was not seen."
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What the pairs say about one metric. The gain is oriented so that more is better.

    `low` and `high` bound the gain at 95 %, `low90` and `high90` at 90 % (for equivalence); they
    are None together, and then `reason` says why. `p_exact` stands beside McNemar's mid-p.
    `n_lost` and `n_won` count the pairs in which the candidate scored worse and better.
    `detectable` is the true gain that this many pairs would have found with 80 % power.
    `degrees` are those of the t behind the interval, infinite for a normal one, None without one.
    `skewness` is that of what the independent groups add to the gain, where there is a t.
    `width` is how large a gain can be at all.
    """

    baseline: float | None
    candidate: float | None
    gain: float | None
    n: int
    n_lost: int
    n_won: int
    clusters: int | None
    method: str = ""
    low: float | None = None
    high: float | None = None
    low90: float | None = None
    high90: float | None = None
    p_value: float | None = None
    p_exact: float | None = None
    standard_error: float | None = None
    degrees: float | None = None
    skewness: float = 0.0
    width: float = math.inf
    detectable: float | None = None
    reason: str = ""

    @property
    def lean(self) -> float:
        """The skewness over the root of the number of groups: how lopsided t's errors are."""
        return self.skewness / math.sqrt(self.n if self.clusters is None else self.clusters)


@dataclass(frozen=True, kw_only=True)
class _Answer:
    """What one method says: the ends of its intervals, its p, its error under no gain."""

    method: str
    ends: Ends = _UNKNOWN
    ends90: Ends = _UNKNOWN
    p_value: float | None = None
    p_exact: float | None = None
    error: float | None = None
    degrees: float = math.inf
    skewness: float = 0.0
    reason: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pairs:
    """The pairs both sides scored, attempts folded; `attempted` has them as they were."""

    baseline: Column
    candidate: Column
    attempted: tuple[Column, Column]
    yardstick: Yardstick
    groups: Groups
    gain: float
    seed: int

    @property
    def differences(self) -> Floats:
        return self.yardstick.oriented(self.candidate.values - self.baseline.values)

    @property
    def scale(self) -> float:
        largest = float(np.abs(self.differences).max(initial=abs(self.gain)))
        return scale_of(largest, self.yardstick)

    def counts(self) -> tuple[int, int]:
        """Return how many pairs the candidate lost and won; rounding is neither."""
        differences, least = self.differences, _ROUNDING * self.scale
        return int((differences < -least).sum()), int((differences > least).sum())


def compare(
    baseline: Column,
    candidate: Column,
    yardstick: Yardstick,
    *,
    clusters: NDArray[Any] | None = None,
    seed: int = 0,
) -> Compared:
    """Compare two columns whose rows are the same examples in the same order.

    Pairs in which either side is unscored are left out. A binary metric with clusters or several
    attempts is compared as a continuous one.
    """
    one_attempt = max(baseline.attempts, candidate.attempts) == 1
    attempted = baseline, candidate
    baseline, candidate = baseline.folded(), candidate.folded()
    if len(baseline.values) != len(candidate.values):
        raise ValueError("The two columns are not aligned: they differ in length.")
    both = ~(np.isnan(baseline.values) | np.isnan(candidate.values))
    baseline, candidate = baseline.at(both), candidate.at(both)
    attempted = attempted[0].at(both), attempted[1].at(both)
    groups = Groups.of(None if clusters is None else clusters[both], int(both.sum()))
    values = [
        value_of(yardstick.units(side), yardstick) if both.any() else math.nan
        for side in attempted
    ]
    gain = yardstick.oriented(values[1] - values[0])
    pairs = _Pairs(
        baseline=baseline,
        candidate=candidate,
        attempted=attempted,
        yardstick=yardstick,
        groups=groups,
        gain=gain,
        seed=seed,
    )
    is_binary = yardstick.family is Family.BINARY and one_attempt and not groups.are_clusters
    return _compared(pairs, values, _answer(pairs, is_binary=is_binary))


def _compared(pairs: _Pairs, values: list[float], answer: _Answer) -> Compared:
    # Adding 0.0 makes -0.0, which not every database keeps, the 0.0 that it equals.
    baseline, candidate = (None if math.isnan(value) else value + 0.0 for value in values)
    low, high = _cut(answer.ends, pairs.yardstick)
    low90, high90 = (None, None) if low is None else _cut(answer.ends90, pairs.yardstick)
    groups = pairs.groups
    n_lost, n_won = pairs.counts()
    return Compared(
        baseline=baseline,
        candidate=candidate,
        gain=None if math.isnan(pairs.gain) else pairs.gain,
        n=groups.n_rows,
        n_lost=n_lost,
        n_won=n_won,
        clusters=len(groups) if groups.are_clusters else None,
        method=answer.method,
        low=low,
        high=high,
        low90=low90,
        high90=high90,
        p_value=answer.p_value,
        p_exact=answer.p_exact,
        standard_error=answer.error,
        degrees=None if answer.error is None else answer.degrees,
        skewness=answer.skewness,
        width=pairs.yardstick.width,
        detectable=_detectable(answer),
        reason=answer.reason,
    )


def _cut(ends: Ends, yardstick: Yardstick) -> tuple[float, float] | tuple[None, None]:
    """Cut an interval at what a gain can be; an endless one is none."""
    low, high = ends
    if not (math.isfinite(low) and math.isfinite(high)):
        return None, None
    return max(low, -yardstick.width), min(high, yardstick.width)


def _detectable(answer: _Answer) -> float | None:
    """Return the effect found with 80 % power: Bloom (1995), "Minimum Detectable Effects"."""
    if answer.error is None:
        return None
    if math.isinf(answer.degrees):
        return (normal_quantile(1 - ALPHA / 2) + normal_quantile(POWER)) * answer.error
    degrees = answer.degrees
    return (t_quantile(1 - ALPHA / 2, degrees) + t_quantile(POWER, degrees)) * answer.error


def _answer(pairs: _Pairs, *, is_binary: bool) -> _Answer:
    if pairs.groups.n_rows == 0:
        return _Answer(method="", reason="No pair is scored on both sides.")
    if math.isnan(pairs.gain):
        return _Answer(method="", reason="The metric is undefined on one side.")
    if pairs.groups.too_few:
        return _Answer(method="", reason=pairs.groups.too_few)
    if is_binary:
        return _mcnemar(pairs)
    if pairs.yardstick.family is Family.CORPUS:
        return _compared_corpora(pairs)
    if pairs.yardstick.family is Family.QUANTILE:
        return _compared_quantiles(pairs)
    return _compared_means(pairs)


def _mcnemar(pairs: _Pairs) -> _Answer:
    """McNemar's mid-p beside the Wald or the Bonett & Price (2012) interval of the difference.

    These two are close but not one test turned round: near 0.05 one may exclude what the other
    does not. The outcome rule therefore asks both.
    """
    n = pairs.groups.n_rows
    lost, won = pairs.counts()
    fewer, discordant = min(lost, won), lost + won
    below, at_most = fair_coin_at_most(fewer - 1, discordant), fair_coin_at_most(fewer, discordant)
    is_tied = lost == won
    wald_variance = (discordant - (won - lost) ** 2 / n) / n**2
    if discordant < MIN_FOR_WALD or wald_variance <= 0.0:
        name, total = "Bonett–Price", n + 2
        center = (won - lost) / total
        error = math.sqrt(((discordant + 2) / total - center**2) / total)
        null_error = math.sqrt(discordant + 2) / total
    else:
        name, center, error = "Wald", (won - lost) / n, math.sqrt(wald_variance)
        null_error = math.sqrt(discordant) / n
    return _Answer(
        method=f"McNemar mid-p, {name} interval",
        ends=_around(center, normal_quantile(1 - ALPHA / 2) * error),
        ends90=_around(center, normal_quantile(1 - EQUIVALENCE_ALPHA / 2) * error),
        p_value=1.0 if is_tied else min(1.0, at_most + below),
        p_exact=1.0 if is_tied else min(1.0, 2 * at_most),
        error=null_error,
    )


def _compared_means(pairs: _Pairs) -> _Answer:
    groups, differences = pairs.groups, pairs.differences
    n = groups.n_rows
    spread = Spread.of(groups, (differences - pairs.gain) / n)
    if is_rounding(spread.error, scale=pairs.scale):
        return _unvaried(pairs)
    if len(groups) >= MIN_FOR_T:
        return _students(pairs, spread, "paired t")
    sums = groups.sums(differences)

    def swapped(sets: Sets) -> Floats:
        return pairs.gain - 2.0 * weighted_sums(sets, sums[:, None])[:, 0] / n

    return _randomized(pairs, swapped, spread, "sign flips")


def _compared_corpora(pairs: _Pairs) -> _Answer:
    groups, yardstick = pairs.groups, pairs.yardstick
    before, after = without_idle(statistics_of(pairs.baseline), statistics_of(pairs.candidate))
    if are_equal(before, after):
        return _unvaried(pairs)
    sign = yardstick.oriented(1.0)
    moves = sign * (influences(after, yardstick) - influences(before, yardstick))
    spread = Spread.of(groups, moves)
    if is_rounding(spread.error, scale=pairs.scale):
        return _unvaried(pairs)
    if len(groups) >= MIN_FOR_DELTA:
        return _students(pairs, spread, "paired delta method")
    change = groups.sums_of(after) - groups.sums_of(before)
    totals_before, totals_after = before.totals(), after.totals()

    def swapped(sets: Sets) -> Floats:
        moved = weighted_sums(sets, change)
        left = yardstick.corpus_values(totals_before + moved)
        right = yardstick.corpus_values(totals_after - moved)
        return sign * (right - left)

    return _randomized(pairs, swapped, spread, "approximate randomization")


def _compared_quantiles(pairs: _Pairs) -> _Answer:
    groups, level = pairs.groups, pairs.yardstick.level
    if why := too_few_for(level, groups.n_rows):
        return _Answer(method="", reason=why)
    before, after = (side.values for side in pairs.attempted)
    if before.shape == after.shape and np.array_equal(before, after, equal_nan=True):
        return _unvaried(pairs)
    moves = [example_influences(side, level) for side in (before, after)]
    if moves[0] is None or moves[1] is None:
        return _Answer(method="", reason=ALIKE)
    spread = Spread.of(groups, moves[1] - moves[0])
    if is_rounding(spread.error, scale=pairs.scale):
        return _unvaried(pairs)
    # What an example moves a quantile by is one of few values; their skewness is not its own.
    spread = replace(spread, skewness=0.0)
    return _students(pairs, spread, "paired quantiles")


def _unvaried(pairs: _Pairs) -> _Answer:
    """Answer where every group moved alike, identical systems above all: then p is exactly 1.

    The rule of three bounds what was not seen, and p is the level at which its interval would
    touch 0. Both need the metric's range. Each end is a bound at the whole level: the truth lies
    on one side, so the ends of two one-sided tests at 5 % are those of the 95 % interval.
    """
    width, n_groups = pairs.yardstick.width, len(pairs.groups)
    interval = unvaried_interval(pairs.gain, n_groups, -width, width)
    if isinstance(interval, NoInterval):
        p_value = 1.0 if pairs.gain == 0.0 else None
        return _Answer(method="no variation", p_value=p_value, reason=UNBOUNDED)
    return _Answer(
        method=interval.method,
        ends=(interval.low, interval.high),
        ends90=(interval.low, interval.high),
        p_value=math.exp(-n_groups * math.log1p(abs(pairs.gain) / width)),
    )


def _around(center: float, reach: float) -> Ends:
    return center - reach, center + reach


def _students(pairs: _Pairs, spread: Spread, name: str) -> _Answer:
    """Answer by Student's t, and where the pairs lean far by Hall's as well: decision 30."""
    lean = spread.skewness / math.sqrt(len(pairs.groups))
    is_skewed = abs(lean) > MAX_LEAN
    gain = Studentized(
        value=pairs.gain,
        error=spread.error,
        degrees=spread.degrees,
        lean=lean if is_skewed else 0.0,
    )
    return _Answer(
        method=name + (" and Hall's for skewness" if is_skewed else "") + pairs.groups.suffix,
        ends=gain.ends(ALPHA),
        ends90=gain.ends(EQUIVALENCE_ALPHA),
        p_value=gain.p_value(0.0),
        error=spread.error,
        degrees=spread.degrees,
        skewness=spread.skewness,
    )


def _randomized(pairs: _Pairs, swapped: Swapped, spread: Spread, name: str) -> _Answer:
    groups = pairs.groups
    test = randomize(swapped, groups.sizes, gain=pairs.gain, scale=pairs.scale, seed=pairs.seed)
    ends = test.interval(ALPHA)
    swaps = f"all {2 ** len(groups):,}" if len(groups) <= EXACT_UP_TO else f"{FLIPS:,} seeded"
    reason = (
        ""
        if math.isfinite(ends[0])
        else (f"{len(groups)} independent pairs are too few: no result could reach p = {ALPHA}.")
    )
    return _Answer(
        method=f"{name}, {swaps}{groups.suffix}",
        ends=ends,
        ends90=test.interval(EQUIVALENCE_ALPHA),
        p_value=test.p_value,
        error=spread.error,
        degrees=spread.degrees,
        skewness=spread.skewness,
        reason=reason,
    )
