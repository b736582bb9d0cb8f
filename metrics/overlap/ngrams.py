"""Counts of shared n-grams for many examples at once, exactly, in a few passes of numpy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from typing import TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Ints: TypeAlias = NDArray[np.int64]
Keys: TypeAlias = NDArray[np.int32] | NDArray[np.int64]

# Blocks this small keep every array of a pass in the processor's cache.
_BLOCK_ROWS = 128
_KEY_BITS = 63
# Keys this narrow are sorted in half the time.
_SHORT_KEY_BITS = 31


@dataclass(frozen=True, kw_only=True, eq=False)
class Sequences:
    """Sequences of codes laid end to end. Codes start at 1; equal items of a row are equal."""

    codes: Ints
    lengths: Ints

    def __len__(self) -> int:
        return len(self.lengths)

    def rows(self, start: int, stop: int) -> Sequences:
        """Return the sequences of these rows."""
        first = int(self.lengths[:start].sum())
        last = first + int(self.lengths[start:stop].sum())
        return Sequences(codes=self.codes[first:last], lengths=self.lengths[start:stop])

    def ngram_counts(self, order: int) -> Ints:
        """Return how many n-grams of each length from 1 to `order` every sequence has."""
        counts: Ints = np.maximum(self.lengths[:, None] - np.arange(order), 0)
        return counts

    def as_texts(self) -> list[str]:
        """Return every sequence as a text in which one character stands for one code."""
        text = self.codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
        ends = np.cumsum(self.lengths).tolist()
        return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def blocks(sizes: Sequence[int], *, most: int) -> Iterator[slice]:
    """Cut rows into blocks that are small in rows and in size; one row is always allowed."""
    start = total = 0
    for row, size in enumerate(sizes):
        if row > start and (total + size > most or row - start == _BLOCK_ROWS):
            yield slice(start, row)
            start, total = row, 0
        total += size
    if sizes:
        yield slice(start, len(sizes))


def encode_tokens(sides: Sequence[Sequence[Sequence[str]]]) -> list[Sequences]:
    """Give equal tokens equal codes, over all sides and rows of a block."""
    tokens = list(chain.from_iterable(chain.from_iterable(sides)))
    code_of = dict(zip(dict.fromkeys(tokens), count(1), strict=False))
    codes = np.array(list(map(code_of.__getitem__, tokens)), np.int64)
    lengths = [_lengths(side) for side in sides]
    ends = np.cumsum([side.sum() for side in lengths])
    return [
        Sequences(codes=part, lengths=side)
        for part, side in zip(np.split(codes, ends[:-1]), lengths, strict=True)
    ]


def encode_characters(sides: Sequence[Sequence[str]]) -> list[Sequences]:
    """Give every character its code point plus one."""
    return [
        Sequences(
            codes=np.frombuffer("".join(side).encode("utf-32-le"), "<u4").astype(np.int64) + 1,
            lengths=_lengths(side),
        )
        for side in sides
    ]


def clipped_matches(sides: Sequence[Sequences], *, order: int) -> Ints:
    """Count the n-grams that the first side shares with the others, for n from 1 to `order`.

    An n-gram counts as often as it stands in the first side's row, but at most as often as in
    the row of the side that has it most often (Papineni et al. 2002, section 2.1).
    """
    rows = len(sides[0])
    if not sides[0].codes.size:
        return np.zeros((rows, order), np.int64)
    fixed_bits = (rows - 1).bit_length() + (len(sides) - 1).bit_length()
    available = (_KEY_BITS - fixed_bits) // order
    if _code_bits(sides) > available:
        sides = _renumbered(sides)
    if (bits := _code_bits(sides)) <= available:
        return _matches_by_key(sides, order, bits)
    if rows > 1:
        middle = rows // 2
        halves = (
            [side.rows(0, middle) for side in sides],
            [side.rows(middle, rows) for side in sides],
        )
        return np.concatenate([clipped_matches(half, order=order) for half in halves])
    return _matches_by_rank([side.codes for side in sides], order)


def _lengths(side: Sequence[Sequence[str]]) -> Ints:
    return np.fromiter(map(len, side), np.int64, len(side))


def _code_bits(sides: Sequence[Sequences]) -> int:
    return max(int(side.codes.max(initial=0)) for side in sides).bit_length()


def _renumbered(sides: Sequence[Sequences]) -> list[Sequences]:
    """Number the codes that occur from 1, without gaps."""
    largest = max(int(side.codes.max(initial=0)) for side in sides)
    occurs = np.zeros(largest + 1, np.bool_)
    for side in sides:
        occurs[side.codes] = True
    numbers = np.cumsum(occurs, dtype=np.int64)
    return [Sequences(codes=numbers[side.codes], lengths=side.lengths) for side in sides]


def _matches_by_key(sides: Sequence[Sequences], order: int, bits: int) -> Ints:
    """Pack row, `order` codes and side into one integer each; one sort serves every n.

    Sorted by the longest n-grams, the shorter ones are sorted too: they are their prefixes.
    """
    side_bits = (len(sides) - 1).bit_length()
    key_bits = (len(sides[0]) - 1).bit_length() + bits * order + side_bits
    width = np.int32 if key_bits <= _SHORT_KEY_BITS else np.int64
    keys = np.concatenate(
        [
            (_keys(side, order, bits, width) << side_bits) | number
            for number, side in enumerate(sides)
        ]
    )
    keys.sort()
    side_of = keys & ((1 << side_bits) - 1)
    keys >>= side_bits
    in_reference = _running(side_of)
    row_starts = _running(np.sum([side.lengths for side in sides], axis=0))
    matches = np.zeros((len(sides[0]), order), np.int64)
    for n in range(1, order + 1):
        ngrams = keys >> (bits * (order - n))
        edges = _edges(ngrams)
        if len(sides) == 2:
            of_reference = _steps(in_reference.take(edges))
            shared = np.minimum(_steps(edges) - of_reference, of_reference)
        else:
            shared = _shared(ngrams, side_of, side_bits)
        shared *= ngrams[edges[:-1]] & ((1 << bits) - 1) != 0
        at_row = np.searchsorted(edges, row_starts)
        matches[:, n - 1] = _steps(_running(shared).take(at_row))
    return matches


def _shared(ngrams: Keys, side_of: Keys, side_bits: int) -> Ints:
    """Count, for every different n-gram in ascending order, what side 0 shares with the others."""
    keys = np.sort((ngrams << side_bits) | side_of)
    edges = _edges(keys)
    counts = _steps(edges)
    keys = keys[edges[:-1]]
    is_output = keys & ((1 << side_bits) - 1) == 0
    starts = _edges(keys >> side_bits)[:-1]
    in_output = np.add.reduceat(np.where(is_output, counts, 0), starts)
    in_reference = np.maximum.reduceat(np.where(is_output, 0, counts), starts)
    return np.minimum(in_output, in_reference)


def _edges(values: Keys) -> Ints:
    """Return where each run of equal values begins, and where the last one ends."""
    return np.concatenate(([0], np.flatnonzero(values[1:] != values[:-1]) + 1, [len(values)]))


def _keys(side: Sequences, order: int, bits: int, width: DTypeLike) -> Keys:
    """Pack each position's row and the next `order` codes, 0 beyond the end of the row."""
    rows = np.repeat(np.arange(len(side), dtype=width), side.lengths)
    places = np.arange(len(side.codes)) + rows * (order - 1)
    spaced = np.zeros(len(side.codes) + len(side) * (order - 1) + order, width)
    spaced[places] = side.codes
    stop = len(spaced) - order
    keys = spaced[:stop].copy()
    for n in range(1, order):
        keys <<= bits
        keys |= spaced[n : n + stop]
    packed: Keys = keys.take(places) | (rows << (bits * order))
    return packed


def _steps(sums: Ints) -> Ints:
    return sums[1:] - sums[:-1]


def _running(counts: NDArray[np.int64] | NDArray[np.bool_]) -> Ints:
    sums = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=sums[1:])
    return sums


def _matches_by_rank(sides: Sequence[Ints], order: int) -> Ints:
    """Count for one row with more different items than fit into a packed key."""
    side_bits = (len(sides) - 1).bit_length()
    base = max(int(side.max(initial=0)) for side in sides) + 1
    matches = np.zeros((1, order), np.int64)
    ranks = list(sides)
    for n in range(order):
        if n:
            ranks = [rank[:-1] * base + side[n:] for rank, side in zip(ranks, sides, strict=True)]
        lengths = [len(rank) for rank in ranks]
        _, flat = np.unique(np.concatenate(ranks), return_inverse=True)
        if not flat.size:
            break
        side_of = np.repeat(np.arange(len(sides)), lengths)
        matches[0, n] = _shared(flat, side_of, side_bits).sum()
        ranks = np.split(flat, np.cumsum(lengths)[:-1])
    return matches
