"""One value for a unit that several people answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import overload

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats
from metrics.reasons import Reason
from metrics.statistics.agreement import Level

VERSION = 1


class Rule(StrEnum):
    """How several answers become one value."""

    MEAN = "mean"
    MEDIAN = "median"
    MAJORITY = "majority"


RULES: Mapping[Level, Rule] = {
    Level.NOMINAL: Rule.MAJORITY,
    Level.ORDINAL: Rule.MEDIAN,
    Level.INTERVAL: Rule.MEAN,
    Level.RATIO: Rule.MEAN,
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Resolved:
    """A value for each unit, NaN exactly where the reason is not 0."""

    values: Floats
    reasons: NDArray[np.uint8]


@overload
def is_majority(votes: int, *, of: int) -> bool: ...
@overload
def is_majority(votes: NDArray[np.intp], *, of: NDArray[np.intp]) -> NDArray[np.bool_]: ...
def is_majority(
    votes: int | NDArray[np.intp], *, of: int | NDArray[np.intp]
) -> bool | NDArray[np.bool_]:
    """Say whether so many equal answers are more than half of all: two of four are not.

    What is published, what waits for a decision, and what stands beside a consensus ask here.
    """
    return 2 * votes > of


def rule_for(level: Level, *, is_yes_no: bool = False) -> Rule:
    """Return the rule of a question.

    A yes or no is 1 or 0, and its unit's value the share of people who said yes: a majority
    would leave out every tie, and with it the outputs that are hardest to judge.
    """
    return Rule.MEAN if is_yes_no else RULES[level]


def resolve(
    units: NDArray[np.intp],
    values: Floats,
    *,
    n_units: int,
    rule: Rule,
    decided: Mapping[int, float] | None = None,
) -> Resolved:
    """Resolve the answers to units 0 to n_units - 1, given as two columns.

    NaN is "cannot judge". A value in `decided` (an expert's, who saw all answers) stands before
    any rule; NaN there decides that the unit cannot be judged. The median of an even number of
    answers is the middle of the middle two.
    """
    given = ~np.isnan(values)
    asked = np.bincount(units, minlength=n_units)
    counts = np.bincount(units[given], minlength=n_units)
    resolve_by = {Rule.MEAN: _means, Rule.MEDIAN: _medians, Rule.MAJORITY: _majorities}[rule]
    resolved = resolve_by(units[given], values[given], counts)
    reasons = np.where(np.isnan(resolved), Reason.NO_MAJORITY, Reason.SCORED)
    reasons[counts == 0] = Reason.CANNOT_JUDGE
    reasons[asked == 0] = Reason.NOT_RATED
    for unit, value in (decided or {}).items():
        cannot = np.isnan(value)
        resolved[unit], reasons[unit] = value, Reason.CANNOT_JUDGE if cannot else Reason.SCORED
    return Resolved(values=resolved, reasons=reasons.astype(np.uint8))


def signature(*, campaign: str, question: str, scale: str, rule: Rule) -> str:
    """Return what defines a human measurement's numbers.

    `scale` is a level, or names what was made of the answers: a share of comparisons won.
    """
    parts = [
        "human",
        f"v{VERSION}",
        f"campaign:{quoted(campaign)}",
        f"question:{quoted(question)}",
    ]
    return "|".join([*parts, f"scale:{scale}", f"rule:{rule.value}", "decided:first"])


def quoted(text: str) -> str:
    """Write free text so that different signatures can never read the same."""
    for mark in "%|\n\r":
        text = text.replace(mark, f"%{ord(mark):02X}")
    return text


def _means(units: NDArray[np.intp], values: Floats, counts: NDArray[np.intp]) -> Floats:
    # Sorted, so that the sums do not depend on the order in which answers came.
    order = np.lexsort((values, units))
    sums = np.bincount(units[order], weights=values[order], minlength=len(counts))
    means = np.full(len(counts), np.nan)
    np.divide(sums, counts, out=means, where=counts > 0)
    return means


def _medians(units: NDArray[np.intp], values: Floats, counts: NDArray[np.intp]) -> Floats:
    ordered = values[np.lexsort((values, units))]
    starts = (np.cumsum(counts) - counts)[counts > 0]
    lower, upper = ((counts[counts > 0] - 1) // 2, counts[counts > 0] // 2)
    medians = np.full(len(counts), np.nan)
    medians[counts > 0] = (ordered[starts + lower] + ordered[starts + upper]) / 2.0
    return medians


def _majorities(units: NDArray[np.intp], values: Floats, counts: NDArray[np.intp]) -> Floats:
    """What more than half of the answers say stands in their middle, the lower one of two."""
    ordered = values[np.lexsort((values, units))]
    starts = (np.cumsum(counts) - counts)[counts > 0]
    middle = ordered[starts + (counts[counts > 0] - 1) // 2]
    majorities = np.full(len(counts), np.nan)
    majorities[counts > 0] = middle
    votes = np.bincount(units[values == majorities[units]], minlength=len(counts))
    majorities[~is_majority(votes, of=counts)] = np.nan
    return majorities
