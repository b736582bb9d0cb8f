"""The line of each key of a body, small enough that millions of them fit in memory."""

from __future__ import annotations

import hashlib
import struct
from array import array
from collections.abc import Iterable

_halves = struct.Struct("<QQ").unpack
KEY_BYTES = 16
_FEWEST = 1_024


def key_digests(keys: Iterable[bytes]) -> bytes:
    """Return the 128-bit digests of keys, joined."""
    blake = hashlib.blake2b
    return b"".join([blake(key, digest_size=KEY_BYTES).digest() for key in keys])


class KeyLines:
    """Keys and the lines they stand in: 27 bytes a key, where a dict takes two hundred.

    A table of 128-bit digests, searched from the slot that a digest names on. Keys whose digests
    are equal would be taken for one: that is a collision of BLAKE2b.
    """

    def __init__(self, expected: int = 0) -> None:
        """Make room for so many keys; more only cost time."""
        self._n = 0
        self._make_room(max(expected, _FEWEST))

    def setdefault(self, key: str, line: int) -> int:
        """Return the line that has the key already, or else give it this one (from 1)."""
        high, low = _halves(key_digests([key.encode()]))
        at = self._slot(high, low)
        if first := self._lines[at]:
            return first
        self._put(at, high, low, line)
        self._n += 1
        if self._n > self._room:
            self._grow()
        return line

    def _make_room(self, n: int) -> None:
        self._room = n
        self._size = n * 4 // 3
        self._high = array("Q", [0]) * self._size
        self._low = array("Q", [0]) * self._size
        self._lines = array("I", [0]) * self._size

    def _slot(self, high: int, low: int) -> int:
        """Return the slot of a digest, or the free one where it belongs."""
        lines, highs, lows, size = self._lines, self._high, self._low, self._size
        at = high % size
        while lines[at] and (highs[at] != high or lows[at] != low):
            at = (at + 1) % size
        return at

    def _put(self, at: int, high: int, low: int, line: int) -> None:
        self._high[at], self._low[at], self._lines[at] = high, low, line

    def _grow(self) -> None:
        old = zip(self._high, self._low, self._lines, strict=True)
        self._make_room(self._room * 2)
        for high, low, line in old:
            if line:
                self._put(self._slot(high, low), high, low, line)
