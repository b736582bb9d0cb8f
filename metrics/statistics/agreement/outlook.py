"""What more labels would buy: how narrow alpha's interval would be, if alpha stayed as it is.

The standard error falls with the square root of the number of examples (or clusters), and so
does what few of them cost in t; labels of the same examples by more people are another matter.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from metrics.statistics.agreement.alpha import Agreement
from metrics.statistics.agreement.jackknife import BEYOND_CHANCE, ends, unvaried

MOST = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Settling:
    """How many more groups would bring alpha's interval off a target, on the side where alpha is.

    `more` is None with the reason in `reason`, and 0 where the interval does not touch it now.
    """

    more: int | None = None
    is_above: bool | None = None
    reason: str = ""


def half_width(found: Agreement, *, more: int = 0) -> float | None:
    """Return half the width of alpha's interval with so many more groups; None without one."""
    projected = _projected(found, more)
    return None if projected is None else (projected[1] - projected[0]) / 2


def settling(found: Agreement, target: float) -> Settling:
    """Return how many more groups would settle whether alpha is above a target or below."""
    if found.alpha is None or found.low is None:
        return Settling(reason=found.no_interval)
    if found.alpha == target:
        return Settling(reason="Alpha is the target itself, so that no interval lies beside it.")
    is_above = found.alpha > target
    if _is_off(found, target, 0):
        return Settling(more=0, is_above=is_above)
    if not _is_off(found, target, MOST):
        return Settling(
            is_above=is_above,
            reason="Alpha is so close to the target that a million more would not do.",
        )
    few, enough = 0, MOST
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if _is_off(found, target, middle) else (middle, enough)
    return Settling(more=enough, is_above=is_above)


def _is_off(found: Agreement, target: float, more: int) -> bool:
    projected = _projected(found, more)
    return projected is not None and not projected[0] <= target <= projected[1]


def _projected(found: Agreement, more: int) -> tuple[float, float] | None:
    """Return the ends of the interval with more groups like those that are there."""
    if found.alpha is None or found.low is None or found.high is None:
        return None
    if not more:
        return found.low, found.high
    if found.standard_error is None or found.degrees is None:
        spread = unvaried(found.alpha, found.groups + more, BEYOND_CHANCE)
        return None if spread.low is None or spread.high is None else (spread.low, spread.high)
    growth = 1 + more / found.groups
    return ends(
        found.alpha,
        found.standard_error / math.sqrt(growth),
        found.degrees * growth,
        BEYOND_CHANCE,
        bias=found.bias / growth,
    )
