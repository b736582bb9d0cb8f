"""A leaderboard: systems on the same examples, every two compared, with ranks as ranges."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.statistics.findings import (
    MAX_UNSCORED_SHARE,
    MIN_PAIRS,
    Decision,
    Gaps,
    Outcome,
    decide,
    find_gaps,
)
from metrics.statistics.multiplicity import holm
from metrics.statistics.pairs import Compared, compare
from metrics.statistics.ranks import rank_ranges
from metrics.statistics.yardstick import Column, Yardstick, value_of

Side = tuple[Column, NDArray[np.bool_] | None]  # and of which examples somebody was asked
Met = tuple[Compared, Gaps]

NO_DIRECTION = "Neither more nor less of this metric is better, so it ranks nothing."


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """A system's scores, or why it has none to be ranked by.

    `asked` says of which examples somebody was asked; None: of all. What neither of two systems
    was asked about is no gap between them.
    """

    system: Any
    column: Column | None = None
    asked: NDArray[np.bool_] | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """A system on the board. Its rank lies in `best` to `worst`; `reason` says why it has none.

    `value` is over the `n_scored` examples on which it has a score.
    """

    system: Any
    n_scored: int = 0
    value: float | None = None
    best: int | None = None
    worst: int | None = None
    reason: str = ""

    @property
    def is_ranked(self) -> bool:
        return self.best is not None


@dataclass(frozen=True, kw_only=True)
class Match:
    """Two ranked systems on the examples they share: `compared` has `first` as candidate.

    `p_adjusted` is Holm's over all pairs; None where nothing was tested. `decision` is what a
    comparison of the two would say by that p.
    """

    first: Any
    second: Any
    compared: Compared
    decision: Decision
    p_adjusted: float | None = None

    @property
    def lead(self) -> int:
        """Return 1 where the first is surely better, -1 where the second is, else 0."""
        return _LEADS.get(self.decision.outcome, 0)


_LEADS = {Outcome.IMPROVED: 1, Outcome.REGRESSED: -1}


@dataclass(frozen=True, kw_only=True)
class Board:
    """Ranked systems, best value first, then those without a rank as they were given.

    Equal values stand as they were given. `reason` says why nothing is ranked.
    """

    places: tuple[Place, ...]
    matches: tuple[Match, ...] = ()
    reason: str = ""


def leaderboard(
    entries: Sequence[Entry],
    yardstick: Yardstick,
    *,
    clusters: NDArray[Any] | None = None,
    seed: int = 0,
    known: Mapping[tuple[Any, Any], Met] = MappingProxyType({}),
) -> Board:
    """Rank systems by paired comparisons of all of them; the columns' rows are the same examples.

    `known` has what `meet` said of pairs of systems before, the second as baseline.

    A system counts as above another where a comparison of the two says so: by the interval, by p
    after Holm's adjustment over all pairs, and however what is unscored is filled. One that lacks
    more than 5 % of the examples on which any has a score is not ranked.
    """
    scored = [_scored(entry) for entry in entries]
    asked = _n_asked(scored)
    places = [
        _place(entry, mask, yardstick, asked) for entry, mask in zip(entries, scored, strict=True)
    ]
    order = sorted(range(len(entries)), key=lambda one: _best_first(places[one], yardstick))
    fit = [one for one in order if not places[one].reason]
    if reason := _why_none(len(fit), yardstick):
        return Board(places=tuple(places[one] for one in order), reason=reason)
    pairs = list(combinations(range(len(fit)), 2))
    sides = [
        (column, entries[one].asked) for one in fit if (column := entries[one].column) is not None
    ]
    systems = [places[one].system for one in fit]
    met = [
        known.get((systems[one], systems[other]))
        or meet(sides[other], sides[one], yardstick, clusters=clusters, seed=seed)
        for one, other in pairs
    ]
    matches = _matches(systems, pairs, met)
    ranks = dict(zip(fit, _ranks(len(fit), pairs, matches), strict=True))
    ranked = [
        replace(places[one], best=ranks[one][0], worst=ranks[one][1])
        if one in ranks
        else places[one]
        for one in order
    ]
    return Board(places=tuple(ranked), matches=matches)


def _scored(entry: Entry) -> NDArray[np.bool_] | None:
    """Say on which examples a system has a score; None where it stands outside."""
    if entry.column is None or entry.reason:
        return None
    values = entry.column.values.reshape(len(entry.column.values), entry.column.attempts)
    scored: NDArray[np.bool_] = np.any(~np.isnan(values), axis=1)
    return scored


def _n_asked(scored: Sequence[NDArray[np.bool_] | None]) -> int:
    """Count the examples on which any system has a score."""
    masks = [mask for mask in scored if mask is not None]
    return int(np.any(masks, axis=0).sum()) if masks else 0


def _place(
    entry: Entry, scored: NDArray[np.bool_] | None, yardstick: Yardstick, asked: int
) -> Place:
    if entry.column is None or scored is None:
        return Place(system=entry.system, reason=entry.reason or "It has no scores.")
    n = int(scored.sum())
    if not n:
        return Place(system=entry.system, reason="None of its outputs has a score.")
    value = value_of(yardstick.units(entry.column.at(scored)), yardstick)
    place = Place(system=entry.system, n_scored=n, value=None if math.isnan(value) else value)
    return replace(place, reason=_why_not(place, asked))


def _why_not(place: Place, asked: int) -> str:
    """Say why a system with scores is not ranked; empty where it is."""
    if place.value is None:
        return "The metric is undefined on its outputs."
    if asked - place.n_scored > MAX_UNSCORED_SHARE * asked:
        return (
            f"Only {place.n_scored:,} of {asked:,} examples have a score, and what has none may "
            "differ from what has: a rank needs 95 %."
        )
    return ""


def _why_none(n_fit: int, yardstick: Yardstick) -> str:
    if yardstick.higher_is_better is None:
        return NO_DIRECTION
    if n_fit < 2:
        there = "there is 1" if n_fit else "there is none"
        return f"A ranking needs two systems whose runs are complete and scored, and {there}."
    return ""


def _best_first(place: Place, yardstick: Yardstick) -> tuple[bool, float]:
    """Order ranked systems by value, then the others as they were given."""
    if place.reason or place.value is None:
        return True, 0.0
    return False, place.value if yardstick.higher_is_better is False else -place.value


def meet(
    baseline: Side,
    candidate: Side,
    yardstick: Yardstick,
    *,
    clusters: NDArray[Any] | None,
    seed: int,
) -> Met:
    """Compare two systems as a comparison of their runs does."""
    chosen = _asked(*baseline) | _asked(*candidate)
    old, new = baseline[0].at(chosen), candidate[0].at(chosen)
    groups = None if clusters is None else clusters[chosen]
    compared = compare(old, new, yardstick, clusters=groups, seed=seed)
    return compared, find_gaps(old, new, yardstick, clusters=groups, seed=seed)


def _asked(column: Column, asked: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    return np.ones(len(column.values), dtype=bool) if asked is None else asked


def _matches(
    systems: Sequence[Any],
    pairs: Sequence[tuple[int, int]],
    met: Sequence[Met],
) -> tuple[Match, ...]:
    """Decide every pair by p-values that are adjusted together; so are those of each filling."""
    adjusted = _holm([compared for compared, _ in met])
    best = _holm([gaps.best or compared for compared, gaps in met])
    worst = _holm([gaps.worst or compared for compared, gaps in met])
    return tuple(
        Match(
            first=systems[one],
            second=systems[other],
            compared=compared,
            decision=decide(
                compared,
                p_adjusted=None if math.isnan(p) else p,
                gaps=gaps.adjusted(best=best[at], worst=worst[at]),
            ),
            p_adjusted=None if math.isnan(p) else p,
        )
        for at, ((one, other), (compared, gaps), p) in enumerate(
            zip(pairs, met, adjusted, strict=True)
        )
    )


def _holm(found: Sequence[Compared]) -> list[float]:
    """Adjust the p-values of all pairs; NaN where two share too few examples to be tested."""
    tested = [
        math.nan if one.n < MIN_PAIRS or one.p_value is None else one.p_value for one in found
    ]
    adjusted: list[float] = holm(tested).tolist()
    return adjusted


def _ranks(
    n: int, pairs: Sequence[tuple[int, int]], matches: Sequence[Match]
) -> list[tuple[int, int]]:
    is_above = np.zeros((n, n), dtype=bool)
    for (one, other), match in zip(pairs, matches, strict=True):
        if match.lead:
            is_above[(one, other) if match.lead > 0 else (other, one)] = True
    return rank_ranges(is_above)
