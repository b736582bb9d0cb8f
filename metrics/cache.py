"""A bounded memory of what was derived from texts, so that references are prepared once."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable

DEFAULT_BYTES = 64 * 1024 * 1024
# What an entry takes beside its two texts: a key, its place in the table and in the order of use.
_ENTRY_BYTES = 240


class TextCache:
    """Least recently used derived texts, keyed by what was done and the text itself.

    It changes the speed of scoring and never a number. The bound is on the memory taken, keys
    and all: neither one long text nor millions of short ones, nor an alphabet of four bytes a
    character, fill a worker that lives for weeks.
    """

    def __init__(self, max_bytes: int = DEFAULT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[tuple[Hashable, str], str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def derive(self, step: Hashable, text: str, compute: Callable[[str], str]) -> str:
        """Return ``compute(text)``, from memory where the same step saw the same text."""
        key = (step, text)
        known = self._entries.get(key)
        if known is not None:
            self._entries.move_to_end(key)
            return known
        derived = compute(text)
        size = _size(text, derived)
        if size <= self._max_bytes:
            self._entries[key] = derived
            self._bytes += size
            self._make_room()
        return derived

    def _make_room(self) -> None:
        while self._bytes > self._max_bytes:
            (_, text), derived = self._entries.popitem(last=False)
            self._bytes -= _size(text, derived)


def _size(text: str, derived: str) -> int:
    return _ENTRY_BYTES + sys.getsizeof(text) + sys.getsizeof(derived)
