"""Additive statistics of many examples, read in blocks: never more than one of them at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from operator import neg

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLOCK = 16_384
# Sums of whole numbers below this are exact, in whatever order they are added.
_EXACT = 2.0**53


class Rows:
    """A table of statistics, a row for each example, that is read as often as it is needed.

    `read` gives its blocks in order, however many rows a block has: no number depends on that.
    A block is (rows, columns), or (rows, attempts, columns) until a `Column` is folded. What is
    summed is remembered: a system of a leaderboard meets all the others with the same sums.
    """

    def __init__(self, shape: tuple[int, ...], read: Callable[[], Iterable[Floats]]) -> None:
        self.shape, self._read = shape, read
        self._sums: tuple[Floats, Floats] | None = None
        self._moved: tuple[bytes, Floats] = b"", np.zeros(0)

    @classmethod
    def of(cls, table: Floats) -> Rows:
        """Return a table in memory as such rows."""
        starts = range(0, len(table), BLOCK)
        return cls(table.shape, lambda: (table[start : start + BLOCK] for start in starts))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def columns(self) -> int:
        return self.shape[-1]

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Yield the blocks in order, each with the rows that it holds."""
        start = 0
        for block in self._read():
            yield slice(start, start + len(block)), block
            start += len(block)

    def whole(self) -> Floats:
        """Return the table, all of it."""
        table = np.zeros(self.shape)
        for part, block in self.blocks():
            table[part] = block
        return table

    def changed(self, shape: tuple[int, ...], change: Callable[[slice, Floats], Floats]) -> Rows:
        """Return rows that are made of these, block by block, each time they are read."""
        return Rows(shape, lambda: (change(*found) for found in self.blocks()))

    def at(self, chosen: NDArray[np.bool_]) -> Rows:
        """Return the rows of a mask."""
        if chosen.all():
            return self
        shape = (int(chosen.sum()), *self.shape[1:])
        return self.changed(shape, lambda part, block: block[chosen[part]])

    def totals(self) -> Floats:
        """Return the sum of each column, rounded once: whatever the order and the blocks."""
        return self._totals_and_scales()[0].copy()

    def scales(self) -> Floats:
        """Return the sum of each column's absolute values, rounded once."""
        return self._totals_and_scales()[1].copy()

    def folded(self, scored: NDArray[np.bool_]) -> Rows:
        """Average the scored attempts within each row; `scored` is (rows, attempts)."""
        count = scored.sum(axis=1)
        share = np.divide(1.0, count, out=np.zeros(len(count)), where=count > 0)
        return self.changed(
            (len(self), self.columns),
            lambda part, block: _averaged(block, scored[part], share[part]),
        )

    def times(self, slopes: Floats) -> Floats:
        """Return each row's sum with every column worth its slope."""
        asked = slopes.tobytes()
        if self._moved[0] != asked:
            moved = np.zeros(len(self))
            for part, block in self.blocks():
                for column, slope in zip(block.T, slopes, strict=True):
                    moved[part] += slope * column
            self._moved = asked, moved
        return self._moved[1].copy()

    def sums(self, groups: NDArray[np.intp], n_groups: int) -> Floats:
        """Return (groups, columns): the rows of each group added up, always in their order."""
        sums = [np.zeros(n_groups) for _ in range(self.columns)]
        for part, block in self.blocks():
            for total, column in zip(sums, block.T, strict=True):
                np.add.at(total, groups[part], column)
        return np.column_stack(sums)

    def _totals_and_scales(self) -> tuple[Floats, Floats]:
        if self._sums is None:
            totals: list[list[float]] = [[] for _ in range(self.columns)]
            scales: list[list[float]] = [[] for _ in range(self.columns)]
            for _, block in self.blocks():
                terms = _terms(block)
                _extend(totals, terms)
                _extend(scales, _terms(np.abs(block)) if (block < 0.0).any() else terms)
            self._sums = _rounded(totals), _rounded(scales)
        return self._sums


def _extend(terms: list[list[float]], found: list[list[float]]) -> None:
    for of_column, more in zip(terms, found, strict=True):
        of_column.extend(more)


def _rounded(terms: list[list[float]]) -> Floats:
    return np.array([math.fsum(of_column) for of_column in terms], dtype=np.float64)


def _averaged(block: Floats, scored: NDArray[np.bool_], share: Floats) -> Floats:
    """Average (examples, attempts, columns) over the scored attempts: one row for each example."""
    if block.shape[1] == 1:
        return np.where(scored, block[:, 0, :], 0.0)
    # In this order of memory, sums of attempts are always added up alike.
    kept = np.where(scored[:, :, None], np.ascontiguousarray(block), 0.0).sum(axis=1)
    averaged: Floats = kept * share[:, None]
    return averaged


def sum_of(values: Floats) -> float:
    """Return the sum of numbers, rounded once: whatever their order."""
    starts = range(0, len(values), BLOCK)
    return math.fsum(chain.from_iterable(values[at : at + BLOCK].tolist() for at in starts))


def _terms(block: Floats) -> list[list[float]]:
    """Return for each column a few numbers that have exactly the sum of the column."""
    if np.array_equal(block, np.floor(block)) and np.abs(block).sum() < _EXACT:
        return [[total] for total in block.sum(axis=0).tolist()]
    return [_exact_terms(column) for column in block.T.tolist()]


def _exact_terms(numbers: list[float]) -> list[float]:
    terms: list[float] = []
    while rest := math.fsum(chain(numbers, map(neg, terms))):
        terms.append(rest)
        if not math.isfinite(rest):
            break
    return terms
