"""Systems ranked by what people preferred: strengths, shares of wins and ranks, with intervals.

What varies independently is an example (or a cluster of them), never a preference: one example
may be shown to several people and in several pairs of systems.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from metrics.statistics.bradley_terry import (
    Fit,
    components,
    fit,
    is_linked,
    reached_by_wins,
)
from metrics.statistics.distributions import (
    fair_coin_at_most,
    normal_quantile,
    t_quantile,
    t_two_sided,
)
from metrics.statistics.groups import MIN_CLUSTERS, Groups
from metrics.statistics.intervals import ALPHA, effective_n, is_rounding, wilson
from metrics.statistics.multiplicity import holm
from metrics.statistics.preferences import Tally, tally
from metrics.statistics.ranks import rank_ranges
from metrics.statistics.standings import (
    Bounded,
    Duel,
    Linkage,
    Part,
    Ranking,
    Record,
    Standing,
)

MIN_PREFERENCES = 20
_NO_SPREAD = "Every group of preferences says the same, so nothing shows a spread."
_ONE_WAY = "Wins lead only one way between them, so how far apart they are has no bound."
_IN_NONE = "Nobody has compared it yet."
_NO_WAY = "They never met, and no chain of wins leads from one to the other."
_ALONE = "It beat no system that beat it, itself or through others: its strength has no bound."


def rank_systems(
    *,
    first: ArrayLike,
    second: ArrayLike,
    outcomes: ArrayLike,
    groups: ArrayLike,
    are_clusters: bool = False,
    both_bad: ArrayLike | None = None,
) -> Ranking:
    """Rank systems by preferences; the columns are those of `preferences.tally`.

    Strengths are Bradley and Terry's of highest likelihood, with cluster-robust errors (CR1) over
    `groups` and quantiles of t, with as many groups as the rarer system is in. Where no strengths
    say how two systems differ, an exact sign test over the groups in which they met does.
    """
    given = tally(first=first, second=second, outcomes=outcomes, groups=groups, both_bad=both_bad)
    field = _Field(given, _Needs(are_clusters=are_clusters))
    pairs = list(combinations(field.order, 2))
    reason = field.needs.for_strengths(given)
    tests = [None if reason else _test(field, *pair) for pair in pairs]
    adjusted = holm([math.nan if test is None else test.p_value for test in tests]).tolist()
    ranks = None if reason else _ranks(given.n_systems, pairs, tests, adjusted)
    return Ranking(
        standings=tuple(
            _standing(field, one, ranks[one] if ranks else (None, None)) for one in field.order
        ),
        duels=tuple(
            _duel(field, pair, test, p)
            for pair, test, p in zip(pairs, tests, adjusted, strict=True)
        ),
        parts=tuple(field.parts),
        linkage=field.linkage,
        preferences=given.n_preferences,
        groups=given.n_groups,
        reason=reason,
    )


@dataclass(frozen=True, kw_only=True)
class _Needs:
    """What an interval and strengths need, and the sentence where there is less."""

    are_clusters: bool

    def counted(self, n_groups: int) -> str:
        noun = "cluster" if self.are_clusters else "example"
        return f"{n_groups:,} {noun}{'' if n_groups == 1 else 's'}"

    def for_interval(self, n_groups: int) -> str:
        """Say why so many groups carry no interval; empty where they do."""
        least = MIN_CLUSTERS if self.are_clusters else 2
        if n_groups >= least:
            return ""
        are = "is" if n_groups == 1 else "are"
        return f"An interval needs {self.counted(least)}, and there {are} {n_groups}."

    def for_strengths(self, given: Tally) -> str:
        """Say why some preferences carry no strengths; empty where they do."""
        n = given.n_preferences
        if n < MIN_PREFERENCES:
            return f"Ranking systems needs {MIN_PREFERENCES} preferences, and there are {n}."
        return self.for_interval(given.n_groups)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Place:
    """Where a system stands: its part, the index in it, and the part's strengths or why none."""

    part: int
    index: int
    fit: Fit | None
    reason: str

    @property
    def n_groups(self) -> int:
        """In how many groups the system met others of its part."""
        return 0 if self.fit is None else int(self.fit.presence[self.index])


