"""A leaderboard: systems on the same examples, every two compared, with ranks as ranges."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metrics.statistics.findings import MAX_UNSCORED_SHARE, MIN_PAIRS
from metrics.statistics.intervals import ALPHA
from metrics.statistics.multiplicity import holm
from metrics.statistics.pairs import Compared, compare
from metrics.statistics.ranks import rank_ranges
from metrics.statistics.yardstick import Column, Yardstick, value_of

NO_DIRECTION = "Neither more nor less of this metric is better, so it ranks nothing."


@dataclass(frozen=True, kw_only=True, eq=False)
class Entry:
    """A system's scores, or why it has none to be ranked by."""

    system: Any
    column: Column | None = None
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

    `p_adjusted` is Holm's over all pairs; None where nothing was tested.
    """

    first: Any
    second: Any
    compared: Compared
    p_adjusted: float | None = None

    @property
    def lead(self) -> int:
        """Return 1 where the first is surely better, -1 where the second is, else 0."""
        if self.p_adjusted is None or self.p_adjusted > ALPHA or self.compared.gain is None:
            return 0
        return int(np.sign(self.compared.gain))


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
) -> Board:
    """Rank systems by paired comparisons of all of them; the columns' rows are the same examples.

    A system counts as above another where they differ at 5 % after Holm's adjustment over all
    pairs. One that lacks more than 5 % of the examples on which any has a score is not ranked.
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
    columns = [column for one in fit if (column := entries[one].column) is not None]
    found = [
        compare(columns[other], columns[one], yardstick, clusters=clusters, seed=seed)
        for one, other in pairs
    ]
    matches = _matches([places[one].system for one in fit], pairs, found)
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


def _matches(
    systems: Sequence[Any], pairs: Sequence[tuple[int, int]], found: Sequence[Compared]
) -> tuple[Match, ...]:
    adjusted = holm([_p_of(compared) for compared in found]).tolist()
    return tuple(
        Match(
            first=systems[one],
            second=systems[other],
            compared=compared,
            p_adjusted=None if math.isnan(p) else p,
        )
        for (one, other), compared, p in zip(pairs, found, adjusted, strict=True)
    )


def _p_of(compared: Compared) -> float:
    """Return the p of two systems; NaN where they share too few examples to be tested."""
    if compared.n < MIN_PAIRS or compared.p_value is None:
        return math.nan
    return compared.p_value


def _ranks(
    n: int, pairs: Sequence[tuple[int, int]], matches: Sequence[Match]
) -> list[tuple[int, int]]:
    is_above = np.zeros((n, n), dtype=bool)
    for (one, other), match in zip(pairs, matches, strict=True):
        if match.lead:
            is_above[(one, other) if match.lead > 0 else (other, one)] = True
    return rank_ranges(is_above)
