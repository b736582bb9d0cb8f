"""What was made once and is asked for again, within a number of bytes."""

from __future__ import annotations

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

_OVERHEAD = 300  # bytes of a key and of its place


class BoundedCache:
    """Texts by key; the one that was not asked for the longest goes first.

    Two threads that want the same text at the same moment may both make it.
    """

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.n_bytes = 0
        self._texts: OrderedDict[Hashable, str] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], str]) -> str:
        """Return the text of this key; made now if it is not here."""
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
                return self._texts[key]
        text = make()
        size = _size(text)
        if size <= self.most_bytes // 2:  # one giant does not push everything else out
            with self._lock:
                self._keep(key, text, size)
        return text

    def _keep(self, key: Hashable, text: str, size: int) -> None:
        if key in self._texts:
            return
        self._texts[key] = text
        self.n_bytes += size
        while self.n_bytes > self.most_bytes:
            _, gone = self._texts.popitem(last=False)
            self.n_bytes -= _size(gone)


def _size(text: str) -> int:
    return sys.getsizeof(text) + _OVERHEAD