class _Field:
    """The preferences added up by pair of systems, each system's place, and their order."""

    def __init__(self, given: Tally, needs: _Needs) -> None:
        self.tally, self.needs = given, needs
        self.names = given.systems.tolist()
        self.points = given.points_matrix()
        self.reached = reached_by_wins(self.points)
        self.met = given.symmetric(np.ones(len(given.groups)))
        self._played = given.symmetric(given.played)
        self._ties = given.symmetric(given.ties)
        self._bad = given.symmetric(given.both_bad)
        self.parts: list[Part] = []
        found: dict[int, _Place] = {}
        for part, members in enumerate(components(self.points)):
            among = given.among(members)
            reason = _ALONE if len(members) == 1 else needs.for_strengths(among)
            fitted = None if reason else fit(among)
            self.parts.append(
                Part(
                    systems=tuple(among.systems.tolist()),
                    preferences=among.n_preferences,
                    groups=among.n_groups,
                    reason=reason,
                )
            )
            for index, system in enumerate(members.tolist()):
                found[system] = _Place(part=part, index=index, fit=fitted, reason=reason)
        self.places = [found[system] for system in range(given.n_systems)]
        self.order = sorted(range(given.n_systems), key=self._best_first)

    def _best_first(self, system: int) -> tuple[int, float, int]:
        """Order systems: winning parts first, then by strength, without one by share of wins."""
        place, record = self.places[system], self.record(system)
        worth = (record.wins - record.losses) / max(record.preferences, 1)
        if place.fit is not None:
            worth = float(place.fit.strengths[place.index])
        return place.part, -worth, system

    @property
    def linkage(self) -> Linkage:
        if not is_linked(self.points):
            return Linkage.UNLINKED
        return Linkage.ONE_WAY if len(self.parts) > 1 else Linkage.WHOLE

    def record(self, one: int, other: int | None = None) -> Record:
        """Return what was said of a system, against another or against all."""
        against = slice(None) if other is None else other
        sums = (self._played, self.points, self._ties, self._bad)
        played, points, ties, bad = (float(matrix[one, against].sum()) for matrix in sums)
        wins = points - ties / 2
        return Record(
            preferences=int(played),
            wins=int(wins),
            ties=int(ties),
            losses=int(played - ties - wins),
            both_bad=int(bad),
        )


@dataclass(frozen=True, kw_only=True)
class _Test:
    """Whether two systems differ, and whether the first is the better one."""

    p_value: float
    favors_first: bool
    method: str


def _test(field: _Field, one: int, other: int) -> _Test | None:
    """Test two systems by their strengths, those of different parts by where they met."""
    here, there = field.places[one], field.places[other]
    if here.part != there.part:
        return _sign_test(field, one, other)
    gap = _gap(field, one, other)
    if gap.value is None or gap.error is None:
        return None
    n_groups = min(here.n_groups, there.n_groups)
    return _Test(
        p_value=t_two_sided(gap.value / gap.error, n_groups - 1),
        favors_first=gap.value > 0,
        method=f"Bradley–Terry, t over {field.needs.counted(n_groups)}",
    )


def _sign_test(field: _Field, one: int, other: int) -> _Test | None:
    """Test systems between which wins lead one way: each group they met in favors the same one.

    Exact, whatever goes on within a group.
    """
    n_groups = int(field.met[one, other])
    if not n_groups:
        return None
    return _Test(
        p_value=min(1.0, 2 * fair_coin_at_most(0, n_groups)),
        favors_first=field.places[one].part < field.places[other].part,
        method=f"sign test over {field.needs.counted(n_groups)}",
    )


