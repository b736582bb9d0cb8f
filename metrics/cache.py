"""A bounded memory of what was derived from texts, so that references are prepared once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

DEFAULT_CHARACTERS = 32 * 1024 * 1024


class TextCache:
    """Least recently used derived texts, keyed by what was done and the text itself.

    It changes the speed of scoring and never a number. The bound counts the characters of
    keys and values, so one long text cannot fill the memory of a worker that lives for weeks.
    """

    def __init__(self, max_characters: int = DEFAULT_CHARACTERS) -> None:
        self._max_characters = max_characters
        self._characters = 0
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
        self._entries[key] = derived
        self._characters += len(text) + len(derived)
        while self._characters > self._max_characters:
            (_, old_text), old_derived = self._entries.popitem(last=False)
            self._characters -= len(old_text) + len(old_derived)
        return derived
