"""Cohen's kappa of every two annotators, over the units that both answered.

kappa = 1 - O / E, with O the mean distance of their answers to one unit and E that of any answer
of the one to any of the other; Cohen (1960, 1968). The standard error is that of Fleiss, Cohen &
Everitt (1969), which is the delta method: what each unit moves, squared and added up. Units of
one example move kappa together, and are added up before they are squared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from metrics.batch import Codes, Floats
from metrics.statistics.agreement.answers import Answers, scaled
from metrics.statistics.agreement.distances import Weighing
from metrics.statistics.agreement.jackknife import (
    BEYOND_CHANCE,
    ROUNDING,
    Spread,
    degrees_of,
    ends,
    too_few,
    unvaried,
)
from metrics.statistics.agreement.undefined import Undefined


@dataclass(frozen=True, kw_only=True)
class PairKappa:
    """How two annotators agree beyond chance, over so many `units` that both answered.

    `kappa` is None with the reason in `undefined`, and the interval with that in `no_interval`.
    `percent` is the share of the units to which both gave the same answer.
    """

    first: Any
    second: Any
    units: int
    percent: float | None = None
    kappa: float | None = None
    low: float | None = None
    high: float | None = None
    standard_error: float | None = None
    undefined: Undefined | None = None
    no_interval: str = ""


def cohens_kappas(answers: Answers, weighing: Weighing) -> list[PairKappa]:
    """Return the kappas of all pairs of annotators, in the order of their ids."""
    domain, codes = np.unique(answers.values, return_inverse=True)
    domain = scaled(domain - domain[:1])
    return [
        kappa
        for first in range(len(answers.annotator_ids))
        for kappa in _with_later(answers, first, codes, domain, weighing)
    ]


def _with_later(
    answers: Answers, first: int, codes: Codes, domain: Floats, weighing: Weighing
) -> Iterator[PairKappa]:
    """Compare an annotator with each one after them."""
    own = np.full(len(answers.unit_ids), -1)
    is_own = answers.annotators == first
    own[answers.units[is_own]] = codes[is_own]
    rows = (answers.annotators > first) & (own[answers.units] >= 0)
    units = answers.units[rows]
    shared = _Shared(
        pair=answers.annotators[rows] - first - 1,
        first=own[units],
        second=codes[rows],
        group=answers.group_of_unit[units],
        domain=domain,
        n_pairs=len(answers.annotator_ids) - first - 1,
    )
    figures = _Figures.of(shared, weighing)
    for pair in range(shared.n_pairs):
        names = answers.annotator_ids[[first, first + 1 + pair]].tolist()
        yield _kappa(figures, pair, names, are_clusters=answers.are_clusters)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Shared:
    """Rows of two answers to one unit: what pair of people gave them, and which they are."""

    pair: Codes
    first: Codes
    second: Codes
    group: Codes
    domain: Floats
    n_pairs: int

    def sums(self, values: Floats) -> Floats:
        return np.bincount(self.pair, weights=values, minlength=self.n_pairs).astype(np.float64)

    @property
    def units(self) -> Floats:
        return self.sums(np.ones(len(self.pair)))

    def powers_of_groups(self, values: Floats) -> Iterator[Floats]:
        """Add up within groups, then to the powers 0, 2 and 4 within pairs."""
        n_groups = int(self.group.max(initial=0)) + 1
        keys, place = np.unique(self.pair * n_groups + self.group, return_inverse=True)
        of_groups = np.bincount(place, weights=values, minlength=len(keys))
        for power in (0, 2, 4):
            raised = of_groups**power
            sums = np.bincount(keys // n_groups, weights=raised, minlength=self.n_pairs)
            yield sums.astype(np.float64)

    def vary(self) -> Floats:
        """Count the rows in which an answer is another than the pair's very first."""
        usual = np.zeros(self.n_pairs, dtype=np.intp)
        usual[self.pair[::-1]] = self.first[::-1]
        others = (self.first != usual[self.pair]) | (self.second != usual[self.pair])
        return self.sums(others.astype(np.float64))

    def apart(self, weighing: Weighing) -> Floats:
        if weighing is Weighing.ALIKE:
            return np.asarray(self.first != self.second, dtype=np.float64)
        differences = np.abs(self.domain[self.first] - self.domain[self.second])
        return np.asarray(differences if weighing is Weighing.LINEAR else np.square(differences))

    def expected(self, ones: Codes, others: Codes, weighing: Weighing) -> Floats:
        """Return the mean distance of each answer of one to all answers of the other."""
        n = self.units[self.pair]
        values, their_values = self.domain[ones], self.domain[others]
        if weighing is Weighing.QUADRATIC:
            center = (self.sums(their_values) / np.maximum(self.units, 1))[self.pair]
            spread = self.sums(np.square(their_values - center))[self.pair] / n
            return np.asarray(np.square(values - center) + spread)
        n_values = len(self.domain)
        keys = np.sort(self.pair * n_values + others)
        asked = self.pair * n_values + ones
        until = np.searchsorted(keys, asked, side="right")
        if weighing is Weighing.ALIKE:
            return 1.0 - (until - np.searchsorted(keys, asked)) / n
        start = np.searchsorted(keys, self.pair * n_values)
        running = np.concatenate([[0.0], np.cumsum(self.domain[keys % n_values])])
        not_above, below = until - start, running[until] - running[start]
        total = self.sums(their_values)[self.pair]
        return np.asarray((values * (2 * not_above - n) + total - 2 * below) / n)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Figures:
    """For every pair: kappa, and the sums of what its groups move to the second and fourth."""

    units: Floats
    equal: Floats
    kappa: Floats
    groups: Floats
    second: Floats
    fourth: Floats

    @classmethod
    def of(cls, shared: _Shared, weighing: Weighing) -> _Figures:
        n, pair = np.maximum(shared.units, 1), shared.pair
        apart = shared.apart(weighing)
        by_first = shared.expected(shared.first, shared.second, weighing)
        by_second = shared.expected(shared.second, shared.first, weighing)
        observed, expected = shared.sums(apart) / n, shared.sums(by_first) / n
        kappa = np.full(shared.n_pairs, np.nan)
        np.divide(expected - observed, expected, out=kappa, where=shared.vary() > 0)
        by_chance = by_first + by_second - 2 * expected[pair]
        moved = (1 - kappa)[pair] * by_chance - (apart - observed[pair])
        scale = np.where(np.isnan(kappa), 1.0, expected) * n
        groups, second, fourth = shared.powers_of_groups(moved / scale[pair])
        return cls(
            units=shared.units,
            equal=1.0 - shared.sums(shared.apart(Weighing.ALIKE)) / n,
            kappa=kappa,
            groups=groups,
            second=second,
            fourth=fourth,
        )


