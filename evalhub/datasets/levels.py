"""Metadata read into slice columns while a version is written. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from metrics.slices import quartile_levels
from numpy.typing import NDArray

MIN_LEVELS, MAX_LEVELS = 2, 30
# A text field with more levels than this names single examples, not slices of them.
MAX_KEPT_LEVELS = 5_000

Scalar = str | int | float | bool


@dataclass(frozen=True)
class Column:
    """One metadata field over all positions."""

    field: str
    levels: list[str]
    codes: NDArray[np.int32]
    is_slice: bool


@dataclass
class _Field:
    """What was seen of one field: level texts with their codes, and one code per position."""

    levels: dict[str, int] = field(default_factory=dict)
    numbers: list[float] | None = field(default_factory=list)  # None once a text was seen
    codes: list[tuple[int, int]] = field(default_factory=list)  # (position, code)

    def add(self, position: int, value: Scalar) -> None:
        text = level_text(value)
        code = self.levels.setdefault(text, len(self.levels))
        if code == len(self.levels) - 1 and self.numbers is not None:
            if isinstance(value, str | bool):
                self.numbers = None
            elif len(self.numbers) <= code:
                self.numbers.append(float(value))
        self.codes.append((position, code))


class Levels:
    """Collects the scalar metadata of a version's examples, in the order of positions."""

    def __init__(self, *, cluster_field: str = "") -> None:
        self._cluster_field = cluster_field
        self._fields: dict[str, _Field] = {}
        self._n = 0

    def add(self, metadata: Mapping[str, object]) -> None:
        for name, value in metadata.items():
            if isinstance(value, str | int | float | bool):
                self._fields.setdefault(name, _Field()).add(self._n, value)
        self._n += 1

    def columns(self) -> list[Column]:
        """Return a column for each field that can slice, and for the cluster field."""
        found = (self._column(name, seen) for name, seen in sorted(self._fields.items()))
        return [column for column in found if column is not None]

    def missing(self, name: str) -> int:
        """Count the examples without a value of this field."""
        seen = self._fields.get(name)
        return self._n - len(seen.codes) if seen else self._n

    def _column(self, name: str, seen: _Field) -> Column | None:
        codes = np.full(self._n, -1, dtype=np.int32)
        positions, values = np.array(seen.codes, dtype=np.int64).T
        codes[positions] = values
        levels = list(seen.levels)
        if name == self._cluster_field:
            return Column(name, levels, codes, MIN_LEVELS <= len(levels) <= MAX_LEVELS)
        if len(levels) > MAX_LEVELS and seen.numbers is not None:
            return _quartiles(name, np.array(seen.numbers), codes)
        if len(levels) > MAX_KEPT_LEVELS:
            return None
        return Column(name, levels, codes, MIN_LEVELS <= len(levels) <= MAX_LEVELS)


def level_text(value: Scalar) -> str:
    """Return how a metadata value is named as a level: texts as they are, else their JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _quartiles(name: str, numbers: NDArray[np.float64], codes: NDArray[np.int32]) -> Column:
    """Cut a number with many values at the quartiles of the examples that have one."""
    present = codes >= 0
    levels, cut = quartile_levels(numbers[codes[present]])
    quartered = np.full(len(codes), -1, dtype=np.int32)
    quartered[present] = cut
    return Column(name, levels, quartered, len(levels) >= MIN_LEVELS)
