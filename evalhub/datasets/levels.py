"""Metadata read into slice columns while a version is written. Pure."""

from __future__ import annotations

import json
import re
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import cast

import numpy as np
from numpy.typing import NDArray

from metrics.statistics.slices import quartile_levels

MIN_LEVELS, MAX_LEVELS = 2, 30
# A text field with more levels than this names single examples, not slices of them.
MAX_KEPT_LEVELS = 5_000
MAX_LEVEL_CHARACTERS = MAX_FIELD_CHARACTERS = 200
MAX_FIELDS = 1_000
# Up to here a float holds every whole number, and is written as one.
_WHOLE = 2.0**53
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")

Scalar = str | int | float | bool
_PLAIN = {str, int, float, type(None)}


@dataclass(frozen=True)
class Column:
    """One metadata field over all positions."""

    field: str
    levels: list[str]
    codes: NDArray[np.int32]
    is_slice: bool

    def sizes(self) -> list[int]:
        """Return how many examples each level has."""
        sizes = np.bincount(self.codes[self.codes >= 0], minlength=len(self.levels))
        return [int(size) for size in sizes]


class _Field:
    """What was seen of one field, in the order of positions.

    Kept in arrays: millions of examples with a dozen fields must fit in memory. Levels are kept
    while there are few, numbers while there is nothing else. Values come many at a time, and
    where all of them are of one kind no code of ours looks at each.
    """

    def __init__(self, *, is_cluster: bool) -> None:
        self.n = 0
        self.levels: dict[str, int] = {}
        self.numbers = array("d")
        # As many codes as a field may have levels need 16 bits, but for clusters.
        self._codes_type = "i" if is_cluster else "H"
        self.codes = array(self._codes_type)
        self.has_levels = self.has_only_numbers = True
        self.is_cluster = is_cluster
        # None while every position so far has a value
        self._positions: array[int] | None = None
        self._code_of: dict[str | int | float, int] = {}  # equal numbers are one level, 1 and 1.0

    def add(self, start: int, values: Sequence[object]) -> None:
        """Take the values at positions from `start` on; anything but a scalar is none."""
        kinds = set(map(type, values))
        if not kinds <= _PLAIN:
            values = list(map(_plain, values))
            kinds = set(map(type, values))
        scalars = cast(list[str | int | float], values)
        if type(None) in kinds or start != self.n:
            there = [at for at, value in enumerate(values, start) if value is not None]
            scalars = [value for value in scalars if value is not None]
            self._note_positions(there)
        elif self._positions is not None:
            self._note_positions(range(start, start + len(values)))
        self.n += len(scalars)
        if self.has_only_numbers:
            self._add_numbers(scalars)
        if self.has_levels:
            self._add_levels(scalars)

    def _note_positions(self, there: Sequence[int]) -> None:
        if self._positions is None:
            self._positions = array("i", range(self.n))
        if self.has_levels or self.has_only_numbers:
            self._positions.extend(there)

    def _add_numbers(self, values: Sequence[str | int | float]) -> None:
        try:
            self.numbers.extend(cast(Sequence[float], values))
        except TypeError:  # a text is among them
            self.has_only_numbers = False
            self.numbers = array("d")

    def _add_levels(self, values: Sequence[str | int | float]) -> None:
        known = self._code_of
        for value in dict.fromkeys(values):
            if value in known:
                continue
            text = level_text(value)
            known[value] = self.levels.setdefault(text, len(self.levels))
            is_named = len(text) <= MAX_LEVEL_CHARACTERS and len(self.levels) <= MAX_KEPT_LEVELS
            if not (is_named or self.is_cluster):
                self.has_levels = False
                self.levels, self._code_of, self.codes = {}, {}, array(self._codes_type)
                return
        self.codes.extend(map(known.__getitem__, values))

    def everywhere(self, codes: NDArray[np.int32], n: int) -> NDArray[np.int32]:
        """Spread the codes of the values over `n` positions, -1 where there is none."""
        if len(codes) == n:
            return codes
        there = range(self.n) if self._positions is None else self._positions
        spread = np.full(n, -1, dtype=np.int32)
        spread[np.array(there, dtype=np.int64)] = codes
        return spread

    def longest_level(self) -> int:
        return max(map(len, self.levels), default=0)

    def in_order(self) -> tuple[list[str], NDArray[np.int32]]:
        """Return the levels and every code: numbers from the lowest up, texts as they came.

        The numbers of a table are texts, and come in the same order.
        """
        levels, codes = list(self.levels), np.array(self.codes, dtype=np.int32)
        if not all(map(_NUMBER.fullmatch, levels)):
            return levels, codes
        rising = np.argsort(np.array(levels, dtype=np.float64), kind="stable")
        ranks = np.argsort(rising).astype(np.int32)
        return [levels[code] for code in rising.tolist()], ranks[codes]


class Levels:
    """Collects the scalar metadata of a version's examples, in the order of positions.

    A field with a name too long, and any past the thousandth, is left as what it is: metadata.
    """

    def __init__(self, *, cluster_field: str = "") -> None:
        self._cluster_field = cluster_field
        self._fields: dict[str, _Field] = {}
        self._n = 0

    def add(self, rows: Sequence[Mapping[str, object]]) -> None:
        """Take the metadata of the next examples."""
        for name in dict.fromkeys(chain.from_iterable(rows)):
            values = [row.get(name) for row in rows]
            seen = self._fields.get(name) or self._new_field(name, values)
            if seen is not None:
                seen.add(self._n, values)
        self._n += len(rows)

    def _new_field(self, name: str, values: Sequence[object]) -> _Field | None:
        is_cluster = name == self._cluster_field
        is_room = len(self._fields) < MAX_FIELDS and len(name) <= MAX_FIELD_CHARACTERS
        if not (is_room or is_cluster) or all(_plain(value) is None for value in values):
            return None
        seen = self._fields[name] = _Field(is_cluster=is_cluster)
        return seen

    def columns(self) -> list[Column]:
        """Return a column for each field that can slice, and for the cluster field."""
        found = (self._column(name, seen) for name, seen in sorted(self._fields.items()))
        return [column for column in found if column is not None]

    def missing(self, name: str) -> int:
        """Count the examples without a value of this field."""
        seen = self._fields.get(name)
        return self._n - seen.n if seen else self._n

    def longest_level(self, name: str) -> int:
        """Return the length of a field's longest level, as far as its levels are kept."""
        seen = self._fields.get(name)
        return seen.longest_level() if seen else 0

    def _column(self, name: str, seen: _Field) -> Column | None:
        has_many = not seen.has_levels or len(seen.levels) > MAX_LEVELS
        if has_many and seen.has_only_numbers and not seen.is_cluster:
            levels, codes = quartile_levels(np.array(seen.numbers))
        elif seen.has_levels:
            levels, codes = seen.in_order()
        else:
            return None
        everywhere = seen.everywhere(codes, self._n)
        return Column(name, levels, everywhere, MIN_LEVELS <= len(levels) <= MAX_LEVELS)


def _plain(value: object) -> str | int | float | None:
    """Return a scalar, true and false as texts, and None for anything else."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str | int | float) else None


def level_text(value: Scalar) -> str:
    """Return how a metadata value is named as a level: texts as they are, else their JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return str(int(value))
    return json.dumps(value)
