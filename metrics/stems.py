"""Porter's stemmer, as rouge-score applies it: words of more than three letters lose endings."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import lru_cache

_SHORTEST_STEMMED = 4
_LONGEST_REMEMBERED = 40


def stemmed(word: str) -> str:
    """Return the stem of a lowercase English word."""
    return _remembered(word) if len(word) <= _LONGEST_REMEMBERED else _porter()(word)


@lru_cache(maxsize=1 << 16)
def _remembered(word: str) -> str:
    return _porter()(word) if len(word) >= _SHORTEST_STEMMED else word


@lru_cache(maxsize=1)
def _porter() -> Callable[[str], str]:
    # nltk takes a second to load and only this option needs it.
    stem: Callable[[str], str] = importlib.import_module("nltk.stem.porter").PorterStemmer().stem
    return stem
