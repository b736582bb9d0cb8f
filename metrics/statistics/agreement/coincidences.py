"""The sums behind Krippendorff's alpha, and alpha again without each group of units.

alpha = 1 - (n - 1) * O / X, where n counts the pairable answers, O adds up the distances within
units (each unit's pairs divided by its answers - 1) and X the distances between all answers.
Krippendorff, "Content Analysis" (2004), chapter 11. For ordered answers the distance is that of
interval answers between mid-ranks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeAlias

import numpy as np

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.answers import Pairable
from metrics.statistics.agreement.sets import SetDistance, set_distance

_ROUNDING = 1e-12
_BLOCK_CELLS = 2_000_000


class Level(StrEnum):
    """What the distance between two answers means."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"
    INTERVAL = "interval"
    RATIO = "ratio"


Scale: TypeAlias = Level | SetDistance
Distance: TypeAlias = Callable[[Floats, Floats], Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Alphas:
    """Alpha over all answers, and without each group; NaN where nothing varies."""

    whole: float
    without: Floats


class TooLarge(ValueError):
    """The answers have too many different values for this level's sums."""


MAX_PAIRS = 20_000_000
MAX_DOMAIN = 10_000
# Beyond this many group-by-distance cells an ordinal jackknife leaves out blocks of groups.
MAX_CELLS = 50_000_000
MIN_BLOCKS = 20


def alphas(answers: Pairable, scale: Scale) -> Alphas:
    """Return alpha and its leave-one-group-out values from additive sums.

    The answers vary. A group without any changes nothing.
    """
    if isinstance(scale, SetDistance):
        return _by_pairs(answers, answers.domain, partial(set_distance, distance=scale))
    by_level = {
        Level.NOMINAL: _nominal,
        Level.ORDINAL: _ordinal,
        Level.INTERVAL: _interval,
        Level.RATIO: _ratio,
    }
    return by_level[scale](answers)


def manageable(answers: Pairable, scale: Scale) -> Pairable:
    """Put groups into blocks where leaving each out would take too long: Kott (2001).

    That is so for ordered answers alone, whose ranks are others without each group.
    """
    if scale is not Level.ORDINAL:
        return answers
    n_values, m = len(answers.domain), answers.per_unit
    distances = min(n_values * (n_values - 1), int((m * (m - 1)).sum())) // 2
    return answers.in_blocks(max(MIN_BLOCKS, MAX_CELLS // max(distances, n_values)))


def _nominal(answers: Pairable) -> Alphas:
    m = answers.per_unit
    owner, _, counts = counted(answers.units, answers.codes, len(answers.domain))
    same = np.bincount(owner, weights=counts**2, minlength=answers.n_units)
    margins = answers.margins
    rest = _MarginsWithout(answers)
    n = rest.totals
    return _alphas(
        answers,
        within=(m**2 - same) / (m - 1),
        between=margins.sum() ** 2 - float(np.square(margins).sum()),
        between_without=n**2 - rest.sum_of_powers(2),
    )


def _interval(answers: Pairable) -> Alphas:
    """Use each unit's moments alone: no memory per distinct value."""
    domain = answers.scaled
    values = (domain - float((domain * answers.margins).sum()) / len(answers.codes))[answers.codes]
    groups, n_groups = answers.groups, answers.n_groups
    n = len(values) - np.bincount(groups, minlength=n_groups)
    first = values.sum() - np.bincount(groups, weights=values, minlength=n_groups)
    squares = np.square(values)
    second = squares.sum() - np.bincount(groups, weights=squares, minlength=n_groups)
    between = 2.0 * len(values) * squares.sum() - 2.0 * values.sum() ** 2
    return _alphas(
        answers,
        within=_spread_within(answers, values),
        between=float(between),
        between_without=2.0 * n * second - 2.0 * first**2,
    )


def _ordinal(answers: Pairable) -> Alphas:
    """Use the moments of mid-ranks; without a group the ranks themselves are others."""
    margins = answers.margins
    n = margins.sum()
    rest = _MarginsWithout(answers)
    ranks = _mid_ranks(margins)[answers.codes]
    within = _spread_within(answers, ranks)
    n_without = rest.totals
    return _alphas(
        answers,
        within=within,
        between=float(n * (n**3 - (margins**3).sum()) / 6.0),
        between_without=n_without * (n_without**3 - rest.sum_of_powers(3)) / 6.0,
        within_without=_Distances(answers).spreads_without(rest),
    )


def _ratio(answers: Pairable) -> Alphas:
    return _by_pairs(answers, answers.scaled, _ratio_distance)


def _by_pairs(answers: Pairable, values: Floats, distance: Distance) -> Alphas:
    """Measure the distance between every two values of a unit, and of a group."""
    within = _apart(answers.units, answers.n_units, answers.codes, values, distance)
    reach = _reach(values, answers.margins, distance)
    between = float((answers.margins * reach).sum())
    group, code, counts = counted(answers.groups, answers.codes, len(values))
    lost = np.bincount(group, weights=counts * reach[code], minlength=answers.n_groups)
    kept = _apart(answers.groups, answers.n_groups, answers.codes, values, distance)
    return _alphas(
        answers,
        within=within / (answers.per_unit - 1),
        between=between,
        between_without=between - 2.0 * lost + kept,
    )


def _apart(
    owners: Codes, n_owners: int, codes: Codes, values: Floats, distance: Distance
) -> Floats:
    """Return each owner's sum of distances over its ordered pairs."""
    owner, low, high, product = distinct_pairs(owners, codes, len(values))
    apart = product * distance(values[low], values[high])
    return np.bincount(owner, weights=2.0 * apart, minlength=n_owners).astype(np.float64)


def _alphas(
    answers: Pairable,
    *,
    within: Floats,
    between: float,
    between_without: Floats,
    within_without: Floats | None = None,
) -> Alphas:
    observed = float(within.sum())
    n_groups = answers.n_groups
    lost = np.bincount(answers.group_of_unit, weights=within, minlength=n_groups)
    left_within = observed - lost if within_without is None else within_without
    n = len(answers.codes)
    left = n - np.bincount(answers.groups, minlength=n_groups)
    # What is left after taking away a group is exactly 0, or rounding, or variation.
    varies = between_without > _ROUNDING * between
    without = np.full(n_groups, np.nan)
    np.divide((left - 1) * left_within, between_without, out=without, where=varies)
    return Alphas(whole=float(1.0 - (n - 1) * observed / between), without=1.0 - without)


def _spread_within(answers: Pairable, values: Floats) -> Floats:
    """Return each unit's sum of squared differences over its pairs, by its moments."""
    m = answers.per_unit
    centers = np.bincount(answers.units, weights=values) / m
    around = np.square(values - centers[answers.units])
    return 2.0 * m * np.bincount(answers.units, weights=around) / (m - 1)


def _mid_ranks(margins: Floats) -> Floats:
    """Return each value's mid-rank among all answers, along the last axis."""
    ranks: Floats = np.cumsum(margins, axis=-1) - margins / 2.0
    return ranks


class _MarginsWithout:
    """How often each value was given outside each group, kept sparse."""

    def __init__(self, answers: Pairable) -> None:
        self._group, self._code, self._counts = counted(
            answers.groups, answers.codes, len(answers.domain)
        )
        self._margins = answers.margins
        self._n_groups = answers.n_groups

    @property
    def totals(self) -> Floats:
        inside = np.bincount(self._group, weights=self._counts, minlength=self._n_groups)
        totals: Floats = self._margins.sum() - inside
        return totals

    def sum_of_powers(self, power: int) -> Floats:
        """Return, for each group, the sum over values of their counts outside it to a power."""
        before = self._margins[self._code] ** power
        after = (self._margins[self._code] - self._counts) ** power
        change = np.bincount(self._group, weights=before - after, minlength=self._n_groups)
        powers: Floats = (self._margins**power).sum() - change
        return powers

    def rows(self, start: int, stop: int) -> Floats:
        """Return the counts outside groups start to stop, a dense row for each."""
        rows = np.tile(self._margins, (stop - start, 1))
        chosen = (self._group >= start) & (self._group < stop)
        rows[self._group[chosen] - start, self._code[chosen]] -= self._counts[chosen]
        return rows


class _Distances:
    """The pairs of different values within units, for distances between ranks that change."""

    def __init__(self, answers: Pairable) -> None:
        n_values = len(answers.domain)
        self._unit, self._low, self._high, product = distinct_pairs(
            answers.units, answers.codes, n_values
        )
        self._weight = 2.0 * product / (answers.per_unit[self._unit] - 1)
        cells, place = np.unique(self._low * n_values + self._high, return_inverse=True)
        self._cell_weight = np.bincount(place, weights=self._weight, minlength=len(cells))
        self._cell_low, self._cell_high = np.divmod(cells, n_values)
        self._width = max(len(cells), n_values)
        self._group_of_unit, self._n_groups = answers.group_of_unit, answers.n_groups

    def spreads_without(self, rest: _MarginsWithout) -> Floats:
        """Return the distances within the units outside each group, under the ranks left."""
        spreads = np.zeros(self._n_groups)
        step = max(1, _BLOCK_CELLS // self._width)
        for start in range(0, len(spreads), step):
            stop = min(start + step, len(spreads))
            spreads[start:stop] = self._spreads(rest.rows(start, stop), start)
        return spreads

    def _spreads(self, margins: Floats, start: int) -> Floats:
        ranks = _mid_ranks(margins)
        apart = np.square(ranks[:, self._cell_high] - ranks[:, self._cell_low])
        group = self._group_of_unit[self._unit] - start
        own = (group >= 0) & (group < len(ranks))
        row, low, high = group[own], self._low[own], self._high[own]
        inside = self._weight[own] * np.square(ranks[row, high] - ranks[row, low])
        lost = np.bincount(row, weights=inside, minlength=len(ranks))
        spreads: Floats = np.einsum("gc,c->g", apart, self._cell_weight) - lost
        return spreads


def _ratio_distance(low: Floats, high: Floats) -> Floats:
    """Return ((a - b) / (a + b))² for values of at least 0; 0 where both are 0."""
    total = high + low
    relative = np.divide(high - low, total, out=np.zeros_like(total), where=total > 0)
    return np.square(relative)


def _reach(values: Floats, margins: Floats, distance: Distance) -> Floats:
    """Return each value's summed distance to all answers."""
    if len(values) > MAX_DOMAIN:
        raise TooLarge
    reach = np.zeros(len(values))
    for at, count in enumerate(margins):
        reach += count * distance(values[at : at + 1], values)
    return reach


def counted(owners: Codes, codes: Codes, n_values: int) -> tuple[Codes, Codes, Floats]:
    """Count equal answers of one owner (a unit or a group): owner, value, how often."""
    keys, counts = np.unique(owners * n_values + codes, return_counts=True)
    owner, code = np.divmod(keys, n_values)
    return owner, code, counts.astype(np.float64)


def distinct_pairs(
    owners: Codes, codes: Codes, n_values: int
) -> tuple[Codes, Codes, Codes, Floats]:
    """Pair the different values of each owner: owner, lower, higher, product of their counts."""
    owner, code, counts = counted(owners, codes, n_values)
    starts = np.flatnonzero(np.concatenate([[True], owner[1:] != owner[:-1]]))
    sizes = np.diff(np.append(starts, len(owner)))
    later = np.repeat(starts + sizes, sizes) - np.arange(len(owner)) - 1
    if later.sum() > MAX_PAIRS:
        raise TooLarge
    first = np.repeat(np.arange(len(owner)), later)
    offset = np.arange(later.sum()) - np.repeat(np.cumsum(later) - later, later)
    second = first + 1 + offset
    return owner[first], code[first], code[second], counts[first] * counts[second]
