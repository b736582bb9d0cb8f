"""Numbers cut into slices at their quartiles."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metrics.base import Floats

MIN_EXAMPLES = 20  # a slice with fewer is listed, not tested


def quartile_levels(values: Floats) -> tuple[list[str], NDArray[np.int32]]:
    """Cut numbers at the quartiles: the levels' names in rising order, and each number's level.

    The cuts are values that occur, and equal numbers stay together: with many ties there are
    fewer than four levels, but two wherever the numbers differ.
    """
    cuts = np.unique(np.quantile(values, [0.25, 0.5, 0.75], method="inverted_cdf"))
    highest = values.max()
    cuts = cuts[cuts < highest]
    if not len(cuts) and values.min() < highest:
        cuts = np.array([values[values < highest].max()])
    codes = np.searchsorted(cuts, values, side="left").astype(np.int32)
    return _names([_text(cut) for cut in cuts.tolist()]), codes


def _names(cuts: list[str]) -> list[str]:
    if not cuts:
        return ["all"]
    between = [f"over {low} to {high}" for low, high in pairwise(cuts)]
    return [f"up to {cuts[0]}", *between, f"over {cuts[-1]}"]


def _text(number: float) -> str:
    """Write a cut as people write it: whole numbers without a point."""
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