def _ranks(
    n: int,
    pairs: Sequence[tuple[int, int]],
    tests: Sequence[_Test | None],
    adjusted: Sequence[float],
) -> list[tuple[int, int]]:
    """Return each system's best and worst rank by the tests that hold together."""
    is_above = np.zeros((n, n), dtype=bool)
    for (one, other), test, p in zip(pairs, tests, adjusted, strict=True):
        if test is not None and p <= ALPHA:
            is_above[(one, other) if test.favors_first else (other, one)] = True
    return rank_ranges(is_above)


def _standing(field: _Field, system: int, rank: tuple[int | None, int | None]) -> Standing:
    place = field.places[system]
    best, worst = rank
    return Standing(
        system=field.names[system],
        record=field.record(system),
        share=_share(field, system),
        strength=_strength(field.needs, place),
        part=place.part,
        best_rank=best,
        worst_rank=worst,
    )


def _strength(needs: _Needs, place: _Place) -> Bounded:
    if place.fit is None:
        return Bounded(reason=place.reason)
    value, error = float(place.fit.strengths[place.index]), place.fit.error(place.index)
    return _students(needs, value, error, place.n_groups)


def _students(needs: _Needs, value: float, error: float, n_groups: int) -> Bounded:
    if why := needs.for_interval(n_groups):
        return Bounded(value=value, reason=why)
    if is_rounding(error, scale=1.0):
        return Bounded(value=value, reason=_NO_SPREAD)
    reach = t_quantile(1 - ALPHA / 2, n_groups - 1) * error
    return Bounded(value=value, low=value - reach, high=value + reach, error=error)


def _share(field: _Field, system: int) -> Bounded:
    """Return the share of a system's preferences that it won, with Wilson's interval.

    Its width is that of as many yes or no as the groups' spread is worth: ties make it narrower
    than preferences without them, groups that say one thing wider.
    """
    cells = field.tally
    own = (cells.low == system) | (cells.high == system)
    if not own.any():
        return Bounded(reason=_IN_NONE)
    points = np.where(cells.low == system, cells.points, cells.played - cells.points)[own]
    group = np.unique(cells.groups[own], return_inverse=True)[1]
    won = np.bincount(group, weights=points)
    played = np.bincount(group, weights=cells.played[own]).astype(np.float64)
    share = float(won.sum() / played.sum())
    if why := field.needs.for_interval(len(played)):
        return Bounded(value=share, reason=why)
    groups = Groups(codes=None, sizes=played)
    error = groups.standard_error((won - share * played) / played.sum())
    is_spread = not is_rounding(error, scale=1.0)
    worth = effective_n(share, error, len(groups)) if is_spread else float(len(groups))
    low, high = wilson(share, worth, z=normal_quantile(1 - ALPHA / 2))
    return Bounded(value=share, low=low, high=high, error=error if is_spread else None)


def _duel(field: _Field, pair: tuple[int, int], test: _Test | None, adjusted: float) -> Duel:
    one, other = pair
    gap = _gap(field, one, other)
    return Duel(
        first=field.names[one],
        second=field.names[other],
        record=field.record(one, other),
        probability=Bounded(
            value=_as_probability(gap.value),
            low=_as_probability(gap.low),
            high=_as_probability(gap.high),
            reason=gap.reason,
        ),
        difference=gap.value,
        p_value=None if test is None else test.p_value,
        p_adjusted=None if test is None else adjusted,
        method="" if test is None else test.method,
    )


def _gap(field: _Field, one: int, other: int) -> Bounded:
    """Return the difference of two strengths, or why there is none."""
    here, there = field.places[one], field.places[other]
    if here.part != there.part:
        leads = field.reached[one, other] or field.reached[other, one]
        return Bounded(reason=_ONE_WAY if leads else _NO_WAY)
    if here.fit is None:
        return Bounded(reason=here.reason)
    gap, error = here.fit.difference(here.index, there.index)
    return _students(field.needs, gap, error, min(here.n_groups, there.n_groups))


def _as_probability(odds: float | None) -> float | None:
    return None if odds is None else float(special.expit(odds))
