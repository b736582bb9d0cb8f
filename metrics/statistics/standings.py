"""What a ranking of systems by preferences says, in numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

RANK_RULE = (
    "A system counts as above another where chance alone would hardly make their difference: p is "
    "at most 0.05 after Holm's adjustment over all pairs of systems, so that all ranks hold "
    "together 19 times in 20."
)


class Linkage(StrEnum):
    """Whether the preferences say how every system stands to every other."""

    WHOLE = "whole"
    ONE_WAY = "one_way"
    UNLINKED = "unlinked"

    @property
    def sentence(self) -> str:
        """What a person reads."""
        return _SENTENCES[self]


_SENTENCES = {
    Linkage.WHOLE: "Every system can be compared with every other, directly or through others.",
    Linkage.ONE_WAY: (
        "Some systems won, or lost, every preference against others, so how far apart they are "
        "has no bound. Strengths are given within each part of systems that beat one another."
    ),
    Linkage.UNLINKED: (
        "Some systems never met, not even through others, so nothing says how they compare. "
        "Strengths are given within each part of systems that beat one another."
    ),
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """How often a system was preferred. Ties include those in which both were called bad."""

    preferences: int
    wins: int
    ties: int
    losses: int
    both_bad: int


@dataclass(frozen=True, kw_only=True)
class Bounded:
    """A number with its 95 % interval; `reason` says why either is missing."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One system: its share of preferences won, ties half, and its strength in log odds.

    The strength is against the mean of the systems of its `part`. The rank lies in `best_rank` to
    `worst_rank`, which are None where there are no ranks.
    """

    system: Any
    record: Record
    share: Bounded
    strength: Bounded
    part: int
    best_rank: int | None = None
    worst_rank: int | None = None


@dataclass(frozen=True, kw_only=True)
class Duel:
    """Two systems: their record as the first's, and how likely the first is preferred.

    `probability` counts ties half and rests on all preferences of their part, also those through
    third systems; `difference` is the same in log odds. `p_value` tests that neither is better and
    `p_adjusted` is Holm's over all pairs; both are None where nothing tests it.
    """

    first: Any
    second: Any
    record: Record
    probability: Bounded
    difference: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    method: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Systems that beat one another, directly or through others; `reason`: why no strengths."""

    systems: tuple[Any, ...]
    preferences: int
    groups: int
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """All systems, strongest first as far as can be said, and each two of them.

    `groups` counts the examples, or clusters. `reason` says why there are no strengths and ranks.
    """

    standings: tuple[Standing, ...]
    duels: tuple[Duel, ...]
    parts: tuple[Part, ...]
    linkage: Linkage
    preferences: int
    groups: int
    reason: str = ""
