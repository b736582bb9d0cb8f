"""Numbers cut into slices at their quartiles."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats

MIN_EXAMPLES = 20  # a slice with fewer is listed, not tested
_FEWEST_DIGITS, _DIGITS_OF_A_FLOAT = 3, 17


def quartile_levels(values: Floats) -> tuple[list[str], NDArray[np.int32]]:
    """Cut numbers at the quartiles: the levels' names in rising order, and each number's level.

    Equal numbers stay together: with many ties there are fewer than four levels, but two wherever
    the numbers differ. A cut is a whole number that occurs, or a number of three digits between
    two that do, with more digits where three cannot tell them apart.
    """
    cuts = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf"))
    highest = values.max()
    cuts = cuts[cuts < highest]
    if not len(cuts) and values.min() < highest:
        cuts = np.array([values[values < highest].max()])
    above = [values[values > cut].min() for cut in cuts]
    cuts = np.array([_shortest(cut, next_) for cut, next_ in zip(cuts, above, strict=True)])
    codes = np.searchsorted(cuts, values, side="left").astype(np.int32)
    return _names([_text(cut) for cut in cuts.tolist()]), codes


def _shortest(low: float, high: float) -> float:
    """Return the number of fewest digits, at least three, in [low, high); low if it is whole."""
    exact = Decimal(repr(float(low)))
    if low != int(low):
        for digits in range(_FEWEST_DIGITS, _DIGITS_OF_A_FLOAT):
            step = Decimal(1).scaleb(exact.adjusted() - digits + 1)
            rounded = float(exact.quantize(step, rounding=ROUND_CEILING))
            if low <= rounded < high:
                return rounded
    return low


def _names(cuts: list[str]) -> list[str]:
    if not cuts:
        return ["all"]
    between = [f"over {low} to {high}" for low, high in pairwise(cuts)]
    return [f"up to {cuts[0]}", *between, f"over {cuts[-1]}"]


def _text(number: float) -> str:
    """Write a cut as people write it: whole numbers without a point."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
