"""Whether people prefer a side: how often what stood left won, for each annotator."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from metrics.batch import Floats
from metrics.statistics.distributions import binomial_limits, fair_coin_at_most, normal_quantile
from metrics.statistics.intervals import ALPHA, wilson
from metrics.statistics.multiplicity import holm
from metrics.statistics.preferences import LOSS, TIE, WIN, check_outcomes

_NO_WINNER = "No preference with a winner yet."
_NOTHING_JUDGED = "No preference yet."


@dataclass(frozen=True, kw_only=True)
class SideBalance:
    """One annotator's preferences by side; "cannot judge" is none.

    `first_left` counts the preferences in which the pair's first system stood left.
    `left_share` is the share that the left side won of those with a winner, with the exact
    interval and the exact p of a fair coin; `p_adjusted` is Holm's over all annotators.
    `tie_share` is of all, with Wilson's interval. What is missing is None, and `reason` says why.
    """

    annotator: Any
    preferences: int
    first_left: int
    left_wins: int
    right_wins: int
    ties: int
    left_share: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    p_adjusted: float | None = None
    tie_share: float | None = None
    tie_low: float | None = None
    tie_high: float | None = None
    reason: str = ""


def side_balance(
    *, annotators: ArrayLike, outcomes: ArrayLike, is_first_left: ArrayLike
) -> list[SideBalance]:
    """Count sides for each annotator, in the order of annotators.

    An outcome is that of the pair's first system, as in `preferences.tally`. Where sides are
    drawn by lot, a person who does not look at them favors left as often as right, whatever the
    systems are worth.
    """
    people, outcome = np.asarray(annotators), np.asarray(outcomes, dtype=np.float64)
    is_left = np.asarray(is_first_left, dtype=bool)
    if not people.shape == outcome.shape == is_left.shape:
        raise ValueError("Annotators, outcomes and sides differ in length.")
    check_outcomes(outcome)
    of_left = np.where(is_left, outcome, 1.0 - outcome)
    found = [
        _balance(one, of_left[people == one], is_left[people == one])
        for one in np.unique(people).tolist()
    ]
    adjusted = holm([math.nan if one.p_value is None else one.p_value for one in found])
    return [
        one if one.p_value is None else replace(one, p_adjusted=p)
        for one, p in zip(found, adjusted.tolist(), strict=True)
    ]


def _balance(annotator: object, of_left: Floats, is_left: NDArray[np.bool_]) -> SideBalance:
    judged = ~np.isnan(of_left)
    n = int(judged.sum())
    left, right, ties = (int((of_left == outcome).sum()) for outcome in (WIN, LOSS, TIE))
    counted = SideBalance(
        annotator=annotator,
        preferences=n,
        first_left=int(is_left[judged].sum()),
        left_wins=left,
        right_wins=right,
        ties=ties,
    )
    if not n:
        return replace(counted, reason=_NOTHING_JUDGED)
    tie_low, tie_high = wilson(ties / n, n, z=normal_quantile(1 - ALPHA / 2))
    counted = replace(counted, tie_share=ties / n, tie_low=tie_low, tie_high=tie_high)
    if not left + right:
        return replace(counted, reason=_NO_WINNER)
    low, high = binomial_limits(left, left + right, ALPHA)
    return replace(
        counted,
        left_share=left / (left + right),
        low=low,
        high=high,
        p_value=min(1.0, 2 * fair_coin_at_most(min(left, right), left + right)),
    )
