"""Words of ASCII letters and digits, as rouge-score cuts them, for many texts at once.

No word becomes an object of its own: its first sixteen bytes are two integers, and equal integers
are equal words. Only longer words, and one of each that is stemmed, are looked at one by one.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from itertools import count
from typing import TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from metrics.ngrams import Ints, Sequences
from metrics.stems import stemmed

_Words: TypeAlias = NDArray[np.uint64]

_WORD_BYTES = (string.ascii_lowercase + string.digits).encode()
# Everything else becomes 0, also each byte of other characters.
_TO_WORDS = bytes(byte if byte in _WORD_BYTES else 0 for byte in range(256))
_PART = 8
_FIRST_BYTES = np.array([(1 << (8 * n)) - 1 for n in range(_PART + 1)], np.uint64)
_TABLE_BITS = 15
# 2**64 by the golden ratio: Knuth 1998, section 6.4.
_MULTIPLIER = 0x9E3779B97F4A7C15


def encode_words(sides: Sequence[Sequence[str]], *, stemmer: bool) -> list[Sequences]:
    """Give equal words of lowercase texts equal codes, over all sides and rows of a block."""
    texts = [
        text.lower().encode(errors="replace").translate(_TO_WORDS)
        for side in sides
        for text in side
    ]
    raw = b"\0".join([b"", *texts, bytes(2 * _PART)])
    is_word = np.frombuffer(raw, np.uint8) != 0
    edges = np.flatnonzero(is_word[1:] != is_word[:-1]) + 1
    starts, ends = edges[::2], edges[1::2]
    codes = _codes(raw, starts, ends)
    if stemmer and len(codes):
        codes = _by_stem(raw, starts, ends, codes)
    text_ends = np.cumsum([0, *map(len, texts)]) + np.arange(1, len(texts) + 2)
    lengths = np.diff(np.searchsorted(starts, text_ends))
    rows = np.cumsum([0, *map(len, sides)])
    words = np.concatenate(([0], np.cumsum(lengths)))[rows]
    return [
        Sequences(
            codes=codes[words[at] : words[at + 1]] + 1, lengths=lengths[rows[at] : rows[at + 1]]
        )
        for at in range(len(sides))
    ]


def _codes(raw: bytes, starts: Ints, ends: Ints) -> Ints:
    """Give equal words equal numbers, the different ones different numbers."""
    lengths = ends - starts
    first = _part(raw, starts, lengths)
    second = np.zeros(len(starts), np.uint64)
    rest = np.flatnonzero(lengths > _PART)
    second[rest] = _part(raw, starts[rest] + _PART, lengths[rest] - _PART)
    codes = _equals(first, second)
    long: dict[bytes, int] = {}
    for at in np.flatnonzero(lengths > 2 * _PART).tolist():
        codes[at] = len(starts) + long.setdefault(raw[starts[at] : ends[at]], len(long))
    return codes


def _part(raw: bytes, starts: Ints, lengths: Ints) -> _Words:
    """Return up to eight bytes of each word as an integer."""
    data = np.frombuffer(raw, np.uint8)
    windows = as_strided(data, (len(data) - _PART + 1, _PART), (1, 1), writeable=False)
    parts: _Words = windows[starts].view("<u8")[:, 0]
    return parts & _FIRST_BYTES[np.minimum(lengths, _PART)]


def _equals(first: _Words, second: _Words) -> Ints:
    """Return for each pair of integers the place of an equal one, the same for all its equals.

    Each pair is written into a table under its hash; those that find another pair there are
    written again under another hash.
    """
    equals = np.empty(len(first), np.int64)
    table = np.empty(1 << _TABLE_BITS, np.int64)
    left = np.arange(len(first))
    power = 1
    while len(left):
        power = power * _MULTIPLIER % (1 << 64)
        multiplier = np.uint64(power)
        ours, other = first[left], second[left]
        slots = (ours * multiplier + other) * multiplier >> np.uint64(64 - _TABLE_BITS)
        table[slots] = left
        found = table[slots]
        is_equal = (first[found] == ours) & (second[found] == other)
        equals[left[is_equal]] = found[is_equal]
        left = left[~is_equal]
    return equals


def _by_stem(raw: bytes, starts: Ints, ends: Ints, codes: Ints) -> Ints:
    """Give words that have one stem one code; each different word is stemmed once."""
    example = np.full(int(codes.max()) + 1, -1)
    example[codes] = np.arange(len(codes))
    used = np.flatnonzero(example >= 0)
    at = example[used]
    text = raw.decode("ascii")
    spans = zip(starts[at].tolist(), ends[at].tolist(), strict=True)
    stems = [stemmed(text[start:end]) for start, end in spans]
    code_of = dict(zip(dict.fromkeys(stems), count(), strict=False))
    renumbered = np.zeros(len(example), np.int64)
    renumbered[used] = list(map(code_of.__getitem__, stems))
    together: Ints = renumbered[codes]
    return together
