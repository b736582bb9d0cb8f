"""Stems of English words, as rouge-score takes them: of words of more than three letters."""

from __future__ import annotations

from functools import lru_cache

from metrics.overlap.porter import porter

_SHORTEST_STEMMED = 4
_LONGEST_REMEMBERED = 40


def stemmed(word: bytes) -> bytes:
    """Return the stem of a lowercase ASCII word."""
    return remembered(word) if len(word) <= _LONGEST_REMEMBERED else porter(word)


@lru_cache(maxsize=1 << 16)
def remembered(word: bytes) -> bytes:
    """Return the stem of a word that is short enough to be kept beside it."""
    return porter(word) if len(word) >= _SHORTEST_STEMMED else word
