"""Ranks as ranges: what surely stands above and below each system."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metrics.statistics.bradley_terry import closed


def rank_ranges(is_above: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return each system's best and worst rank: 1 + how many are above, n - how many below.

    `is_above` (n, n) says whether the row's system is surely above the column's. What is above a
    system that is above a third is above that too; systems that stand above each other, be it
    through others, are not told apart.
    """
    reached = closed(is_above)
    surely = reached & ~reached.T
    above, below = surely.sum(axis=0).tolist(), surely.sum(axis=1).tolist()
    n = len(is_above)
    return [(1 + mine, n - theirs) for mine, theirs in zip(above, below, strict=True)]
