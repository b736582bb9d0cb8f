"""Rows of additive statistics that are nearly all zero: what each row counts, not every counter.

A metric over classes has counters for every class, and an output moves three of them. Written out,
a million outputs of a hundred classes are 2.4 GB; as tallies they are 12 MB.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from metrics.rows import Rows


@dataclass(frozen=True, kw_only=True, eq=False)
class Tallies:
    """What each row adds to blocks of `size` counters.

    `codes` and `weights` are (rows, attempts, blocks): the row adds the weight (1 without
    `weights`, never negative) to the counter of that code in that block; a negative code adds
    nothing. `shares`, one for each row, scales all a row adds (1 without).
    """

    codes: NDArray[np.int32]
    size: int
    weights: NDArray[np.float64] | None = None
    shares: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def blocks(self) -> int:
        """How many counters each class has."""
        blocks: int = self.codes.shape[2]
        return blocks

    def at(self, chosen: NDArray[Any]) -> Tallies:
        """Return the rows of a mask or of positions."""
        return replace(
            self,
            codes=self.codes[chosen],
            weights=None if self.weights is None else self.weights[chosen],
            shares=None if self.shares is None else self.shares[chosen],
        )

    def folded(self, scored: NDArray[np.bool_]) -> Tallies:
        """Average the scored attempts within each row; `scored` is (rows, attempts)."""
        codes = np.where(scored[:, :, None], self.codes, np.int32(-1))
        if scored.shape[1] == 1:
            return replace(self, codes=codes)
        return replace(self, codes=codes, shares=1.0 / np.maximum(scored.sum(axis=1), 1))

    def totals(self) -> NDArray[np.float64]:
        """Return the sum of every counter, exact whatever the order of the rows."""
        return np.concatenate([np.zeros(0), *map(self._totals_of, range(self.blocks))])

    def scales(self) -> NDArray[np.float64]:
        """Return the sum of every counter's absolute values: nothing added is negative."""
        return self.totals()

    def whole(self) -> NDArray[np.float64]:
        """Return (rows, counters), all written out."""
        return self.sums(np.arange(len(self)), len(self))

    def _totals_of(self, block: int) -> NDArray[np.float64]:
        codes = self.codes[:, :, block]
        known = codes >= 0
        if self.weights is None and self.shares is None:
            return np.bincount(codes[known], minlength=self.size).astype(np.float64)
        codes, added = codes[known], self._added(block)[known]
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(1, self.size))
        parts = np.split(added[order], ends)[: self.size]
        return np.array([math.fsum(part.tolist()) for part in parts], np.float64)

    def times(self, slopes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what each row moves when every counter is worth its slope."""
        moved = np.zeros(len(self))
        for block, of_block in enumerate(slopes.reshape(self.blocks, self.size)):
            worth = np.append(of_block, 0.0)  # code -1 is the last
            for attempt in range(self.codes.shape[1]):
                step = worth[self.codes[:, attempt, block]]
                if self.weights is not None:
                    step *= self.weights[:, attempt, block]
                moved += step
        return moved if self.shares is None else moved * self.shares

    def sums(self, groups: NDArray[np.intp], n_groups: int) -> NDArray[np.float64]:
        """Return (groups, counters): the rows of each group added up, all counters written out."""
        sums = np.zeros((n_groups, self.blocks, self.size))
        for block in range(self.blocks):
            codes = self.codes[:, :, block]
            known = codes >= 0
            at = (groups[:, None] * self.size + codes)[known]
            added = np.bincount(at, self._added(block)[known], minlength=n_groups * self.size)
            sums[:, block] = added.reshape(n_groups, self.size)
        return sums.reshape(n_groups, -1)

    def _added(self, block: int) -> NDArray[np.float64]:
        """Return (rows, attempts): what a row adds in a block, where it adds anything."""
        added = np.ones(self.codes.shape[:2])
        if self.weights is not None:
            added *= self.weights[:, :, block]
        return added if self.shares is None else added * self.shares[:, None]

    def equals(self, other: Tallies) -> bool:
        """Tell whether every row adds the same as the other's."""
        return (
            self.size == other.size
            and np.array_equal(self.codes, other.codes)
            and _are_same(self.weights, other.weights)
            and _are_same(self.shares, other.shares)
        )


def _are_same(one: NDArray[np.float64] | None, other: NDArray[np.float64] | None) -> bool:
    if one is None or other is None:
        return one is other
    return np.array_equal(one, other)


# Rows of additive statistics, written out or as what each row counts.
AnyRows: TypeAlias = Rows | Tallies


def are_equal(one: AnyRows, other: AnyRows) -> bool:
    """Tell whether the rows of both add the same, in the same order."""
    if isinstance(one, Tallies) and isinstance(other, Tallies):
        return one.equals(other)
    if not np.array_equal(one.totals(), other.totals()):
        return False
    return np.array_equal(one.whole(), other.whole())


def without_idle(*sides: AnyRows) -> Sequence[AnyRows]:
    """Leave out the counters that no row of any side counts, so that small parts stay small."""
    tallies = [side for side in sides if isinstance(side, Tallies)]
    if len(tallies) < len(sides):
        return sides
    used = np.zeros(tallies[0].size, np.bool_)
    for side in tallies:
        used[side.codes[side.codes >= 0]] = True
    codes = np.append(np.where(used, np.cumsum(used) - 1, -1), -1).astype(np.int32)
    return [replace(side, codes=codes[side.codes], size=int(used.sum())) for side in tallies]