def _kappa(figures: _Figures, pair: int, names: list[Any], *, are_clusters: bool) -> PairKappa:
    units, kappa = int(figures.units[pair]), float(figures.kappa[pair])
    if not units or np.isnan(kappa):
        why = Undefined.NO_VARIATION if units else Undefined.NOTHING_SHARED
        return PairKappa(
            first=names[0],
            second=names[1],
            units=units,
            percent=1.0 if units else None,
            undefined=why,
            no_interval=why.sentence,
        )
    spread = _spread(figures, pair, kappa, are_clusters=are_clusters)
    return PairKappa(
        first=names[0],
        second=names[1],
        units=units,
        percent=float(figures.equal[pair]),
        kappa=kappa,
        low=spread.low,
        high=spread.high,
        standard_error=spread.standard_error,
        no_interval=spread.no_interval,
    )


def _spread(figures: _Figures, pair: int, kappa: float, *, are_clusters: bool) -> Spread:
    """Return the published standard error, and an interval in Fisher's z.

    The interval has what variances of samples have, n / (n - 1) and t. Without them and without
    z it would hold the truth too seldom: docs/decisions/0021-intervals-of-agreement.md.
    """
    n = int(figures.groups[pair])
    second, fourth = float(figures.second[pair]), float(figures.fourth[pair])
    if why := too_few(n, are_clusters=are_clusters):
        return Spread(no_interval=why)
    if second < ROUNDING**2:
        return unvaried(kappa, n, BEYOND_CHANCE)
    degrees = degrees_of(n, second / n, fourth / n)
    low, high = ends(kappa, float(np.sqrt(second * n / (n - 1))), degrees, BEYOND_CHANCE)
    return Spread(low=low, high=high, standard_error=float(np.sqrt(second)), degrees=degrees)
