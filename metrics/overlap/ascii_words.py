"""Words of ASCII letters and digits, as rouge-score cuts them, for many texts at once.

No word becomes an object of its own: its first sixteen bytes are two integers, and equal integers
are equal words. Only longer words, and one of each that is stemmed, are looked at one by one.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from metrics.overlap.ngrams import Ints, Sequences
from metrics.overlap.porter import ENDINGS
from metrics.overlap.stems import remembered, stemmed

_Parts: TypeAlias = NDArray[np.uint64]

_WORD_BYTES = (string.ascii_lowercase + string.digits).encode()
# Everything that is in no word becomes 0, also each byte of other characters.
_TO_WORDS = bytes(lower if lower in _WORD_BYTES else 0 for lower in bytes(range(256)).lower())
# The only other characters whose lower case has a letter of ASCII: İ and the Kelvin sign.
_BECOME_LETTERS = "\u0130\u212a"
_PART = 8
_FIRST_BYTES = np.array([(1 << (8 * n)) - 1 for n in range(_PART + 1)], np.uint64)
# Stands in a long word's second half: no word has such bytes.
_LONG = (1 << 64) - 1
# By the number that an ending is.
_CAN_CHANGE = np.zeros(1 << 16, np.bool_)
_CAN_CHANGE[[int.from_bytes(ending, "big") for ending in ENDINGS]] = True
_LEAST_TABLE_BITS = 13
# 2**64 by the golden ratio: Knuth 1998, section 6.4.
_MULTIPLIER = 0x9E3779B97F4A7C15


def encode_words(sides: Sequence[Sequence[str]], *, stemmer: bool) -> list[Sequences]:
    """Give equal words of texts, whatever their case, equal codes over all sides of a block."""
    texts = _as_bytes(list(chain.from_iterable(sides)))
    raw = b"\0".join([b"", *texts, bytes(2 * _PART)]).translate(_TO_WORDS)
    is_word = np.frombuffer(raw, np.uint8) != 0
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    starts, ends = edges.reshape(-1, 2).T.copy()
    words = _Words.of(raw, starts, ends)
    codes = words.stem_codes() if stemmer else words.codes()
    text_ends = np.cumsum([1, *(len(text) + 1 for text in texts)])
    bounds = np.searchsorted(starts, text_ends)
    lengths = bounds[1:] - bounds[:-1]
    rows = [0, *accumulate(map(len, sides))]
    return [
        Sequences(codes=codes[bounds[start] : bounds[stop]], lengths=lengths[start:stop])
        for start, stop in pairwise(rows)
    ]


def _as_bytes(texts: Sequence[str]) -> list[bytes]:
    """Return texts in UTF-8, in which the case of ASCII letters alone is still to be lowered."""
    others = "".join([text for text in texts if not text.isascii()])
    if any(sign in others for sign in _BECOME_LETTERS):
        texts = list(map(str.lower, texts))
    return [text.encode(errors="surrogatepass") for text in texts]


@dataclass(frozen=True, kw_only=True, eq=False)
class _Words:
    """Words by their first and next eight bytes; a long one by its number and a mark.

    `endings` are the last two bytes of each as one number.
    """

    first: _Parts
    second: _Parts
    endings: Ints
    long: dict[bytes, int]

    @classmethod
    def of(cls, raw: bytes, starts: Ints, ends: Ints) -> _Words:
        """Read the words from text in which nothing else but zeros stands."""
        lengths = ends - starts
        first = _part(raw, starts, lengths)
        second = np.zeros(len(starts), np.uint64)
        rest = np.flatnonzero(lengths > _PART)
        second[rest] = _part(raw, starts[rest] + _PART, lengths[rest] - _PART)
        endings = np.ndarray((len(raw) - 1,), ">u2", raw, strides=(1,))[ends - 2]
        words = cls(first=first, second=second, endings=endings, long={})
        for at in np.flatnonzero(lengths > 2 * _PART).tolist():
            words.put(at, raw[starts[at] : ends[at]])
        return words

    def put(self, at: int, word: bytes) -> None:
        """Put a word into a place."""
        if len(word) > 2 * _PART:
            self.first[at], self.second[at] = self.long.setdefault(word, len(self.long)), _LONG
        else:
            self.first[at] = int.from_bytes(word[:_PART], "little")
            self.second[at] = int.from_bytes(word[_PART:], "little")

    def codes(self) -> Ints:
        """Return equal codes for equal words, from 1 without gaps."""
        return self._numbered()[0]

    def stem_codes(self) -> Ints:
        """Return equal codes for words of one stem; each different word is stemmed once."""
        codes, places = self._numbered()
        stems = _Words(
            first=self.first.take(places),
            second=self.second.take(places),
            endings=self.endings.take(places),
            long=self.long,
        )
        stems._stem()
        together: Ints = stems.codes().take(codes - 1)
        return together

    def _stem(self) -> None:
        """Put stems into the places of the words that have one."""
        changing = np.flatnonzero(_CAN_CHANGE.take(self.endings))
        is_long = self.second.take(changing) == _LONG
        words = list(self.long)
        for at in changing[is_long].tolist():
            self.put(at, stemmed(words[int(self.first[at])]))
        short = changing[~is_long]
        parts = np.stack((self.first.take(short), self.second.take(short)), axis=1)
        stems = map(remembered, parts.astype("<u8").view(f"S{2 * _PART}")[:, 0].tolist())
        parts = np.array(list(stems), f"S{2 * _PART}").view("<u8").reshape(-1, 2)
        self.first[short], self.second[short] = parts.T

    def _numbered(self) -> tuple[Ints, Ints]:
        """Number the different words from 1; with it return a place of each."""
        equals = self._equals()
        is_chosen = np.zeros(len(equals), np.bool_)
        is_chosen[equals] = True
        numbers = np.cumsum(is_chosen, dtype=np.int64)
        return numbers.take(equals), np.flatnonzero(is_chosen)

    def _equals(self) -> Ints:
        """Return for each word the place of an equal one, the same for all its equals.

        Each is written into a table under its hash; those that find another word there are
        written again under another hash.
        """
        first, second = self.first, self.second
        equals = np.empty(len(first), np.int64)
        bits = max(_LEAST_TABLE_BITS, len(first).bit_length())
        table = np.empty(1 << bits, np.int64)
        left = np.arange(len(first))
        power = 1
        while len(left):
            power = power * _MULTIPLIER % (1 << 64)
            multiplier = np.uint64(power)
            slots = ((first * multiplier + second) * multiplier >> np.uint64(64 - bits)).view(
                np.int64
            )
            table[slots] = left
            equals[left] = found = table.take(slots)
            is_other = (self.first.take(found) != first) | (self.second.take(found) != second)
            missed = np.flatnonzero(is_other)
            left, first, second = left.take(missed), first.take(missed), second.take(missed)
        return equals


def _part(raw: bytes, starts: Ints, lengths: Ints) -> _Parts:
    """Return up to eight bytes of each word as an integer."""
    windows = np.ndarray((len(raw) - _PART + 1,), "<u8", raw, strides=(1,))
    parts: _Parts = windows[starts]
    parts &= _FIRST_BYTES.take(np.minimum(lengths, _PART))
    return parts
