"""The edit-distance table of two sequences inside a beam around its diagonal, a row as bits.

A row is kept as the places where neighboring cells differ, one bit a cell, so that a few
operations on integers make the next row (Myers 1999, in the form of Hyyrö 2003). Cells outside
the beam count as infinite, as in sacrebleu's `BeamEditDistance`: for texts that differ much the
distance can be greater than Levenshtein's, and has to be, to the unit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

_BEAM_WIDTH = 25
# About a microsecond each.
_MAX_STEPS = 1_000_000

# `rises` and `falls`: where a cell is one more or less than its left neighbor; `corner`: the cell
# left of the beam's first; `level`: where a cell equals its upper left neighbor; `down`: where it
# is one more than its upper neighbor. A plain tuple, because there are many.
Row: TypeAlias = tuple[int, int, int, int, int]


class SearchLimitError(ValueError):
    """A search in the table would take too long."""


class Step(NamedTuple):
    """How the beam goes on to a row. Bit 0 stands for column `offset` + 1."""

    offset: int
    shift: int
    full: int
    fresh: int
    diagonal: int
    is_fenced: bool
    reach_above: int


class Table:
    """Rows for the words of an output, columns for those of a reference; a word is a character.

    All outputs have the same number of words.
    """

    def __init__(self, reference: str, length: int) -> None:
        self.reference = reference
        self.steps = list(_steps(length, len(reference)))
        self._steps_left = _MAX_STEPS
        self._bits: dict[str, int] = {}
        for place, word in enumerate(reference):
            self._bits[word] = self._bits.get(word, 0) | 1 << place

    def take_steps(self, n: int) -> None:
        """Count what a search does with the table; raise SearchLimitError where that is much."""
        self._steps_left -= n
        if self._steps_left < 0:
            raise SearchLimitError

    def fill(self, words: str) -> list[Row]:
        """Return the row of each word, after the one that stands before the first."""
        width = self.steps[0].shift + self.steps[0].full.bit_length()
        start = ((1 << width) - 1, 0, 0, 0, 0)
        return [start, *self.rows(words, 0, start)]

    def rows(self, words: str, done: int, row: Row) -> Iterator[Row]:
        """Go on from the row of the first `done` words."""
        rises, falls, corner, _, _ = row
        bits = self._bits
        for word, step in zip(words[done:], self.steps[done:], strict=True):
            offset, shift, full, fresh, diagonal, is_fenced, _ = step
            if shift:
                left = (1 << shift) - 1
                corner += (rises & left).bit_count() - (falls & left).bit_count()
                rises >>= shift
                falls >>= shift
            rises |= fresh
            if is_fenced:
                # The cell left of the first was not entered: make it too dear to come from.
                corner += 1 + (rises & 1) - (falls & 1)
                rises &= ~1
                falls |= 1
            corner += 1
            equal = (bits.get(word, 0) >> offset) & diagonal
            level = ((((equal & rises) + rises) ^ rises) | equal | falls) & full
            down = falls | (full & ~(level | rises))
            from_left = (down << 1) | 1
            rises = (((level & rises) << 1) | ~(level | from_left)) & full
            falls = from_left & level
            yield rises, falls, corner, level, down

    def distance(self, words: str, known: Sequence[Row], changed: range) -> int:
        """Return the distance of an output that differs in a range from that of known rows."""
        done = changed.start
        row = known[done]
        for row in self.rows(words, done, known[done]):
            done += 1
            if done >= changed.stop and row[:2] == known[done][:2]:
                break
        self.take_steps(done - changed.start)
        if done == len(words):
            return last_cell(row)
        # Below equal rows both tables go on alike.
        return last_cell(known[-1]) + row[2] - known[done][2]


def last_cell(row: Row) -> int:
    """Return the cell in a row's last column; in the last row that is the distance."""
    return row[2] + row[0].bit_count() - row[1].bit_count()


def _steps(rows: int, columns: int) -> Iterator[Step]:
    ratio = columns / rows
    width = math.ceil(ratio / 2 + _BEAM_WIDTH) if ratio / 2 > _BEAM_WIDTH else _BEAM_WIDTH
    low_above, reach_above, offset = 0, columns + 1, 0
    for row in range(1, rows + 1):
        middle = math.floor(row * ratio)
        low = max(0, middle - width)
        reach = columns + 1 if row == rows else min(columns + 1, middle + width)
        shift = max(low - 1, 0) - offset
        offset += shift
        full = (1 << (reach - 1 - offset)) - 1
        is_fenced = 0 < low == low_above
        yield Step(
            offset=offset,
            shift=shift,
            full=full,
            fresh=full & ~_ones(reach_above - 1 - offset),
            diagonal=full & _ones(reach_above - offset) & ~is_fenced,
            is_fenced=is_fenced,
            reach_above=reach_above,
        )
        low_above, reach_above = low, reach


def _ones(n: int) -> int:
    return (1 << n) - 1
