"""Randomization tests of a paired gain, and the interval that is the same test turned round.

Under the null hypothesis the two sides of a group could be swapped. Swapping the groups of a
set F turns the gain D into D_F, and the test counts the sets with |D_F| >= |D|. Were the true
gain t, swapping F would move the gain by 2 t times F's share of the examples more; so F counts
against t when v_F = (D - D_F) / (2 share_F) lies on t's far side. For means v_F is the mean gain
within F, a "typical value" of Hartigan (1969), and the interval is exact; for a corpus value it
is first-order in t and exact at t = 0. Its ends are order statistics of the v_F, therefore
p <= alpha exactly when 0 lies outside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metrics.batch import Floats
from metrics.statistics.intervals import weighted_sums

EXACT_UP_TO = 15
FLIPS = 10_000
_ROUNDING = 1e-12

Sets = NDArray[np.uint8]  # a row of 0 and 1 for each way of swapping groups
Swapped = Callable[[Sets], Floats]


@dataclass(frozen=True, kw_only=True, eq=False)
class Randomization:
    """The outcome of all (or many random) swaps of groups.

    `typical` holds the v_F in order. A true gain below the observed one is as far off as
    `weight * (always + number of v_F up to it)` swaps of `total`; above it likewise.
    """

    gain: float
    typical: Floats
    weight: int
    always: int
    total: int

    @property
    def p_value(self) -> float:
        """Return the two-sided p of no gain."""
        if self.gain == 0.0:
            return 1.0
        far = self.typical <= 0.0 if self.gain > 0.0 else self.typical >= 0.0
        return min(1.0, self.weight * (self.always + int(far.sum())) / self.total)

    def interval(self, alpha: float) -> tuple[float, float]:
        """Return the gains that the test does not reject; infinite where it never rejects."""
        rank = math.floor(alpha * self.total / self.weight) - self.always + 1
        if rank < 1:
            return -math.inf, math.inf
        return float(self.typical[rank - 1]), float(self.typical[-rank])


def randomize(
    swapped: Swapped, sizes: Floats, *, gain: float, scale: float, seed: int
) -> Randomization:
    """Swap groups of these sizes: in every way up to 15 groups, else 10,000 seeded ways.

    `swapped` gives the gain for rows of 0 and 1, where 1 swaps that group. Differences below the
    rounding of numbers of size `scale` count as none.
    """
    if len(sizes) <= EXACT_UP_TO:
        return _exact(swapped, sizes, gain=gain, scale=scale)
    rng = np.random.Generator(np.random.PCG64(seed))
    n_bytes = -(-len(sizes) // 8)
    bits = np.frombuffer(rng.bytes(FLIPS * n_bytes), np.uint8).reshape(FLIPS, n_bytes)
    sets = np.unpackbits(bits, axis=1, count=len(sizes))
    share = _shares(sets, sizes)
    gains = swapped(sets)
    # Swapping all but F is swapping F and then everything: the gain changes its sign.
    typical = np.concatenate(
        [_typical(gain - gains, share, scale), _typical(gain + gains, 1.0 - share, scale)]
    )
    known = typical[~np.isnan(typical)]
    # The empty set, and a set whose value is undefined, count against every gain.
    always = 1 + int((share == 0.0).sum() + (share == 1.0).sum() + np.isnan(gains).sum())
    return _result(gain, scale, known, weight=1, always=always, total=FLIPS + 1)


def _exact(swapped: Swapped, sizes: Floats, *, gain: float, scale: float) -> Randomization:
    numbers = np.arange(1, 2 ** len(sizes))[:, None]
    sets = (numbers >> np.arange(len(sizes)) & 1).astype(np.uint8)
    typical = _typical(gain - swapped(sets), _shares(sets, sizes), scale)
    known = typical[~np.isnan(typical)]
    always = 1 + len(typical) - len(known)
    return _result(gain, scale, known, weight=2, always=always, total=2 ** len(sizes))


def _result(
    gain: float, scale: float, known: Floats, *, weight: int, always: int, total: int
) -> Randomization:
    settled = 0.0 if abs(gain) <= _ROUNDING * scale else gain
    return Randomization(
        gain=settled, typical=np.sort(known), weight=weight, always=always, total=total
    )


def _shares(sets: Sets, sizes: Floats) -> Floats:
    if np.all(sizes == 1.0):
        alone: Floats = sets.mean(axis=1)
        return alone
    shares: Floats = weighted_sums(sets, sizes[:, None])[:, 0] / sizes.sum()
    return shares


def _typical(difference: Floats, share: Floats, scale: float) -> Floats:
    """Return v_F, exactly 0 where nothing but rounding is left, NaN for the empty set."""
    settled = np.where(np.abs(difference) <= _ROUNDING * scale, 0.0, difference)
    typical = np.full(len(share), np.nan)
    np.divide(settled, 2.0 * share, out=typical, where=share > 0.0)
    return typical
