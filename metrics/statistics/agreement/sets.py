"""How far two chosen sets are apart, for questions of which several options may be chosen.

A chosen set is a number, its members' bits added up: options 0 and 2 together are 5. A float holds
52 of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import numpy as np

from metrics.batch import Floats

MAX_OPTIONS = 52


class SetDistance(StrEnum):
    """What the distance between two chosen sets means: from 0, the same, to 1, disjoint.

    Jaccard's is 1 - shared / together. MASI's, of Passonneau (2006), is 1 - m * shared / together,
    where m is 1 for equal sets, 2/3 where one holds the other, 1/3 where they overlap otherwise.
    """

    JACCARD = "jaccard"
    MASI = "masi"


def encoded(chosen: Iterable[int]) -> float:
    """Write the indices of the chosen options as a number."""
    places = set(chosen)
    if any(not 0 <= place < MAX_OPTIONS for place in places):
        raise ValueError(f"A chosen option is none of the first {MAX_OPTIONS}.")
    return float(sum(1 << place for place in places))


def is_chosen(values: Floats, option: int) -> Floats:
    """Return 1 where an option was chosen and 0 where not."""
    return ((values.astype(np.uint64) >> np.uint64(option)) & np.uint64(1)).astype(np.float64)


def set_distance(first: Floats, second: Floats, distance: SetDistance) -> Floats:
    """Return the distance of sets to sets, side by side."""
    one, other = np.broadcast_arrays(first.astype(np.uint64), second.astype(np.uint64))
    shared = np.bitwise_count(one & other).astype(np.float64)
    together = np.bitwise_count(one | other).astype(np.float64)
    likeness = np.divide(shared, together, out=np.ones_like(shared), where=together > 0)
    if distance is SetDistance.MASI:
        is_held = (one & other == one) | (one & other == other)
        likeness *= np.where(one == other, 1.0, np.where(is_held, 2 / 3, 1 / 3))
    return np.asarray(1.0 - likeness)
